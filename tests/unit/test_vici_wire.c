// SPDX-License-Identifier: GPL-2.0-or-later
/* test_vici_wire.c - frames and messages of VICI, and what is none */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>

#include <cmocka.h>

#include "source/vici_wire.h"
#include "vici_build.h"

/* The example of strongSwan's README, as it stands there, in a response. */
static const uint8_t example[] = {
	1,   3,	  4,   'k', 'e', 'y', '1', 0,	6,   'v', 'a', 'l', 'u', 'e', '1', 1,	8,   's', 'e', 'c',
	't', 'i', 'o', 'n', '1', 1,   11,  's', 'u', 'b', '-', 's', 'e', 'c', 't', 'i', 'o', 'n', 3,   4,
	'k', 'e', 'y', '2', 0,	 6,   'v', 'a', 'l', 'u', 'e', '2', 2,	 4,   5,   'l', 'i', 's', 't', '1',
	5,   0,	  5,   'i', 't', 'e', 'm', '1', 5,   0,	  5,   'i', 't', 'e', 'm', '2', 6,   2,
};

static const char example_text[] = "key1=value1 section1{ sub-section{ key2=value2 } list1=[item1 item2] }";

static void test_example(void **state)
{
	struct vici_packet packet;
	struct vici_reader reader;
	struct vici_item item;
	struct build b;
	int count = 0;

	(void)state;
	assert_int_equal(vici_packet(example, sizeof(example), &packet), 0);
	assert_int_equal(packet.type, VICI_CMD_RESPONSE);
	reader = vici_reader(packet.message, packet.size);
	assert_int_equal(vici_next(&reader, &item), 1);
	assert_int_equal(item.type, VICI_KEY_VALUE);
	assert_true(vici_is(item.name, "key1") && vici_is(item.value, "value1"));
	assert_int_equal(vici_next(&reader, &item), 1);
	assert_true(item.type == VICI_SECTION_START && vici_is(item.name, "section1"));
	vici_skip(&reader);
	assert_int_equal(vici_next(&reader, &item), 0);

	reader = vici_reader(packet.message, packet.size);
	while (vici_next(&reader, &item) > 0)
		count++;
	assert_int_equal(count, 10);

	/* And the builder of the other tests says the same. */
	build_packet(&b, VICI_CMD_RESPONSE, NULL);
	build_message(&b, example_text);
	assert_int_equal(b.size, sizeof(example));
	assert_memory_equal(b.data, example, sizeof(example));
}

/* What is cut short anywhere is refused where the message does not happen to be whole; nothing is read beyond it (ASan). */
static void test_truncated(void **state)
{
	struct vici_packet packet;
	size_t passed = 0;

	(void)state;
	for (size_t size = 0; size < sizeof(example); size++) {
		uint8_t *copy = malloc(size ? size : 1);

		assert_non_null(copy);
		memcpy(copy, example, size);
		if (!vici_packet(copy, size, &packet)) {
			assert_true(size == 1 || size == 15); /* nothing; only key1 */
			passed++;
		}
		free(copy);
	}
	assert_int_equal(passed, 2);
}

static void test_names(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		int err;
		const char *name;
	} rows[] = {
		{"\7\7list-sa", 9, 0, "list-sa"},
		{"\7\0", 2, 0, ""},
		{"\7\7list-s", 8, -EBADMSG, NULL},
		{"\7", 1, -EBADMSG, NULL},
		{"", 0, -EBADMSG, NULL},
		{"\10\0", 2, -EBADMSG, NULL}, /* no such type */
		{"\377", 1, -EBADMSG, NULL},
		{"\5", 1, 0, ""},
		{"\5\3\1a\0\1b", 7, -EBADMSG, NULL}, /* a confirmation says nothing */
		{"\3\3abc", 5, 0, "abc"},
		{"\3\3abcd", 6, -EBADMSG, NULL},
		{"\2", 1, 0, ""},
		{"\2\2", 2, -EBADMSG, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t *copy = malloc(rows[i].size ? rows[i].size : 1);
		struct vici_packet packet;

		assert_non_null(copy);
		memcpy(copy, rows[i].text, rows[i].size);
		assert_int_equal(vici_packet(copy, rows[i].size, &packet), rows[i].err);
		if (!rows[i].err)
			assert_true(vici_is(packet.name, rows[i].name));
		free(copy);
	}
}

static int check(const char *message, size_t size)
{
	struct vici_packet packet;
	struct build b;

	build_packet(&b, VICI_CMD_RESPONSE, NULL);
	build_text(&b, message, size);
	return vici_packet(b.data, b.size, &packet);
}

#define CHECK(text) check(text, sizeof(text) - 1)

