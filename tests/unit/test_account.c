// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Accounting through the twin: whole frames of many SAs, newcomers, floods, tiny tables. What the tables say is compared
 * with what was sent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "golden/packets.h"
#include "golden/stream.h"
#include "oracle_sums.h"
#include "source/twin.h"

#include "espial/pipeline.h"

static uint64_t random_state = 88172645463325252ULL;

static uint32_t random_u32(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32);
}

static void twin_start(struct twin *t, uint32_t slots, uint32_t sets, uint32_t cpus)
{
	struct twin_options o = {.sa_slots = slots, .new_sets = sets, .cpus = cpus, .seed = 4711};

	assert_int_equal(twin_init(t, &o), 0);
}

static void twin_end(struct twin *t)
{
	assert_null(sums_tables_broken(&t->tables));
	twin_destroy(t);
}

/* One frame of an SA: raw IPv4 or IPv6, ESP. Everything that may vary. */
struct frame {
	uint32_t spi, sequence;
	int family;
	uint32_t ifindex, cpu, segments;
	uint64_t now;
	uint8_t ttl, tos;
	uint16_t port; /* not 0: in UDP, from this port */
	uint32_t size; /* bytes behind the ESP header */
	int df;
};

static enum esp_class send(struct twin *t, const struct frame *f)
{
	struct packet b;
	uint8_t *copy;
	enum esp_class cls;

	packet_begin(&b);
	if (f->family == 6)
		ip6(&b, f->port ? 17 : 50);
	else
		ip4(&b, f->port ? 17 : 50);
	if (f->port)
		udp(&b, f->port, 4500);
	esp(&b, f->spi, f->sequence);
	fill(&b, f->size ? f->size : 32);
	if (f->family == 6) {
		set8_ip(&b, 7, f->ttl ? f->ttl : 64);
	} else {
		set8_ip(&b, 8, f->ttl ? f->ttl : 64);
		set8_ip(&b, 1, f->tos);
		set8_ip(&b, 6, f->df ? 0x40 : 0);
	}
	packet_finish(&b);
	copy = malloc(b.length);
	memcpy(copy, b.data, b.length);
	cls = twin_frame(t, copy, (uint32_t)b.length, (uint32_t)b.length, ESP_LINK_IP, f->now ? f->now : 1,
			 f->ifindex ? f->ifindex : 1, ESP_DIR_IN, f->segments ? f->segments : 1, f->cpu,
			 NULL);
	free(copy);
	return cls;
}

static void sums_of_spi(const struct twin *t, uint32_t spi, struct sa_sums *ret)
{
	int slot = sums_find(&t->tables, spi);

	if (slot < 0)
		fail_msg("SPI 0x%08x has no slot", spi);
	sums_of_slot(&t->tables, (uint32_t)slot, ret);
	if (sums_broken(ret))
		fail_msg("SPI 0x%08x: %s", spi, sums_broken(ret));
}

static void compare(const struct twin *t, uint32_t spi, const struct oracle *o)
{
	struct sa_sums s;

	sums_of_spi(t, spi, &s);
	oracle_sums_agree(&s, o);
}

/* The vector of the issue, through a newcomer's promotion. */
static void test_vector(void **state)
{
	static const uint32_t numbers[] = {1, 2, 3, 5, 6, 4, 9, 9, 10};
	struct sa_sums s;
	struct twin t;

	(void)state;
	twin_start(&t, 64, 8, 1);
	for (size_t i = 0; i < 9; i++)
		send(&t, &(struct frame){.spi = 0x1000, .sequence = numbers[i], .now = 1000 + i});
	sums_of_spi(&t, 0x1000, &s);
	assert_int_equal(s.packets, 9);
	assert_int_equal(s.bytes, 9 * (20 + 8 + 32));
	assert_int_equal(s.received, 8);
	assert_int_equal(s.duplicate, 1);
	assert_int_equal(s.pending, 2);
	assert_int_equal(s.late, 1);
	assert_int_equal(t.tables.rare[s.slot].first_time, 1000);
	for (uint32_t i = 0; i <= t.tables.cfg.sa_mask; i++)
		assert_int_equal(t.tables.sa[i].reach, 0); /* it has its home, where one look finds it */
	twin_end(&t);
}

