// SPDX-License-Identifier: GPL-2.0-or-later
/* test_capfile_ng.c - pcapng: kinds of packets, resolutions, sections, options, limits */
#include <stdio.h>

#include "capfile_build.h"
#include "source/capfile_internal.h"

static void test_packet_kinds(void **state)
{
	(void)state;
	for (int big = 0; big < 2; big++) {
		FILE_AUTO f = {.big = big};

		ng_section(&f);
		ng_iface_begin(&f, 1, 5); /* snap length 5: for the simple block */
		block_end(&f);
		ng_iface(&f, 101, "tun0", 9, 0);
		ng_packet(&f, 1, 0, 1700000000123456, 13, 900);
		block_begin(&f, 2); /* obsolete */
		put16(&f, 1);
		put16(&f, 77); /* drops */
		put32(&f, UINT64_C(1700000000123456789) >> 32);
		put32(&f, (uint32_t)UINT64_C(1700000000123456789));
		put32(&f, 3);
		put32(&f, 3);
		put_content(&f, 2, 3);
		block_end(&f);
		block_begin(&f, 3); /* simple */
		put32(&f, 60);
		put_content(&f, 3, 5);
		block_end(&f);
		ng_packet_begin(&f, 1, 7, 2, 2); /* with options behind the data */
		put_content(&f, 4, 2);
		put(&f, "\0", 2);
		option(&f, 1, "a comment", 9);
		option(&f, 0, "", 0);
		block_end(&f);
		ng_packet(&f, 5, 1, 8, 0, 40); /* nothing captured */

		for (size_t i = 0; i < ARRAY_LEN(buffer_sizes); i++) {
			struct capfile_reader *r = open_ok(&f, buffer_sizes[i]);
			struct capfile_packet p;

			assert_int_equal(capfile_next(r, &p), 1);
			expect_content(&p, 1, 13);
			assert_int_equal(p.ts_ns, UINT64_C(1700000000123456000));
			assert_int_equal(p.wirelen, 900);
			assert_int_equal(p.linktype, 1);
			assert_int_equal(p.iface, 0);
			assert_int_equal(capfile_next(r, &p), 1);
			expect_content(&p, 2, 3);
			assert_int_equal(p.ts_ns, UINT64_C(1700000000123456789));
			assert_int_equal(p.linktype, 101);
			assert_int_equal(p.iface, 1);
			assert_int_equal(capfile_next(r, &p), 1);
			expect_content(&p, 3, 5);
			assert_int_equal(p.ts_ns, 0);
			assert_int_equal(p.wirelen, 60);
			assert_int_equal(p.iface, 0);
			assert_int_equal(capfile_next(r, &p), 1);
			expect_content(&p, 4, 2);
			assert_int_equal(p.ts_ns, 7);
			assert_int_equal(capfile_next(r, &p), 1);
			expect_content(&p, 5, 0);
			assert_int_equal(p.wirelen, 40);
			assert_int_equal(capfile_next(r, &p), 0);
			assert_null(capfile_iface_name(r, 0));
			assert_string_equal(capfile_iface_name(r, 1), "tun0");
			assert_null(capfile_iface_name(r, 2));
			assert_int_equal(capfile_offset(r), f.len);
			capfile_close(r);
		}
	}
}

/* Ticks to nanoseconds in 128 bits: the plain formula, as the oracle. */
static bool oracle_ns(int tsresol, int64_t offset, uint64_t ticks, uint64_t *ret)
{
	__int128 v = (__int128)ticks;

	if (tsresol & 0x80) {
		v = (__int128)((unsigned __int128)ticks * 1000000000u >> (tsresol & 0x7f));
	} else {
		for (int i = tsresol; i < 9; i++)
			v *= 10;
		for (int i = 9; i < tsresol; i++)
			v /= 10;
	}
	/* The reader also refuses a time that only its offset would bring back into range. */
	if (v > (__int128)UINT64_MAX)
		return false;
	v += (__int128)offset * 1000000000;
	*ret = (uint64_t)v;
	return v >= 0 && v <= (__int128)UINT64_MAX;
}

static void expect_time(int tsresol, int64_t offset, uint64_t ticks, unsigned int *hits)
{
	FILE_AUTO f = {.big = ticks & 1};
	struct capfile_reader *r;
	struct capfile_packet p;
	uint64_t ns;

	ng_section(&f);
	ng_iface(&f, 1, NULL, tsresol, offset);
	ng_packet(&f, 1, 0, ticks, 4, 4);
	r = open_ok(&f, 0x200);
	if (oracle_ns(tsresol < 0 ? 6 : tsresol, offset, ticks, &ns)) {
		assert_int_equal(capfile_next(r, &p), 1);
		assert_true(p.ts_ns == ns);
		(*hits)++;
	} else {
		assert_int_equal(capfile_next(r, &p), -EBADMSG);
		assert_int_equal(capfile_fault(r), CAPFILE_FAULT_TIMESTAMP);
	}
	capfile_close(r);
}

