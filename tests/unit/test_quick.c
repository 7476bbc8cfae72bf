// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which frames take the quick way, and what is left to the general one. That both count the same is test_account.c's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "golden/packets.h"
#include "source/twin.h"

#include "espial/quick.h"

static struct twin twin;

static int start(void **state)
{
	struct twin_options o = {.sa_slots = 16, .new_sets = 4, .seed = 1};

	(void)state;
	return twin_init(&twin, &o);
}

static int end(void **state)
{
	(void)state;
	twin_destroy(&twin);
	return 0;
}

/* Whether it is dealt with; the frame is given to nobody else. */
static int quick_of(struct packet *b, uint32_t wire, int single)
{
	struct esp_at at = {.t = &twin.tables, .now = 5, .ifindex = 1, .direction = ESP_DIR_IN};
	uint8_t *copy = malloc(b->length);
	struct esp_if_stats *stats = esp_if_stats_at(&twin.tables, 0, ESP_DIR_IN, 0);
	enum esp_class cls;
	int done;

	memcpy(copy, b->data, b->length);
	cls = esp_quick(&twin.tables.cfg.ports, copy, copy + b->length, wire, stats);
	done = cls == ESP_CLASS_OTHER ||
	       (cls != ESP_CLASS_COUNT && single && esp_quick_sa(&at, copy, cls, stats));
	free(copy);
	return done;
}

static int quick(struct packet *b)
{
	packet_finish(b);
	return quick_of(b, (uint32_t)b->length, 1);
}

static void begin(struct packet *b, uint8_t protocol)
{
	packet_begin(b);
	eth(b, 0x0800);
	ip4(b, protocol);
}

static void test_none_of_ours(void **state)
{
	struct packet b;

	(void)state;
	packet_begin(&b);
	eth(&b, 0x0806);
	assert_true(quick(&b)); /* no byte behind the Ethernet header is needed */
	packet_begin(&b);
	fill(&b, 13);
	assert_false(quick(&b));
	begin(&b, 6);
	tcp(&b, 33333, 443);
	assert_true(quick(&b));
	begin(&b, 17);
	udp(&b, 53, 5353);
	fill(&b, 8);
	assert_true(quick(&b)); /* 36 bytes of IP are the least */
	begin(&b, 17);
	udp(&b, 53, 5353);
	fill(&b, 7);
	trailer(&b, 20);
	assert_false(quick(&b));
	begin(&b, 17);
	udp(&b, 53, 5353);
	fill(&b, 20);
	set16_ip(&b, 6, 0x2000);
	assert_false(quick(&b));
	begin(&b, 17);
	udp(&b, 53, 500);
	fill(&b, 20);
	assert_false(quick(&b));
	begin(&b, 1);
	icmp(&b, 8, 0);
	fill(&b, 20);
	assert_false(quick(&b));
	packet_begin(&b);
	eth(&b, 0x86dd);
	ip6(&b, 6);
	tcp(&b, 33333, 443);
	assert_false(quick(&b));
	assert_int_equal(twin.tables.stats[0].seen, 3);
	assert_int_equal(twin.tables.stats[0].cls[ESP_CLASS_OTHER], 3);
}

/* ESP of IP's 36 bytes, the least that is quick; in UDP of 44. */
static void esp_frame(struct packet *b, int in_udp, uint32_t sequence)
{
	begin(b, in_udp ? 17 : 50);
	if (in_udp)
		udp(b, 4500, 4500);
	esp(b, in_udp ? 8 : 7, sequence);
	if (!in_udp)
		fill(b, 8);
	packet_finish(b);
}

static void test_next_of_an_sa(void **state)
{
	const struct esp_lane *lane = NULL;
	struct packet b;

	(void)state;
	for (int in_udp = 0; in_udp < 2; in_udp++) {
		esp_frame(&b, in_udp, 1);
		assert_false(quick_of(&b, (uint32_t)b.length, 1)); /* a stranger */
		for (uint32_t n = 1; n <= 5; n++) {
			esp_frame(&b, in_udp, n);
			twin_frame(&twin, b.data, (uint32_t)b.length, (uint32_t)b.length, ESP_LINK_ETHERNET,
				   1, 1, ESP_DIR_IN, 1, 0, NULL);
		}
		esp_frame(&b, in_udp, 6);
		assert_false(quick_of(&b, (uint32_t)b.length - 1, 1)); /* not all of it was on the wire */
		assert_false(quick_of(&b, (uint32_t)b.length, 0));
		assert_true(quick_of(&b, (uint32_t)b.length, 1));
		assert_false(quick_of(&b, (uint32_t)b.length, 1)); /* a duplicate */
		esp_frame(&b, in_udp, 8);
		assert_true(quick_of(&b, (uint32_t)b.length, 1));
		esp_frame(&b, in_udp, 7);
		assert_false(quick_of(&b, (uint32_t)b.length, 1)); /* late */
		esp_frame(&b, in_udp, 9);
		b.data[14 + 1] ^= 4; /* another traffic class */
		assert_false(quick_of(&b, (uint32_t)b.length, 1));
	}
	for (uint32_t slot = 0; slot <= twin.tables.cfg.sa_mask; slot++) {
		if (!twin.tables.sa[slot].key.id)
			continue;
		lane = &twin.tables.lane[slot];
		assert_int_equal(lane->packets, 7);
		assert_int_equal(lane->received, 7);
		assert_int_equal(lane->bytes, 7 * 36);
		assert_int_equal(lane->last, 5);
	}
	assert_non_null(lane);
}