/* Many SAs at once, over two interfaces and several CPUs (ECMP), each path with losses, reordering and duplicates. */
static void test_many_sas(void **state)
{
	enum { SAS = 40, STEPS = 60000 };
	struct oracle *o = calloc(SAS, sizeof(*o));
	uint32_t *next = calloc(SAS, sizeof(*next));
	struct twin t;

	(void)state;
	twin_start(&t, 128, 64, 3);
	for (int i = 0; i < SAS; i++) {
		oracle_init(&o[i]);
		next[i] = i % 3 ? 1 : 0xfffff000U + (uint32_t)i;
	}
	for (int step = 0; step < STEPS; step++) {
		uint32_t i = random_u32() % SAS, r = random_u32() % 100, number = next[i]++;

		if (o[i].packets > 8) {
			if (r < 5)
				continue;
			if (r < 7)
				number -= random_u32() % 200;
			else if (r == 7)
				number = next[i] += 40;
			else if (r == 8)
				number += 100000000;
			else if (r == 9)
				number -= 2500;
		}
		oracle_packet(&o[i], number);
		send(&t, &(struct frame){.spi = 0x1000 + i,
					 .sequence = number,
					 .family = i & 1 ? 6 : 4,
					 .port = i % 5 == 0 ? 4500 : 0,
					 .ifindex = 1 + random_u32() % 2,
					 .cpu = random_u32() % 3,
					 .now = 1 + (uint64_t)step});
	}
	for (uint32_t i = 0; i < SAS; i++) {
		compare(&t, 0x1000 + i, &o[i]);
		oracle_destroy(&o[i]);
	}
	assert_int_equal(t.tables.cpu[0].loss[ESP_LOSS_EVICTED], 0);
	free(o);
	free(next);
	twin_end(&t);
}

/* One SPI, one destination each: the SPI alone names nothing. */
static void test_identity(void **state)
{
	struct twin t;
	int entries = 0;

	(void)state;
	twin_start(&t, 64, 8, 1);
	for (uint32_t n = 1; n < 6; n++) {
		struct packet b;

		send(&t, &(struct frame){.spi = 0x1000, .sequence = n});
		send(&t, &(struct frame){.spi = 0x1000, .sequence = n, .family = 6});
		for (int direction = 0; direction < 2; direction++) {
			for (uint8_t host = 1; host < 3; host++) {
				packet_begin(&b);
				ip4(&b, 51);
				ah(&b, 50, 4, 0x1000, n);
				fill(&b, 20);
				set8_ip(&b, 19, host);
				packet_finish(&b);
				twin_frame(&t, b.data, (uint32_t)b.length, (uint32_t)b.length, ESP_LINK_IP, 1,
					   1, (enum esp_direction)direction, 1, 0, NULL);
			}
		}
	}
	for (uint32_t i = 0; i <= t.tables.cfg.sa_mask; i++) {
		struct sa_sums s;

		if (!t.tables.sa[i].key.id)
			continue;
		sums_of_slot(&t.tables, i, &s);
		assert_int_equal(s.packets, 5);
		entries++;
	}
	assert_int_equal(entries, 6);
	twin_end(&t);
}