static void test_resolutions(void **state)
{
	static const uint64_t ticks[] = {0,
					 1,
					 999999,
					 1700000000,
					 1700000000123,
					 UINT32_MAX,
					 UINT64_C(1) << 32,
					 1700000000123456,
					 1700000000123456789,
					 UINT64_MAX / 1000,
					 UINT64_MAX};
	static const int64_t offsets[] = {0, 1, -1, 1700000000, -1700000000, 9223372036, -9223372036};
	unsigned int hits = 0;

	(void)state;
	for (size_t o = 0; o < ARRAY_LEN(offsets); o++)
		for (size_t t = 0; t < ARRAY_LEN(ticks); t++) {
			expect_time(-1, offsets[o], ticks[t], &hits);
			for (int res = 0; res <= 19; res++)
				expect_time(res, offsets[o], ticks[t], &hits);
			for (int res = 0; res <= 63; res++)
				expect_time(0x80 | res, offsets[o], ticks[t], &hits);
		}
	assert_true(hits > 1000); /* the oracle did not reject everything */
}

static void test_sections(void **state)
{
	struct capfile_reader *r;
	struct capfile_packet p;
	FILE_AUTO f = {0};

	(void)state;
	ng_section(&f);
	ng_iface(&f, 1, "eth0", 9, 0);
	ng_iface(&f, 1, "eth1", -1, 0);
	ng_packet(&f, 1, 1, 5, 8, 8);
	f.big = true; /* a second section, of another machine */
	ng_section(&f);
	ng_iface(&f, 1, "eth0", 3, 0);	 /* the same place and name: the same interface, its clock aside */
	ng_iface(&f, 113, "any", -1, 0); /* another name in place 1 */
	ng_packet(&f, 2, 0, 5, 8, 8);
	ng_packet(&f, 3, 1, 5, 8, 8);
	f.big = false;
	ng_section(&f);
	ng_packet(&f, 4, 0, 5, 8, 8); /* the new section has described none */

	r = open_ok(&f, 0);
	assert_int_equal(capfile_iface_count(r), 0);
	assert_int_equal(capfile_next(r, &p), 1);
	assert_int_equal(p.iface, 1);
	assert_int_equal(p.ts_ns, 5000);
	assert_int_equal(capfile_iface_count(r), 2);
	assert_int_equal(capfile_next(r, &p), 1);
	assert_int_equal(p.iface, 0);
	assert_int_equal(p.ts_ns, 5000000);
	assert_int_equal(capfile_next(r, &p), 1);
	assert_int_equal(p.iface, 2);
	assert_int_equal(p.linktype, 113);
	assert_string_equal(capfile_iface_name(r, 2), "any");
	assert_int_equal(capfile_next(r, &p), -EBADMSG);
	assert_int_equal(capfile_fault(r), CAPFILE_FAULT_INTERFACE);
	capfile_close(r);
}

/* Memory does not grow with the file: neither with sections nor with the blocks passed over. */
static void test_bounded(void **state)
{
	struct capfile_reader *r;
	struct capfile_packet p;
	FILE_AUTO f = {0}, once = {0};
	uint64_t n = 0;
	void *big = calloc(1, 3u << 20);

	(void)state;
	assert_non_null(big);
	ng_section(&once);
	ng_iface(&once, 1, "eth0", 9, 0);
	ng_iface(&once, 1, NULL, 9, 0);
	ng_packet(&once, 1, 1, 5, 8, 8);
	for (int i = 0; i < 2000; i++)
		put(&f, once.d, once.len);
	block_begin(&f, 0x80000abc); /* somebody's own, three times the buffer */
	put(&f, big, 3u << 20);
	block_end(&f);
	put(&f, once.d, once.len);
	r = open_ok(&f, 0);
	while (capfile_next(r, &p) == 1)
		n++;
	assert_int_equal(n, 2001);
	assert_int_equal(capfile_fault(r), CAPFILE_FAULT_NONE);
	assert_int_equal(capfile_iface_count(r), 2);
	assert_int_equal(r->in.cap, CAPFILE_BUFFER);
	assert_true(r->local_cap <= 4 && r->iface_cap <= 4);
	capfile_close(r);

	/* A packet with 3 MiB of options is one block, and may grow the buffer. */
	file_free(&f);
	ng_section(&f);
	ng_iface(&f, 1, NULL, -1, 0);
	ng_packet_begin(&f, 0, 0, 8, 8);
	put_content(&f, 1, 8);
	put(&f, big, 3u << 20);
	block_end(&f);
	ng_packet(&f, 2, 0, 0, 8, 8);
	r = open_ok(&f, 0);
	assert_int_equal(capfile_next(r, &p), 1);
	expect_content(&p, 1, 8);
	assert_int_equal(capfile_next(r, &p), 1);
	expect_content(&p, 2, 8);
	assert_true(r->in.cap > 3u << 20 && r->in.cap <= CAPFILE_BLOCK_MAX);
	capfile_close(r);
	free(big);
}

