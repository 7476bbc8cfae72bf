// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The small table of strangers: who is told from whom, who gives way to whom and when, and where what is forgotten is counted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "golden/packets.h"

#include "twin_one.h"

#include "espial/pipeline.h"
#include "model/state.h"

/* One set of strangers, and room for eight SAs. */
static int start(void **state)
{
	struct twin_options o = {.sa_slots = 8, .new_sets = 1, .seed = 4711};

	(void)state;
	return twin_init(&twin, &o);
}

static void send_as(uint8_t protocol, enum esp_direction direction, uint32_t spi, uint32_t sequence,
		    uint64_t now)
{
	struct packet b;

	packet_begin(&b);
	ip4(&b, protocol);
	if (protocol == ESP_IPPROTO_AH)
		ah(&b, 4, 4, spi, sequence);
	else
		esp(&b, spi, sequence);
	fill(&b, 32);
	packet_finish(&b);
	twin_frame(&twin, b.data, (uint32_t)b.length, (uint32_t)b.length, ESP_LINK_IP, now, 1, direction, 1,
		   0, NULL);
}

static void send(uint32_t spi, uint32_t sequence, uint64_t now)
{
	send_as(ESP_IPPROTO_ESP, ESP_DIR_IN, spi, sequence, now);
}

/* The strangers that have a place, by the number of their way: SPI, 0 for none. */
static uint32_t spi_in(int way)
{
	return (uint32_t)(twin.tables.newcomer[0].way[way].key.id >> 32);
}

static uint32_t packets_of(uint32_t spi)
{
	for (int way = 0; way < ESP_NEW_WAYS; way++)
		if (spi_in(way) == spi)
			return twin.tables.newcomer[0].way[way].packets;
	return 0;
}

static uint64_t lost(enum esp_loss loss)
{
	return twin.tables.cpu[0].loss[loss];
}

struct tagged {
	uint32_t tag, spi;
};

static int by_tag(const void *a, const void *b)
{
	const struct tagged *x = a, *y = b;

	return x->tag < y->tag ? -1 : x->tag > y->tag;
}

/* Two SPIs whose hashes have the same 31 bits that a search looks at first. */
static void alike(uint32_t ret[2])
{
	enum { SPIS = 1 << 18 };
	struct tagged *all = calloc(SPIS, sizeof(*all));
	size_t i = 1;

	assert_non_null(all);
	for (uint32_t spi = 1; spi <= SPIS; spi++) {
		struct esp_sa_key key = {.id = esp_sa_id(spi, ESP_IPPROTO_ESP, 4, ESP_DIR_IN)};

		key.dst[1] = esp_mapped(esp_be32(PACKET_DESTINATION4));
		all[spi - 1].tag = esp_new_tag(esp_sa_hash(&key, twin.tables.cfg.seed));
		all[spi - 1].spi = spi;
	}
	qsort(all, SPIS, sizeof(*all), by_tag);
	while (i < SPIS && all[i].tag != all[i - 1].tag)
		i++;
	assert_true(i < SPIS);
	ret[0] = all[i - 1].spi;
	ret[1] = all[i].spi;
	free(all);
}

static void test_alike(void **state)
{
	struct sa_sums s;
	uint32_t spi[2];

	(void)state;
	alike(spi);
	for (uint32_t n = 1; n <= 3; n++)
		for (int i = 0; i < 2; i++) {
			send(spi[i], n, 1);
			assert_int_equal(packets_of(spi[i]), n);
		}
	for (int i = 0; i < 2; i++) {
		send(spi[i], 4, 1);
		assert_true(sums_find(&twin.tables, spi[i]) >= 0);
		sums_of_slot(&twin.tables, (uint32_t)sums_find(&twin.tables, spi[i]), &s);
		assert_int_equal(s.received, 4);
	}
}