/* What packets of a run have in common. */
static void test_runs(void **state)
{
	const struct esp_sa_rare *rare;
	const struct esp_lane *lane;
	struct twin t;
	uint32_t n = 1, slot;

	(void)state;
	twin_start(&t, 64, 8, 1);
	for (; n <= 10; n++)
		send(&t,
		     &(struct frame){.spi = 7, .sequence = n, .tos = 0xb8, .ttl = 60, .df = 1, .size = 100});
	for (; n <= 30; n++)
		send(&t,
		     &(struct frame){
			     .spi = 7, .sequence = n, .tos = 0x03, .ttl = 61, .ifindex = 2, .size = 1000});
	for (; n <= 37; n++)
		send(&t, &(struct frame){
				 .spi = 7, .sequence = n, .ttl = 1, .port = 4500, .size = 10, .ifindex = 3});
	for (; n <= 40; n++)
		send(&t, &(struct frame){
				 .spi = 7, .sequence = n, .ttl = 255, .port = 999, .size = 10, .ifindex = 4});
	for (; n <= 41; n++)
		send(&t, &(struct frame){.spi = 7,
					 .sequence = n,
					 .ttl = 255,
					 .port = 999,
					 .size = 10,
					 .ifindex = 5,
					 .now = 99});
	for (; n <= 42; n++)
		send(&t, &(struct frame){.spi = 7,
					 .sequence = n,
					 .ttl = 255,
					 .port = 999,
					 .size = 10,
					 .ifindex = 1,
					 .now = 99});
	slot = (uint32_t)sums_find(&t.tables, 7);
	rare = &t.tables.rare[slot];
	lane = &t.tables.lane[slot];
	assert_int_equal(rare->dscp[0xb8 >> 2], 10);
	assert_int_equal(rare->dscp[0], 20 + 7 + 3 + 1);
	assert_int_equal(rare->ecn_ce, 20);
	assert_int_equal(rare->df, 10);
	assert_int_equal(rare->ttl_max, 255);
	assert_int_equal(rare->ttl_min_inv, 255 - 1);
	assert_int_equal(rare->ttl_current, 256);
	assert_int_equal(rare->ttl_changes, 3);
	assert_int_equal(rare->endpoint_changes, 2);
	assert_int_equal(lane->size_max, 20 + 8 + 1000);
	assert_int_equal(~lane->size_min_inv, 20 + 8 + 8 + 10);
	assert_int_equal(lane->last, 99);
	assert_int_equal(lane->packets - lane->run_packets, 1);
	assert_int_equal(lane->bytes - lane->run_bytes, 46);
	assert_int_equal(rare->interfaces[0].ifindex, 1);
	assert_int_equal(rare->interfaces[0].packets, 10);
	assert_int_equal(rare->interfaces[1].ifindex, 2);
	assert_int_equal(rare->interfaces[1].packets, 20);
	assert_int_equal(rare->interfaces[1].bytes, 20 * 1028);
	assert_int_equal(rare->interfaces[2].packets, 7);
	assert_int_equal(rare->interfaces[3].ifindex, ESP_INTERFACE_REST);
	assert_int_equal(rare->interfaces[3].packets, 3 + 1);
	assert_int_equal(rare->interfaces[3].bytes, 4 * 46);
	twin_end(&t);
}

/* Sixteen numbers in one packet (crypto offload on egress). */
static void test_segments(void **state)
{
	struct oracle o;
	struct sa_sums s;
	struct twin t;
	uint32_t n = 1;

	(void)state;
	oracle_init(&o);
	twin_start(&t, 64, 8, 1);
	for (int packet = 0; packet < 500; packet++) {
		uint32_t segments = 1 + random_u32() % 44;

		if (packet % 10 != 7) {
			assert_int_equal(send(&t, &(struct frame){.spi = 7,
								  .sequence = n,
								  .segments = segments,
								  .size = 1400 * segments % 7000 + 1}),
					 ESP_CLASS_ESP);
			for (uint32_t i = 0; i < segments; i++)
				oracle_packet(&o, n + i);
		}
		n += segments;
	}
	compare(&t, 7, &o);
	sums_of_spi(&t, 7, &s);
	assert_int_equal(t.tables.stats[0].seen, s.packets);
	assert_int_equal(t.tables.stats[0].cls[ESP_CLASS_ESP], s.packets);
	assert_int_equal(t.tables.stats[0].bytes, s.bytes);
	/* and from a sender that was a newcomer first */
	for (n = 1; n < 4; n++)
		send(&t, &(struct frame){.spi = 8, .sequence = n});
	send(&t, &(struct frame){.spi = 8, .sequence = 4, .segments = 10});
	sums_of_spi(&t, 8, &s);
	assert_int_equal(s.packets, 13);
	assert_int_equal(s.received, 13);
	assert_int_equal(s.bytes, 4 * 60 + 9 * (20 + 8)); /* each segment has headers of its own */
	/* the sizes are those of the segments */
	send(&t, &(struct frame){.spi = 9, .sequence = 1, .segments = 10, .size = 992});
	send(&t, &(struct frame){.spi = 9, .sequence = 11, .segments = 4, .size = 1000});
	send(&t, &(struct frame){.spi = 9, .sequence = 15, .segments = 2, .size = 20});
	sums_of_spi(&t, 9, &s);
	assert_int_equal(t.tables.lane[s.slot].size_max, (1028 + 3 * 28) / 4);
	assert_int_equal(~t.tables.lane[s.slot].size_min_inv, (48 + 28) / 2);
	oracle_destroy(&o);
	twin_end(&t);
}