/* One interface block with these options, then a packet of it. */
static void expect_option(uint16_t code, const char *value, uint16_t len, enum capfile_fault fault)
{
	FILE_AUTO f = {0};

	ng_section(&f);
	ng_iface_begin(&f, 1, 0);
	option(&f, code, value, len);
	block_end(&f);
	ng_packet(&f, 1, 0, 5, 8, 8);
	expect_fault(&f, fault == CAPFILE_FAULT_NONE, fault);
}

static void test_options(void **state)
{
	FILE_AUTO f = {0};
	struct capfile_reader *r;
	struct capfile_packet p;
	char name[400];

	(void)state;
	expect_option(9, "\x06", 1, CAPFILE_FAULT_NONE);
	expect_option(9, "\x06\0", 2, CAPFILE_FAULT_OPTION);
	expect_option(9, "", 0, CAPFILE_FAULT_OPTION);
	expect_option(9, "\x14", 1, CAPFILE_FAULT_OPTION); /* 10^-20 */
	expect_option(9, "\x7f", 1, CAPFILE_FAULT_OPTION);
	expect_option(9, "\xc0", 1, CAPFILE_FAULT_OPTION); /* 2^-64 */
	expect_option(14, "\0\0\0\0\0\0\0", 7, CAPFILE_FAULT_OPTION);
	expect_option(14, "\0\0\0\0\0\0\0\x7f", 8, CAPFILE_FAULT_OPTION);
	expect_option(0, "", 0, CAPFILE_FAULT_NONE);
	expect_option(4711, "whatever", 8, CAPFILE_FAULT_NONE);

	/* An option that exceeds its block; all lengths of names, with and without terminator. */
	ng_section(&f);
	ng_iface_begin(&f, 1, 0);
	put16(&f, 2);
	put16(&f, 5);
	put(&f, "eth0", 4);
	block_end(&f);
	expect_fault(&f, 0, CAPFILE_FAULT_OPTION);
	memset(name, 'x', sizeof(name));
	for (size_t len = 0; len < sizeof(name); len += len < 8 ? 1 : 49) {
		file_free(&f);
		ng_section(&f);
		ng_iface_begin(&f, 1, 0);
		option(&f, 2, name, len);
		block_end(&f);
		ng_iface_begin(&f, 1, 0);
		option(&f, 2, "e\0h0", 4);
		block_end(&f);
		r = open_ok(&f, 0);
		assert_int_equal(capfile_next(r, &p), 0);
		if (len)
			assert_int_equal(strlen(capfile_iface_name(r, 0)), len < 255 ? len : 255);
		else
			assert_null(capfile_iface_name(r, 0));
		assert_string_equal(capfile_iface_name(r, 1), "e");
		capfile_close(r);
	}
}

static void test_limits(void **state)
{
	FILE_AUTO f = {0}, g = {0}, s = {0}, h = {0};
	char name[16];

	(void)state;
	/* In one section. */
	ng_section(&f);
	for (unsigned int i = 0; i < CAPFILE_IFACE_MAX; i++)
		ng_iface(&f, 1, NULL, -1, 0);
	ng_packet(&f, 1, CAPFILE_IFACE_MAX - 1, 5, 8, 8);
	expect_fault(&f, 1, CAPFILE_FAULT_NONE);
	ng_iface(&f, 1, NULL, -1, 0);
	expect_fault(&f, 1, CAPFILE_FAULT_INTERFACES);
	/* Ever new ones in ever new sections. */
	for (unsigned int i = 0; i <= CAPFILE_IFACE_MAX; i++) {
		snprintf(name, sizeof(name), "veth%u", i);
		ng_section(&g);
		ng_iface(&g, 1, name, -1, 0);
	}
	expect_fault(&g, 0, CAPFILE_FAULT_INTERFACES);
	/* The largest packet, one byte more, and a simple one beyond its block. */
	for (uint32_t more = 0; more < 2; more++) {
		file_free(&s);
		ng_section(&s);
		ng_iface(&s, 1, NULL, -1, 0);
		ng_packet(&s, 1, 0, 5, CAPFILE_CAPLEN_MAX + more, CAPFILE_CAPLEN_MAX + more);
		expect_fault(&s, !more, more ? CAPFILE_FAULT_CAPLEN : CAPFILE_FAULT_NONE);
	}
	ng_section(&h);
	block_begin(&h, 3);
	put32(&h, 8);
	put_content(&h, 1, 8);
	block_end(&h);
	expect_fault(&h, 0, CAPFILE_FAULT_INTERFACE);
	file_free(&h);
	ng_section(&h);
	ng_iface(&h, 1, NULL, -1, 0);
	block_begin(&h, 3);
	put32(&h, 9);
	put_content(&h, 1, 8);
	block_end(&h);
	expect_fault(&h, 0, CAPFILE_FAULT_CAPLEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packet_kinds), cmocka_unit_test(test_resolutions),
		cmocka_unit_test(test_sections),     cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_options),	     cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests_name("capfile_ng", tests, NULL, NULL);
}