/* Of those that showed one packet the oldest gives way; who has just come stays. */
static void test_oldest_goes(void **state)
{
	uint64_t later = 40 + twin.tables.cfg.new_fresh;

	(void)state;
	for (uint32_t spi = 1; spi <= 4; spi++)
		send(spi, 1, spi * 10ULL);
	for (uint32_t spi = 5; spi <= 8; spi++) {
		send(spi, 1, later);
		assert_int_equal(spi_in((int)spi - 5), spi);
		assert_int_equal(lost(ESP_LOSS_EVICTED), spi - 4);
		for (int way = 0; way < 4; way++)
			assert_int_equal(spi_in(way), way <= (int)spi - 5 ? way + 5 : way + 1);
	}
	send(9, 1, later); /* all are fresh, and it is not the eighth time */
	assert_int_equal(lost(ESP_LOSS_EVICTED), 4);
	assert_int_equal(lost(ESP_LOSS_REFUSED), 1);
}

/* One that showed two is kept for just so long after the second. */
static void test_held(void **state)
{
	uint64_t hold = twin.tables.cfg.new_hold;

	(void)state;
	for (uint32_t spi = 1; spi <= 4; spi++)
		send(spi, 1, spi * 10ULL);
	send(2, 2, 50);
	send(3, 2, 60);
	send(4, 2, 70);
	send(1, 2, 80);
	send(9, 1, 49 + hold);
	assert_int_equal(packets_of(9), 0);
	assert_int_equal(lost(ESP_LOSS_REFUSED), 1);
	send(9, 1, 50 + hold);
	assert_int_equal(packets_of(2), 0); /* was first heard of after 1, but is silent for longer */
	assert_int_equal(packets_of(9), 1);
	assert_int_equal(lost(ESP_LOSS_EVICTED), 2);
}

static int answers(void *arg, const struct esp_sa_key *key)
{
	(void)key;
	return *(const int *)arg;
}

/* Packets that came before the SA was in the SADB: little earlier, and it was being made; not so little, and nobody knew it. */
static void test_grace(void **state)
{
	(void)state;
	for (int much = 0; much < 2; much++) {
		uint32_t spi = 1 + (uint32_t)much;
		int known = 0, slot;

		twin.tables.in_sadb = answers;
		twin.tables.in_sadb_arg = &known;
		send(spi, 1, 100);
		send(spi, 2, 101);
		known = 1;
		send(spi, 3, 99 + (uint64_t)much + twin.tables.cfg.grace);
		slot = sums_find(&twin.tables, spi);
		assert_true(slot >= 0);
		assert_int_equal(twin.tables.known[slot].grace, much ? 0 : 2);
		assert_int_equal(twin.tables.known[slot].unknown, much ? 2 : 0);
		assert_int_equal(twin.tables.known[slot].base, 2);
	}
}

/* What is forgotten is counted with its kind: direction and protocol. */
static void test_kinds(void **state)
{
	static const uint8_t protocols[] = {ESP_IPPROTO_ESP, ESP_IPPROTO_AH};
	const struct esp_sums *retired = twin.tables.cpu[0].retired;
	int known = 0;

	(void)state;
	twin.tables.in_sadb = answers;
	twin.tables.in_sadb_arg = &known;
	for (int kind = 0; kind < 4; kind++) /* SAs that will be replaced */
		for (uint32_t n = 1; n <= 5 + (uint32_t)kind; n++)
			send_as(protocols[kind & 1], (enum esp_direction)(kind >> 1), 1, n, 1);
	for (uint32_t spi = 100; spi < 108; spi++)
		for (uint32_t n = 1; n <= 4; n++)
			send_as(ESP_IPPROTO_ESP, ESP_DIR_UNKNOWN, spi, n, 1 + twin.tables.cfg.idle);
	for (int kind = 0; kind < 4; kind++) {
		assert_int_equal(retired[kind].packets, 5 + kind);
		assert_int_equal(retired[kind].unknown, 0); /* nobody has said yet whether it was */
	}
	for (uint32_t spi = 200; spi < 204; spi++) /* and strangers for whom there is no place */
		send_as(ESP_IPPROTO_ESP, ESP_DIR_UNKNOWN, spi, 1, 2 + twin.tables.cfg.idle);
	twin.tables.newcomer[0].turn = 1;
	for (int kind = 0; kind < 4; kind++)
		send_as(protocols[kind & 1], (enum esp_direction)(kind >> 1), 2, 1, 2 + twin.tables.cfg.idle);
	for (int kind = 0; kind < 4; kind++)
		assert_int_equal(retired[kind].unknown, 1);
	assert_int_equal(lost(ESP_LOSS_REFUSED), 4);
}