/* A newcomer whose first packets are far apart, repeated or all the same is none; once it advances, nothing is forgotten. */
static void test_newcomers(void **state)
{
	struct sa_sums s;
	struct twin t;

	(void)state;
	twin_start(&t, 64, 8, 1);
	for (int i = 0; i < 9; i++)
		send(&t, &(struct frame){.spi = 7, .sequence = 5});
	assert_int_equal(sums_find(&t.tables, 7), -1);
	send(&t, &(struct frame){.spi = 7, .sequence = 6});
	sums_of_spi(&t, 7, &s);
	assert_int_equal(s.packets, 10);
	assert_int_equal(s.bytes, 10 * 60);
	assert_int_equal(s.received, 2);
	for (uint32_t i = 0; i < 9; i++)
		send(&t, &(struct frame){.spi = 8, .sequence = i * 5000});
	assert_int_equal(sums_find(&t.tables, 8), -1);
	for (uint32_t i = 1; i < 4; i++)
		send(&t, &(struct frame){.spi = 8, .sequence = 40000 + i});
	sums_of_spi(&t, 8, &s);
	assert_int_equal(s.packets, 12);
	assert_int_equal(s.received + s.outlier, 12);
	for (uint32_t i = 0; i < 3; i++)
		send(&t, &(struct frame){.spi = 9, .sequence = 1 + i});
	assert_int_equal(sums_find(&t.tables, 9), -1);
	send(&t, &(struct frame){.spi = 9, .sequence = 4});
	sums_of_spi(&t, 9, &s);
	assert_int_equal(s.packets, 4);
	assert_int_equal(s.received, 4);
	/* what is admitted at once has nothing of the newcomer that was promoted before */
	for (int i = 0; i < 9; i++)
		send(&t, &(struct frame){.spi = 10, .sequence = 5 + (i == 8)});
	send(&t, &(struct frame){.spi = 11, .sequence = 1, .segments = 2});
	sums_of_spi(&t, 11, &s);
	assert_int_equal(s.packets, 2);
	assert_int_equal(s.bytes, 60 + 28);
	assert_int_equal(s.outlier, 0);
	/* as far apart as the window is wide, and one more */
	for (uint32_t i = 0; i < 3; i++)
		send(&t, &(struct frame){.spi = 12, .sequence = 5000});
	send(&t, &(struct frame){.spi = 12, .sequence = 5001 + ESP_WINDOW});
	assert_int_equal(sums_find(&t.tables, 12), -1);
	for (uint32_t i = 0; i < 3; i++)
		send(&t, &(struct frame){.spi = 13, .sequence = 5000});
	send(&t, &(struct frame){.spi = 13, .sequence = 4999 - ESP_WINDOW});
	assert_int_equal(sums_find(&t.tables, 13), -1);
	for (uint32_t i = 0; i < 3; i++)
		send(&t, &(struct frame){.spi = 14, .sequence = 5000});
	send(&t, &(struct frame){.spi = 14, .sequence = 5000 + ESP_WINDOW});
	sums_of_spi(&t, 14, &s);
	for (uint32_t i = 0; i < 3; i++)
		send(&t, &(struct frame){.spi = 15, .sequence = 5000});
	send(&t, &(struct frame){.spi = 15, .sequence = 5000 - ESP_WINDOW});
	sums_of_spi(&t, 15, &s);
	twin_end(&t);
}

/* Who has shown several packets is kept while strangers come and go that show one. */
static void test_newcomer_is_kept(void **state)
{
	struct sa_sums s;
	struct twin t;
	uint64_t now = 1;

	(void)state;
	twin_start(&t, 64, 1, 1);
	for (int i = 0; i < 3; i++)
		send(&t, &(struct frame){.spi = 7, .sequence = 5, .now = now});
	now += t.tables.cfg.new_fresh;
	assert_true(t.tables.cfg.new_hold > 2 * t.tables.cfg.new_fresh);
	for (uint32_t spi = 100; spi < 200; spi++)
		send(&t, &(struct frame){.spi = spi, .sequence = 1, .now = now});
	send(&t, &(struct frame){.spi = 7, .sequence = 6, .now = now});
	sums_of_spi(&t, 7, &s);
	assert_int_equal(s.packets, 4);
	twin_end(&t);
}