static void test_grammar(void **state)
{
	(void)state;
	assert_int_equal(CHECK(""), 0);
	assert_int_equal(CHECK("\3\0\0\0"), 0);			/* empty name, empty value */
	assert_int_equal(CHECK("\1\1a\2"), 0);			/* a { } */
	assert_int_equal(CHECK("\4\1a\6"), 0);			/* a = [ ] */
	assert_int_equal(CHECK("\2"), -EBADMSG);		/* } */
	assert_int_equal(CHECK("\1\1a\2\2"), -EBADMSG);		/* a { } } */
	assert_int_equal(CHECK("\1\1a"), -EBADMSG);		/* a { */
	assert_int_equal(CHECK("\4\1a"), -EBADMSG);		/* a = [ */
	assert_int_equal(CHECK("\5\0\1a"), -EBADMSG);		/* an item in no list */
	assert_int_equal(CHECK("\6"), -EBADMSG);		/* ] */
	assert_int_equal(CHECK("\4\1a\4\1b\6\6"), -EBADMSG);	/* a list in a list */
	assert_int_equal(CHECK("\4\1a\3\1b\0\1c\6"), -EBADMSG); /* a key in a list */
	assert_int_equal(CHECK("\4\1a\1\1b\2\6"), -EBADMSG);	/* a section in a list */
	assert_int_equal(CHECK("\1\1a\4\1b\2\6"), -EBADMSG);	/* a section closed within a list */
	assert_int_equal(CHECK("\1\1a\4\1b\5\0\1c\6\2"), 0);
	assert_int_equal(CHECK("\0"), -EBADMSG);
	assert_int_equal(CHECK("\7"), -EBADMSG);
	assert_int_equal(CHECK("\3\1a\377\377b"), -EBADMSG); /* a value longer than the packet */
	assert_int_equal(CHECK("\3\377a"), -EBADMSG);	     /* a name longer than the packet */
}

static int nested(unsigned int depth)
{
	struct vici_packet packet;
	struct build b;

	build_packet(&b, VICI_CMD_RESPONSE, NULL);
	for (unsigned int i = 0; i < depth; i++)
		build_section(&b, "s");
	for (unsigned int i = 0; i < depth; i++)
		build_end(&b);
	return vici_packet(b.data, b.size, &packet);
}

static void test_depth(void **state)
{
	(void)state;
	assert_int_equal(nested(VICI_DEPTH_MOST), 0);
	assert_int_equal(nested(VICI_DEPTH_MOST + 1), -EMSGSIZE);
	assert_int_equal(nested(10000), -EMSGSIZE);
}

static void test_frames(void **state)
{
	static const struct {
		uint8_t data[6];
		size_t have;
		int whole;
		size_t size;
	} rows[] = {
		{{0}, 0, 0, 0},
		{{0, 0, 0}, 3, 0, 0},
		{{0, 0, 0, 0}, 4, -EMSGSIZE, 0}, /* empty: there is no such packet */
		{{0, 0, 0, 1}, 4, 0, 0},
		{{0, 0, 0, 1, 5}, 5, 1, 1},
		{{0, 0, 0, 1, 5, 0}, 6, 1, 1},
		{{0, 8, 0, 0}, 4, 0, 0},	 /* 512 KiB: the most */
		{{0, 8, 0, 1}, 4, -EMSGSIZE, 0}, /* and one more */
		{{0xff, 0xff, 0xff, 0xff}, 4, -EMSGSIZE, 0},
		{{0x80, 0, 0, 1}, 4, -EMSGSIZE, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t size = 0;

		assert_int_equal(vici_frame(rows[i].data, rows[i].have, &size), rows[i].whole);
		assert_int_equal(size, rows[i].size);
	}
}

static void test_encode(void **state)
{
	static const uint8_t wanted[] = {0, 0, 0, 10, 0, 8, 'l', 'i', 's', 't', '-', 's', 'a', 's'};
	char most[257];
	uint8_t frame[300];
	struct vici_packet packet;
	size_t size;

	(void)state;
	assert_int_equal(vici_encode(VICI_CMD_REQUEST, "list-sas", NULL, NULL, frame, sizeof(frame)),
			 sizeof(wanted));
	assert_memory_equal(frame, wanted, sizeof(wanted));
	assert_int_equal(vici_encode(VICI_CMD_REQUEST, "list-sas", NULL, NULL, frame, sizeof(wanted) - 1), 0);
	assert_int_equal(vici_encode(VICI_CMD_REQUEST, "list-sas", NULL, NULL, frame, sizeof(wanted)),
			 sizeof(wanted));

	memset(most, 'n', sizeof(most));
	most[255] = 0;
	size = vici_encode(VICI_EVENT_REGISTER, most, NULL, NULL, frame, sizeof(frame));
	assert_int_equal(size, VICI_HEADER + 2 + 255);
	assert_int_equal(vici_packet(frame + VICI_HEADER, size - VICI_HEADER, &packet), 0);
	assert_int_equal(packet.type, VICI_EVENT_REGISTER);
	assert_true(vici_is(packet.name, most));
	most[255] = 'n';
	most[256] = 0;
	assert_int_equal(vici_encode(VICI_EVENT_REGISTER, most, NULL, NULL, frame, sizeof(frame)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example), cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_names),	cmocka_unit_test(test_grammar),
		cmocka_unit_test(test_depth),	cmocka_unit_test(test_frames),
		cmocka_unit_test(test_encode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