/* A lock that was waited for is taken when it is free, and no sooner. Without the one of admission nobody is admitted. */
static void test_locks(void **state)
{
	__u32 lock = 1, *admission = esp_admission_lock(&twin.tables);
	struct esp_waiting w = {.lock = &lock};

	(void)state;
	assert_int_equal(esp_lock_step(0, &w), 0);
	assert_int_equal(w.taken, 0);
	lock = 0;
	assert_int_not_equal(esp_lock_step(1, &w), 0);
	assert_int_equal(w.taken, 1);
	assert_int_equal(lock, 1);
	*admission = 1;
	for (uint32_t n = 1; n <= 4; n++)
		send(1, n, 1);
	assert_int_equal(*admission, 1);
	assert_int_equal(sums_find(&twin.tables, 1), -1);
	assert_int_equal(lost(ESP_LOSS_REFUSED), 1);
	*admission = 0;
	send(1, 5, 1);
	assert_true(sums_find(&twin.tables, 1) >= 0);
}

/* An SA is in use when any CPU has seen it of late. */
static void test_seen_elsewhere(void **state)
{
	struct twin_options o = {.sa_slots = 8, .new_sets = 4, .cpus = 2, .seed = 1};

	end(state);
	assert_int_equal(twin_init(&twin, &o), 0);
	for (uint32_t spi = 1; spi <= 8; spi++) {
		for (uint32_t n = 1; n <= 4; n++)
			send(spi, n, 1);
		twin.tables.lane[2 * sums_find(&twin.tables, spi) + 1].last = 2;
	}
	for (uint32_t n = 1; n <= 4; n++)
		send(100, n, 1 + twin.tables.cfg.idle);
	assert_int_equal(sums_find(&twin.tables, 100), -1);
	send(100, 5, 2 + twin.tables.cfg.idle);
	assert_true(sums_find(&twin.tables, 100) >= 0);
}

/* Wherever an SA had to go, it is found there: tables that fill up, with many a secret. */
static void test_displaced(void **state)
{
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct twin_options o = {.sa_slots = 32, .new_sets = 16, .seed = seed};

		end(state);
		assert_int_equal(twin_init(&twin, &o), 0);
		for (uint32_t n = 1; n <= 6; n++)
			for (uint32_t spi = 1; spi <= 24; spi++)
				send(spi, n, n);
		for (uint32_t slot = 0; slot < 32; slot++)
			if (twin.tables.sa[slot].key.id)
				assert_int_equal(twin.tables.lane[slot].packets, 6);
	}
}

/* Another CPU gave it a slot since we looked: it goes there, and is no stranger any more. */
static void test_promoted_meanwhile(void **state)
{
	struct esp_at at = {.t = &twin.tables, .now = 1, .ifindex = 1, .direction = ESP_DIR_IN};
	struct esp_record r = {.now = 1, .sequence = 5, .ip_length = 60, .ifindex = 1, .segments = 1};
	int slot;

	(void)state;
	for (uint32_t n = 1; n <= 4; n++)
		send(1, n, 1);
	slot = sums_find(&twin.tables, 1);
	assert_true(slot >= 0);
	assert_int_equal(esp_account_new(&at, &twin.tables.sa[slot].key,
					 esp_sa_hash(&twin.tables.sa[slot].key, twin.tables.cfg.seed), &r),
			 slot);
	assert_int_equal(packets_of(1), 0);
	assert_int_equal(twin.tables.cpu[0].promoted.records, 0);
}