/* As many SAs as there are places: each has one, wherever it had to go, and is found there. */
static void test_full(void **state)
{
	(void)state;
	for (uint32_t slots = 8; slots <= 16; slots += 8) {
		struct table_sums sums;
		struct sa_sums s;
		struct twin t;

		twin_start(&t, slots, 64, 1);
		for (uint32_t n = 1; n <= 10; n++)
			for (uint32_t spi = 1; spi <= slots; spi++)
				send(&t, &(struct frame){.spi = spi, .sequence = n, .now = n});
		sums_of_tables(&t.tables, &sums);
		assert_int_equal(sums.slots_used, slots);
		assert_int_equal(sums.evicted + sums.refused, 0);
		for (uint32_t spi = 1; spi <= slots; spi++) {
			sums_of_spi(&t, spi, &s);
			assert_int_equal(s.packets, 10);
		}
		twin_end(&t);
	}
}

/* A million packets with random SPIs between those of real SAs. */
static void test_flood(void **state)
{
	enum { SAS = 20, FLOOD = 1000000 };
	struct oracle o[SAS];
	uint32_t next[SAS] = {0};
	struct table_sums sums;
	struct twin t;

	(void)state;
	twin_start(&t, 256, 64, 2);
	for (uint32_t i = 0; i < SAS; i++) {
		oracle_init(&o[i]);
		for (next[i] = 1; next[i] < 6; next[i]++) {
			oracle_packet(&o[i], next[i]);
			send(&t, &(struct frame){.spi = 0x1000 + i, .sequence = next[i]});
		}
	}
	for (uint32_t step = 0; step < FLOOD; step++) {
		uint64_t now = 1 + step * 1000ULL; /* a second in all */
		uint32_t i = random_u32() % SAS, spi = random_u32();

		if (step % 16 == 0) {
			uint32_t number = ++next[i] % 50 ? next[i] : ++next[i];

			oracle_packet(&o[i], number);
			send(&t, &(struct frame){.spi = 0x1000 + i,
						 .sequence = number,
						 .now = now,
						 .cpu = step >> 4 & 1});
		}
		if (spi >= 0x1000 && spi < 0x1000 + SAS)
			continue;
		send(&t,
		     &(struct frame){
			     .spi = spi ? spi : 1, .sequence = random_u32(), .now = now, .cpu = step & 1});
	}
	for (uint32_t i = 0; i < SAS; i++) {
		compare(&t, 0x1000 + i, &o[i]);
		oracle_destroy(&o[i]);
	}
	sums_of_tables(&t.tables, &sums);
	assert_int_equal(sums.slots_used, SAS);
	assert_true(sums.evicted + sums.refused > FLOOD * 9 / 10);
	twin_end(&t);
}

/* Tables that are far too small: every packet is still somewhere. */
static void test_tiny_tables(void **state)
{
	(void)state;
	for (uint32_t slots = 8; slots <= 64; slots *= 2) {
		struct table_sums sums;
		struct twin t;
		uint32_t next[400] = {0};

		twin_start(&t, slots, 2, 2);
		for (uint32_t step = 0; step < 60000; step++) {
			uint32_t i = random_u32() % 400;
			/* Every now and then all is silent for longer than an idle SA is kept. */
			uint64_t now = 1 + step * 1000ULL + (uint64_t)(step / 15000) * 400000000000ULL;

			i = step / 15000 * 50 + i % (step & 1 ? 40 : 50);
			send(&t, &(struct frame){.spi = 0x1000 + i,
						 .sequence = ++next[i],
						 .now = now,
						 .cpu = random_u32() % 2,
						 .segments = random_u32() % 64 ? 1 : 3});
			next[i] += 2;
		}
		assert_null(sums_tables_broken(&t.tables));
		sums_of_tables(&t.tables, &sums);
		assert_int_equal(sums.seen, sums.in_slots + sums.in_newcomers + sums.evicted + sums.refused);
		assert_true(sums.evicted > 0 && sums.refused > 0);
		assert_true(sums.slots_used <= slots && sums.slots_used >= slots / 2);
		for (uint32_t i = 0; i < slots; i++) {
			struct sa_sums s;

			if (!t.tables.sa[i].key.id)
				continue;
			sums_of_slot(&t.tables, i, &s);
			assert_null(sums_broken(&s));
			assert_int_equal(t.tables.sa[i].generation % 2, 0);
		}
		twin_end(&t);
	}
}