/* Others whose home is an SA's slot are not that SA, however alike. */
static void test_neighbours(void **state)
{
	struct packet b;

	(void)state;
	for (uint32_t n = 1; n <= 5; n++) {
		esp_frame(&b, 0, n);
		twin_frame(&twin, b.data, (uint32_t)b.length, (uint32_t)b.length, ESP_LINK_ETHERNET, 1, 1,
			   ESP_DIR_IN, 1, 0, NULL);
	}
	for (uint32_t spi = 1000; spi < 1200; spi++) {
		begin(&b, 50);
		esp(&b, spi, 6);
		fill(&b, 8);
		assert_false(quick(&b));
	}
	esp_frame(&b, 0, 6);
	assert_true(quick_of(&b, (uint32_t)b.length, 1));
}

/* A UDP datagram that is shorter than ESP in it needs, or longer than its IP packet. */
static void test_udp_lengths(void **state)
{
	struct packet b;

	(void)state;
	for (uint32_t n = 1; n <= 5; n++) {
		esp_frame(&b, 1, n);
		twin_frame(&twin, b.data, (uint32_t)b.length, (uint32_t)b.length, ESP_LINK_ETHERNET, 1, 1,
			   ESP_DIR_IN, 1, 0, NULL);
	}
	esp_frame(&b, 1, 6);
	b.data[14 + 20 + 5] = 15;
	assert_false(quick_of(&b, (uint32_t)b.length, 1));
	b.data[14 + 20 + 5] = 17;
	assert_false(quick_of(&b, (uint32_t)b.length, 1));
	b.data[14 + 20 + 5] = 16;
	assert_true(quick_of(&b, (uint32_t)b.length, 1));
}

/* Every port, from and to, with the usual ports and others: as if each were compared. */
static void test_ports(void **state)
{
	static const struct esp_ports sets[] = {{.ike = {0}},
						{.ike = {848, 500}},
						{.ike = {500, 564}, .natt = {4500, 63}},
						{.ike = {1, 65535}}};

	(void)state;
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]) * 2; i++) {
		struct esp_ports ports = sets[i / 2], compared;
		struct esp_if_stats stats = {0};
		unsigned int classes[ESP_CLASS_COUNT + 1] = {0};
		struct packet b;

		esp_ports_settle(&ports);
		compared = ports;
		compared.others = 0;
		begin(&b, i & 1 ? 6 : 17);
		udp(&b, 0, 0);
		fill(&b, 20);
		packet_finish(&b);
		for (unsigned int k = 0; k < 0x20000; k++) {
			const uint8_t *end = b.data + b.length;
			uint8_t *at = b.data + 34 + (k & 1 ? 2 : 0);
			enum esp_class cls;

			memset(b.data + 34, 1, 4);
			at[0] = (uint8_t)(k >> 9);
			at[1] = (uint8_t)(k >> 1);
			cls = esp_quick(&ports, b.data, end, (uint32_t)b.length, &stats);
			assert_int_equal(cls, esp_quick(&compared, b.data, end, (uint32_t)b.length, &stats));
			classes[cls]++;
		}
		assert_true(classes[ESP_CLASS_OTHER] >= 0x20000 - 8);
		assert_true(classes[ESP_CLASS_COUNT] + classes[ESP_CLASS_ESP_UDP] >= 2);
	}
}

/* What goes to the agent whole. */
static void test_wanted(void **state)
{
	(void)state;
	for (unsigned int cls = 0; cls < ESP_CLASS_COUNT; cls++)
		assert_int_equal(esp_wants_packet((enum esp_class)cls), cls == ESP_CLASS_IKE ||
										cls == ESP_CLASS_IKE_NATT ||
										cls == ESP_CLASS_ICMP_QUOTE);
}

/* A packet is counted once: in its class, or with the reason for which it was rejected. */
static void test_counted(void **state)
{
	(void)state;
	for (size_t i = 0; i < packet_case_count; i++) {
		const struct packet_case *c = &packet_cases[i];
		struct esp_if_stats *stats = &twin.tables.stats[0];
		struct packet b;

		packet_build(c, &b);
		memset(stats, 0, sizeof(*stats));
		twin_frame(&twin, b.data, (uint32_t)b.length, (uint32_t)b.length, c->link, 1, 1, ESP_DIR_IN,
			   1, 0, NULL);
		assert_int_equal(stats->seen, 1);
		for (unsigned int k = 0; k < ESP_REASON_ROOM; k++)
			assert_int_equal(stats->rejected[k], k && k == c->bad);
		for (unsigned int k = 0; k < ESP_CLASS_ROOM && c->cls != ESP_CLASS_FRAGMENT; k++)
			assert_int_equal(stats->cls[k], !c->bad && k == c->cls);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_none_of_ours), TEST(test_next_of_an_sa),
					   TEST(test_udp_lengths),  TEST(test_neighbours),
					   TEST(test_ports),	    TEST(test_wanted),
					   TEST(test_counted)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