/* A jump that was about to be believed of the SA before is none of the one that gets its slot. */
static void test_jump_is_forgotten(void **state)
{
	struct sa_sums s;

	(void)state;
	for (uint32_t spi = 1; spi <= 8; spi++) {
		for (uint32_t n = 1; n <= 5; n++)
			send(spi, n, 1);
		for (uint32_t n = 7000001; n <= 7000003; n++)
			send(spi, n, 1);
	}
	for (uint32_t n = 2; n <= 5; n++)
		send(100, n, 1 + twin.tables.cfg.idle);
	send(100, 7000004, 1 + twin.tables.cfg.idle);
	assert_true(sums_find(&twin.tables, 100) >= 0);
	sums_of_slot(&twin.tables, (uint32_t)sums_find(&twin.tables, 100), &s);
	assert_int_equal(s.outlier, 1);
	assert_int_equal(s.lost, 0);
	assert_int_equal((uint32_t)s.highest, 5);
}

/* Behind NAT the ports tell where an SA comes from. */
static void test_ports(void **state)
{
	struct packet b;
	int slot;

	(void)state;
	for (uint32_t n = 1; n <= 5; n++) {
		packet_begin(&b);
		ip4(&b, 17);
		udp(&b, 61234, 4500);
		esp(&b, 1, n);
		fill(&b, 32);
		packet_finish(&b);
		twin_frame(&twin, b.data, (uint32_t)b.length, (uint32_t)b.length, ESP_LINK_IP, 1, 1,
			   ESP_DIR_IN, 1, 0, NULL);
	}
	slot = sums_find(&twin.tables, 1);
	assert_true(slot >= 0);
	assert_int_equal(twin.tables.lane[slot].source_port, 61234);
	assert_int_equal(twin.tables.lane[slot].destination_port, 4500);
}

/* ---- read while they move */

#define SECOND UINT64_C(1000000000)

static uint32_t promoted; /* what comes when the first SA is read; 0: nothing */

static const char *name_while_reading(void *arg, uint32_t ifindex)
{
	uint32_t spi = promoted;

	(void)arg;
	(void)ifindex;
	promoted = 0;
	if (spi)
		send(spi, 4, 1000 * SECOND + 3);
	return "eth0";
}

/* How often it is told, and with how many packets; everything that is told is an SA. */
static unsigned int told(uint32_t spi, uint64_t *ret_packets)
{
	const struct state_context context = {.ifname = name_while_reading, .now = 1000 * SECOND + 4};
	unsigned int times = 0;
	struct state s;

	assert_int_equal(state_collect(&twin.tables, &context, &s), 0);
	for (size_t i = 0; i < s.sa_count; i++) {
		assert_int_equal(s.sas[i].protocol, ESP_IPPROTO_ESP);
		assert_true(s.sas[i].spi && s.sas[i].packets);
		if (s.sas[i].spi != spi)
			continue;
		times++;
		*ret_packets = s.sas[i].packets;
	}
	state_free(&s);
	return times;
}

/* A stranger that is given a slot between the list of what there is and its reading: once, and not as something without a name. */
static void test_promoted_while_read(void **state)
{
	(void)state;
	for (uint32_t sas = 1; sas <= 8;
	     sas++) { /* at first there is room, in the end one of long ago gives way */
		uint64_t packets = 0;

		end(state);
		assert_int_equal(start(state), 0);
		for (uint32_t spi = 1; spi <= sas; spi++)
			for (uint32_t n = 1; n <= 5; n++)
				send(spi, n, spi);
		send(1000, 1, 1000 * SECOND + 1);
		send(1000, 2, 1000 * SECOND + 2);
		send(1000, 3, 1000 * SECOND + 2);
		assert_int_equal(packets_of(1000), 3);
		promoted = 1000;
		assert_true(told(1000, &packets) <= 1);
		assert_int_equal(promoted, 0);
		assert_int_equal(packets_of(1000), 0);
		assert_int_equal(told(1000, &packets), 1);
		assert_int_equal(packets, 4);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_alike),
					   TEST(test_oldest_goes),
					   TEST(test_held),
					   TEST(test_grace),
					   TEST(test_kinds),
					   TEST(test_locks),
					   TEST(test_seen_elsewhere),
					   TEST(test_displaced),
					   TEST(test_promoted_meanwhile),
					   TEST(test_promoted_while_read),
					   TEST(test_jump_is_forgotten),
					   TEST(test_ports)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