/* A silent SA gives way, one in use does not; the one that takes its place starts from nothing. */
static void test_replacement(void **state)
{
	struct table_sums sums;
	struct sa_sums s;
	struct twin t;
	uint64_t idle;

	(void)state;
	twin_start(&t, 8, 4, 1);
	idle = t.tables.cfg.idle;
	for (uint32_t spi = 1; spi <= 8; spi++)
		for (uint32_t n = 1; n <= 10; n++)
			send(&t, &(struct frame){.spi = spi,
						 .sequence = n + (n == 10),
						 .now = spi * 1000 + n,
						 .tos = 0x2b});
	sums_of_tables(&t.tables, &sums);
	assert_int_equal(sums.slots_used, 8);
	for (uint32_t n = 1; n <= 10; n++) /* the oldest was last seen at 1010 */
		send(&t, &(struct frame){.spi = 100, .sequence = n, .now = 1009 + idle});
	assert_int_equal(sums_find(&t.tables, 100), -1);
	for (uint32_t n = 11; n <= 14; n++)
		send(&t, &(struct frame){.spi = 100, .sequence = n, .now = 1010 + idle});
	sums_of_spi(&t, 100, &s);
	assert_int_equal(sums_find(&t.tables, 1), -1);
	assert_int_equal(t.tables.cpu[0].loss[ESP_LOSS_EVICTED], 10);
	assert_int_equal(t.tables.cpu[0].loss[ESP_LOSS_REFUSED], 7);
	assert_int_equal(s.packets, 7);
	assert_int_equal(s.received, 7);
	assert_int_equal(s.pending, 7);
	assert_int_equal(s.lost, 0);
	assert_int_equal(t.tables.rare[s.slot].dscp[0x2b >> 2], 0);
	sums_of_tables(&t.tables, &sums);
	assert_int_equal(sums.in_slots, 70 + 7);
	twin_end(&t);
}

/* Strangers that find a set full of fresh ones: every eighth takes a place, the others are refused. */
static void test_every_eighth(void **state)
{
	struct twin t;

	(void)state;
	twin_start(&t, 8, 1, 1);
	for (uint32_t spi = 1; spi <= ESP_NEW_WAYS + 80; spi++)
		send(&t, &(struct frame){.spi = spi, .sequence = 1});
	assert_int_equal(t.tables.cpu[0].loss[ESP_LOSS_EVICTED], 10);
	assert_int_equal(t.tables.cpu[0].loss[ESP_LOSS_REFUSED], 70);
	twin_end(&t);
}

/* A lock whose holder was descheduled: the packet goes on, and is told of. */
static void test_locks_held(void **state)
{
	struct packet b;
	struct twin t;

	(void)state;
	twin_start(&t, 8, 1, 1);
	t.tables.newcomer[0].lock = 1;
	send(&t, &(struct frame){.spi = 1, .sequence = 1});
	assert_int_equal(t.tables.cpu[0].loss[ESP_LOSS_REFUSED], 1);
	t.tables.newcomer[0].lock = 0;
	for (uint32_t i = 0; i <= t.tables.cfg.fragment_mask; i++)
		t.tables.fragment[i].lock = 1;
	packet_begin(&b);
	ip4_fragment(&b, 50, 0x2000, 7);
	esp(&b, 1, 2);
	fill(&b, 72);
	packet_finish(&b);
	assert_int_equal(twin_frame(&t, b.data, (uint32_t)b.length, (uint32_t)b.length, ESP_LINK_IP, 1, 1,
				    ESP_DIR_IN, 1, 0, NULL),
			 ESP_CLASS_ESP);
	assert_int_equal(t.tables.cpu[0].loss[ESP_LOSS_FRAGMENTS_UNTRACKED], 1);
	twin_end(&t);
}

static void test_event_limit(void **state)
{
	struct esp_config cfg = {.event_interval = 100, .event_burst = 3};
	struct esp_cpu cpu = {.events = 0};

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(esp_may_emit(&cfg, &cpu, 100), i < 3);
	assert_int_equal(cpu.loss[ESP_LOSS_EVENTS_LIMITED], 2);
	assert_int_equal(esp_may_emit(&cfg, &cpu, 199), 0);
	assert_int_equal(esp_may_emit(&cfg, &cpu, 200), 1);
	assert_int_equal(cpu.loss[ESP_LOSS_EVENTS_LIMITED], 3);
}

/* Bytes by interface add up to those of the SA, later fragments by another interface included. */
static void test_interface_bytes(void **state)
{
	const struct esp_sa_rare *rare;
	const struct esp_lane *lane;
	uint64_t bytes = 0;
	struct packet b;
	struct twin t;
	int slot;

	(void)state;
	twin_start(&t, 8, 4, 1);
	for (uint32_t n = 1; n < 10; n++)
		send(&t, &(struct frame){.spi = 1, .sequence = n});
	packet_begin(&b);
	ip4_fragment(&b, 50, 0x2000, 7);
	esp(&b, 1, 10);
	fill(&b, 72);
	packet_finish(&b);
	twin_frame(&t, b.data, (uint32_t)b.length, (uint32_t)b.length, ESP_LINK_IP, 1, 1, ESP_DIR_IN, 1, 0,
		   NULL);
	packet_begin(&b);
	ip4_fragment(&b, 50, 10, 7);
	fill(&b, 16);
	packet_finish(&b);
	assert_int_equal(twin_frame(&t, b.data, (uint32_t)b.length, (uint32_t)b.length, ESP_LINK_IP, 1, 2,
				    ESP_DIR_IN, 1, 0, NULL),
			 ESP_CLASS_FRAGMENT);
	send(&t, &(struct frame){.spi = 1, .sequence = 11, .ifindex = 3});
	slot = sums_find(&t.tables, 1);
	assert_true(slot >= 0);
	rare = &t.tables.rare[slot];
	lane = &t.tables.lane[slot];
	for (int i = 0; i < ESP_SA_INTERFACES; i++) {
		bytes += rare->interfaces[i].bytes;
		if (rare->interfaces[i].ifindex == 2)
			assert_int_equal(rare->interfaces[i].bytes, b.length);
	}
	assert_int_equal(bytes + lane->bytes - lane->run_bytes, lane->bytes);
	twin_end(&t);
}

/* What a replaced SA had counted is kept with those of its kind, number by number. */
static void test_replaced_counters(void **state)
{
	struct esp_sums sum = {.packets = 0};
	struct esp_sa_rare rare;
	struct sa_sums before;
	uint32_t n, slot;
	struct packet b;
	struct twin t;

	(void)state;
	twin_start(&t, 8, 4, 1);
	for (n = 5000; n < 9000; n++)
		if (n % 100 > 2)
			send(&t, &(struct frame){.spi = 1, .sequence = n, .port = n < 7000 ? 4500 : 4600});
	for (n = 8950; n < 8952; n++)
		send(&t, &(struct frame){.spi = 1, .sequence = n, .port = 4600});
	send(&t, &(struct frame){.spi = 1, .sequence = 8900, .port = 4600}); /* late */
	send(&t, &(struct frame){.spi = 1, .sequence = 5300, .port = 4600}); /* too old */
	send(&t, &(struct frame){.spi = 1, .sequence = 50000000, .port = 4600});
	for (n = 12000; n < 12004; n++) /* a jump: confirmed outliers */
		send(&t, &(struct frame){.spi = 1, .sequence = n, .port = 4600});
	for (n = 1; n < 20; n++) /* and a restart */
		send(&t, &(struct frame){.spi = 1, .sequence = n, .port = 4600});
	for (uint16_t id = 0; id < 2; id++) {
		packet_begin(&b);
		ip4_fragment(&b, 50, 0x2000, id);
		esp(&b, 1, 20U + id);
		fill(&b, 72);
		packet_finish(&b);
		twin_frame(&t, b.data, (uint32_t)b.length, (uint32_t)b.length, ESP_LINK_IP,
			   1 + id * t.tables.cfg.fragment_timeout, 1, ESP_DIR_IN, 1, 0, NULL);
		packet_begin(&b);
		ip4_fragment(&b, 50, 0x2014, id);
		fill(&b, 16);
		packet_finish(&b);
		twin_frame(&t, b.data, (uint32_t)b.length, (uint32_t)b.length, ESP_LINK_IP,
			   1 + id * t.tables.cfg.fragment_timeout, 1, ESP_DIR_IN, 1, 0, NULL);
	}
	slot = (uint32_t)sums_find(&t.tables, 1);
	t.tables.rare[slot].incomplete += 3; /* what fragment.h counts: see its own test */
	sums_of_spi(&t, 1, &before);
	rare = t.tables.rare[slot];
	assert_true(before.received && before.lost && before.late && before.duplicate && before.too_old &&
		    before.outlier);
	assert_true(before.restarts && rare.confirmed && rare.fragmented && rare.fragments &&
		    rare.endpoint_changes);
	for (uint32_t spi = 2; spi < 40; spi++)
		for (n = 1; n <= 5; n++)
			send(&t, &(struct frame){.spi = spi,
						 .sequence = n,
						 .now = 40000000000ULL + t.tables.cfg.idle});
	assert_int_equal(sums_find(&t.tables, 1), -1);
	for (int i = 0; i < ESP_SUMS; i++) {
		const struct esp_sums *r = &t.tables.cpu[0].retired[i];

		sum.packets += r->packets, sum.bytes += r->bytes, sum.received += r->received,
			sum.lost += r->lost;
		sum.late += r->late, sum.duplicate += r->duplicate, sum.too_old += r->too_old,
			sum.outlier += r->outlier;
		sum.restarts += r->restarts, sum.fragmented += r->fragmented, sum.fragments += r->fragments;
		sum.incomplete += r->incomplete, sum.endpoint_changes += r->endpoint_changes;
	}
	assert_int_equal(sum.packets, before.packets);
	assert_int_equal(sum.bytes, before.bytes);
	assert_int_equal(sum.received, before.received);
	assert_int_equal(sum.lost, before.lost);
	assert_int_equal(sum.late, before.late);
	assert_int_equal(sum.duplicate, before.duplicate);
	assert_int_equal(sum.too_old, before.too_old);
	assert_int_equal(sum.outlier, before.outlier);
	assert_int_equal(sum.restarts, before.restarts);
	assert_int_equal(sum.fragmented, rare.fragmented);
	assert_int_equal(sum.fragments, rare.fragments);
	assert_int_equal(sum.incomplete, rare.incomplete);
	assert_int_equal(sum.endpoint_changes, rare.endpoint_changes);
	twin_end(&t);
}

/* The way of the usual frame (quick.h) and the thorough one say the same. */
static void test_quick_is_thorough(void **state)
{
	struct twin quick, thorough;
	struct stream stream;
	struct packet b;

	(void)state;
	twin_start(&quick, 64, 16, 2);
	twin_start(&thorough, 64, 16, 2);
	thorough.thorough = true;
	stream_start(&stream, 99);
	for (uint32_t i = 0; i < 300000; i++) {
		uint32_t segments, length = 0, wire;
		uint8_t *copy;

		if (i < packet_case_count && packet_cases[i].link == ESP_LINK_ETHERNET) {
			packet_build(&packet_cases[i], &b);
			length = (uint32_t)b.length;
			segments = 1;
		} else {
			length = stream_frame(&stream, &b, &segments);
		}
		if (!length)
			continue;
		wire = length;
		if (i % 5 == 0)
			length = i % 10 ? 42 + stream_random(&stream) % 16 : stream_random(&stream) % length;
		if (length > wire)
			length = wire;
		copy = malloc(length ? length : 1);
		memcpy(copy, b.data, length);
		assert_int_equal(twin_frame(&quick, copy, length, wire, ESP_LINK_ETHERNET, 1 + i,
					    1 + i / 1000 % 2, ESP_DIR_IN, segments, i / 64 % 2, NULL),
				 twin_frame(&thorough, copy, length, wire, ESP_LINK_ETHERNET, 1 + i,
					    1 + i / 1000 % 2, ESP_DIR_IN, segments, i / 64 % 2, NULL));
		free(copy);
		if (i % 1000 == 999 && tables_differ(&quick.tables, &thorough.tables))
			fail_msg("after frame %u", i);
	}
	assert_null(tables_differ(&quick.tables, &thorough.tables));
	twin_end(&quick);
	twin_end(&thorough);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vector),
		cmocka_unit_test(test_many_sas),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_newcomers),
		cmocka_unit_test(test_newcomer_is_kept),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_tiny_tables),
		cmocka_unit_test(test_replacement),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_replaced_counters),
		cmocka_unit_test(test_every_eighth),
		cmocka_unit_test(test_event_limit),
		cmocka_unit_test(test_locks_held),
		cmocka_unit_test(test_interface_bytes),
		cmocka_unit_test(test_quick_is_thorough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
