// SPDX-License-Identifier: GPL-2.0-or-later
/* test_journal.c - what is given to the journal comes out of it as it was: entries, records of tunnels, traffic, in order */
#include "journal_build.h"

#include <pthread.h>

/* Every field has something of its own. */
static void full_entry(struct timeline_entry *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->time_ns = T0 + 123456789;
	ret->kind = TIMELINE_TUNNEL_DOWN;
	ret->severity = TIMELINE_CRITICAL;
	ret->confidence = TIMELINE_LIKELY;
	ret->origin = TIMELINE_FROM_KERNEL;
	strcpy(ret->tunnel, "office");
	ret->local[0] = 0x20;
	ret->local[15] = 1;
	ret->peer[10] = ret->peer[11] = 0xff;
	memcpy(ret->peer + 12, "\x0a\x01\x02\x03", 4);
	ret->local_port = 500;
	ret->peer_port = 4500;
	ret->initiator_spi = 0xfedcba9876543210u;
	ret->responder_spi = 1;
	ret->spi = 0xffffffff;
	ret->exchange = 37;
	ret->major = 2;
	ret->message_id = 0xfffffffe;
	ret->good = true;
	strcpy(ret->id, "dpd-timeout");
	strcpy(ret->text, "it's \"gone\"; \x1b[31m \xff and so on");
	timeline_evidence_add(ret, TIMELINE_FROM_WIRE, T0, "retransmissions", "%d", 5);
	timeline_evidence_add(ret, TIMELINE_FROM_PEER, 0, "a \"quote\"", "v\n");
}

struct kept {
	struct journal_row rows[64];
	size_t count;
};

static int keep(void *arg, const struct journal_row *row)
{
	struct kept *k = arg;

	assert_true(k->count < 64);
	k->rows[k->count++] = *row;
	return 0;
}

static struct journal_reader *reader_of(const char *path)
{
	struct journal_reader *r = NULL;
	char error[JOURNAL_LINE] = "";

	if (journal_reader_open(path, &r, error, sizeof(error)) != 0)
		fail_msg("%s", error);
	return r;
}

static struct kept *read_kept(const char *path, const struct journal_query *query)
{
	struct kept *k = calloc(1, sizeof(*k));
	struct journal_reader *r = reader_of(path);

	assert_int_equal(journal_read(r, query, keep, k), 0);
	journal_reader_close(r);
	return k;
}

static void round_trip(void **state)
{
	struct place *p = *state;
	struct journal *j = open_fast(p);
	struct timeline_entry entries[2];
	struct journal_stats stats;
	struct stat st;
	struct kept *k;

	full_entry(&entries[0]);
	memset(&entries[1], 0, sizeof(entries[1]));
	entries[1].time_ns = T0 + 2 * S;
	journal_add(j, &entries[0]);
	journal_add(j, &entries[1]);
	assert_int_equal(journal_flush(j), 0);
	journal_stats(j, &stats);
	assert_int_equal(stats.written, 2);
	assert_int_equal(stats.lost, 0);
	assert_int_equal(stats.waiting, 0);
	assert_false(stats.failing);
	assert_true(stats.bytes >= 4096 && stats.commits >= 1);
	expect_no_news(j);
	/* Read while it is open, and again afterwards */
	for (int i = 0; i < 2; i++) {
		k = read_kept(p->path, &(struct journal_query){.since_ns = 0});
		assert_int_equal(k->count, 2);
		assert_string_equal(k->rows[0].kind, "tunnel-down");
		/* What is no UTF-8 in evidence is replaced; here all is */
		assert_memory_equal(&k->rows[0].entry, &entries[0], sizeof(entries[0]));
		assert_memory_equal(&k->rows[1].entry, &entries[1], sizeof(entries[1]));
		free(k);
		if (i == 0)
			assert_int_equal(journal_close(j), 0);
	}
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
}

/* ---- queries */

static size_t count_of(struct journal_reader *r, const struct journal_query *q, struct kept *k)
{
	memset(k, 0, sizeof(*k));
	assert_int_equal(journal_read(r, q, keep, k), 0);
	return k->count;
}

static void queries(void **state)
{
	struct place *p = *state;
	struct journal *j = open_fast(p);
	struct journal_reader *r;
	struct journal_query q;
	struct kept *k = calloc(1, sizeof(*k));
	struct timeline_entry e;
	int64_t newest;
	bool more;

	for (uint32_t i = 30; i-- > 0;) { /* the latest first: order is that of time */
		numbered(i, &e);
		e.severity = i % 10 == 0 ? TIMELINE_WARNING : TIMELINE_INFO;
		e.good = i == 7;
		e.kind = i == 8 ? TIMELINE_IKE_GIVE_UP : TIMELINE_IKE_EXCHANGE;
		journal_add(j, &e);
	}
	memset(&e, 0, sizeof(e));
	e.time_ns = T0 + S / 20;
	e.kind = TIMELINE_INTERFACE;
	journal_add(j, &e);
	assert_int_equal(journal_close(j), 0);
	r = reader_of(p->path);

	assert_int_equal(count_of(r, &(struct journal_query){.since_ns = 0}, k), 31);
	assert_int_equal(k->rows[0].entry.message_id, 0);
	assert_int_equal(k->rows[30].entry.message_id, 29);
	assert_int_equal(count_of(r, &(struct journal_query){.order = JOURNAL_NEWEST_FIRST, .limit = 3}, k),
			 3);
	assert_int_equal(k->rows[0].entry.message_id, 29);
	assert_int_equal(k->rows[2].entry.message_id, 27);
	assert_int_equal(count_of(r,
				  &(struct journal_query){.since_ns = T0 + 10 * S / 100,
							  .until_ns = T0 + 12 * S / 100},
				  k),
			 3);
	assert_int_equal(k->rows[0].entry.message_id, 10);
	assert_int_equal(count_of(r, &(struct journal_query){.severity = TIMELINE_WARNING}, k), 3);
	assert_int_equal(count_of(r, &(struct journal_query){.good = true}, k), 1);
	assert_int_equal(k->rows[0].entry.message_id, 7);
	assert_int_equal(count_of(r,
				  &(struct journal_query){.kinds = 1u << TIMELINE_IKE_GIVE_UP |
								   1u << TIMELINE_INTERFACE},
				  k),
			 2);
	assert_int_equal(count_of(r, &(struct journal_query){.tunnel = "tunnel-1"}, k), 10);
	assert_int_equal(count_of(r, &(struct journal_query){.tunnel = "tunnel-1", .and_host = true}, k), 11);
	assert_int_equal(count_of(r, &(struct journal_query){.tunnel = "' OR 1 --"}, k), 0);
	numbered(2, &e);
	q = (struct journal_query){.by_peer = true};
	memcpy(q.peer, e.peer, 16);
	assert_int_equal(count_of(r, &q, k), 10);
	q.tunnel = "tunnel-0"; /* both must be */
	assert_int_equal(count_of(r, &q, k), 0);

	/* The last ones, oldest first */
	q = (struct journal_query){.severity = TIMELINE_WARNING};
	assert_int_equal(journal_last(r, &q, 2, &more), 0);
	assert_true(more);
	assert_int_equal(count_of(r, &q, k), 2);
	assert_int_equal(k->rows[0].entry.message_id, 10);
	assert_int_equal(k->rows[1].entry.message_id, 20);
	q = (struct journal_query){.severity = TIMELINE_WARNING};
	assert_int_equal(journal_last(r, &q, 3, &more), 0);
	assert_false(more);
	assert_int_equal(count_of(r, &q, k), 3);
	q = (struct journal_query){.severity = TIMELINE_CRITICAL};
	assert_int_equal(journal_last(r, &q, 5, &more), 0);
	assert_false(more);

	/* As written: number 29 was the first */
	q = (struct journal_query){.order = JOURNAL_AS_WRITTEN, .after_id = 28};
	assert_int_equal(count_of(r, &q, k), 3);
	assert_int_equal(k->rows[0].entry.message_id, 1);
	assert_int_equal(journal_newest(r, &newest), 0);
	assert_int_equal(newest, 31);
	journal_reader_close(r);
	free(k);
}

/* More than one chunk of rows, many of them of the same time. */
static int count_row(void *arg, const struct journal_row *row)
{
	uint64_t *seen = arg;

	assert_int_equal(row->id, ++*seen);
	return *seen == 3000 ? 77 : 0;
}

static void chunks(void **state)
{
	struct place *p = *state;
	struct journal *j = open_fast(p);
	struct journal_reader *r;
	struct timeline_entry e;
	uint64_t seen = 0;

	for (uint32_t i = 0; i < 3000; i++) {
		numbered(i, &e);
		e.time_ns = T0 + i / 700;
		journal_add(j, &e);
	}
	assert_int_equal(journal_close(j), 0);
	r = reader_of(p->path);
	assert_int_equal(journal_read(r, &(struct journal_query){.since_ns = 0}, count_row, &seen), 77);
	journal_reader_close(r);
}

/* ---- records of tunnels */

struct loaded {
	struct tunnel_record tunnels[8];
	struct tunnel_sa_record sas[8];
	int tunnel_count, sa_count;
};

static int load_tunnel(void *arg, const struct tunnel_record *record)
{
	struct loaded *l = arg;

	l->tunnels[l->tunnel_count++] = *record;
	return 0;
}

static int load_sa(void *arg, const struct tunnel_sa_record *record)
{
	struct loaded *l = arg;

	l->sas[l->sa_count++] = *record;
	return 0;
}

static void save(struct journal *j, const struct tunnel_record *tunnels, int tunnel_count,
		 const struct tunnel_sa_record *sas, int sa_count)
{
	assert_int_equal(journal_save_begin(j), 0);
	for (int i = 0; i < tunnel_count; i++)
		assert_int_equal(journal_save_tunnel(j, &tunnels[i]), 0);
	for (int i = 0; i < sa_count; i++)
		assert_int_equal(journal_save_sa(j, &sas[i]), 0);
	journal_save_end(j);
	assert_int_equal(journal_flush(j), 0);
}

static void is_loaded(const struct place *p, const struct tunnel_record *tunnels, int tunnel_count,
		      const struct tunnel_sa_record *sas, int sa_count)
{
	struct loaded *l = calloc(1, sizeof(*l));
	struct journal *j = open_fast(p);

	assert_int_equal(journal_load(j, load_tunnel, load_sa, l), 0);
	assert_int_equal(l->tunnel_count, tunnel_count);
	assert_int_equal(l->sa_count, sa_count);
	for (int i = 0; i < tunnel_count; i++)
		assert_memory_equal(&l->tunnels[i], &tunnels[i], sizeof(tunnels[i]));
	for (int i = 0; i < sa_count; i++)
		assert_memory_equal(&l->sas[i], &sas[i], sizeof(sas[i]));
	assert_int_equal(journal_close(j), 0);
	free(l);
}

static void records(void **state)
{
	struct tunnel_record tunnels[2];
	struct tunnel_sa_record sas[3];
	struct place *p = *state;
	struct journal *j = open_fast(p);
	struct journal_stats stats;

	/* Bytes of all kinds in the numbers: each field is told from the others */
	for (int i = 0; i < 2; i++) {
		uint64_t *in = (uint64_t *)&tunnels[i].in, *out = (uint64_t *)&tunnels[i].out;

		memset(&tunnels[i], 0, sizeof(tunnels[i]));
		snprintf(tunnels[i].name, sizeof(tunnels[i].name), "tunnel %d", i);
		tunnels[i].local[15] = 1;
		tunnels[i].remote[0] = (uint8_t)(0xfe + i);
		tunnels[i].since_ns = T0 + (uint64_t)i;
		tunnels[i].last_down_ns = T0 - 1;
		tunnels[i].flaps = 3;
		tunnels[i].rekeys = 4;
		tunnels[i].ike_rekeys = UINT64_MAX;
		tunnels[i].state = STATE_TUNNEL_IDLE;
		strcpy(tunnels[i].down_cause, "dpd-timeout");
		for (uint64_t k = 0; k < sizeof(tunnels[i].in) / sizeof(*in); k++) {
			in[k] = 1000 + k;
			out[k] = UINT64_MAX - k;
		}
	}
	for (int i = 0; i < 3; i++) {
		memset(&sas[i], 0, sizeof(sas[i]));
		strcpy(sas[i].tunnel, "tunnel 1");
		sas[i].destination[15] = (uint8_t)(i + 1);
		sas[i].spi = 0xffffffff - (uint32_t)i;
		sas[i].protocol = 50;
		sas[i].family = 6;
		sas[i].direction = (uint8_t)(i % 2);
		sas[i].first_ns = T0 + 5;
		sas[i].counted.fragments_incomplete = 9 + (uint64_t)i;
	}
	save(j, tunnels, 2, sas, 3);
	assert_int_equal(journal_close(j), 0);
	is_loaded(p, tunnels, 2, sas, 3);

	/* A save replaces all of the one before */
	j = open_fast(p);
	tunnels[0].in.packets++;
	save(j, tunnels, 1, sas, 2);
	sas[1].first_ns++; /* the same SPI, another SA */
	save(j, tunnels, 1, sas + 1, 1);
	save(j, tunnels, 1, sas + 1, 1);
	journal_stats(j, &stats);
	assert_int_equal(stats.saves, 3);
	assert_int_equal(journal_close(j), 0);
	is_loaded(p, tunnels, 1, sas + 1, 1);
	j = open_fast(p);
	save(j, NULL, 0, NULL, 0);
	assert_int_equal(journal_close(j), 0);
	is_loaded(p, NULL, 0, NULL, 0);
}

/* ---- traffic */

struct traffic {
	struct journal_traffic rows[512];
	size_t count;
};

static int keep_traffic(void *arg, const struct journal_traffic *row)
{
	struct traffic *t = arg;

	assert_true(t->count < 512);
	t->rows[t->count++] = *row;
	return 0;
}

static void read_traffic(const char *path, struct journal_query q, bool coarse, struct traffic *ret)
{
	struct journal_reader *r = reader_of(path);

	ret->count = 0;
	assert_int_equal(journal_read_traffic(r, &q, coarse, keep_traffic, ret), 0);
	journal_reader_close(r);
}

static void traffic(void **state)
{
	struct place *p = *state;
	struct journal *j = open_fast(p);
	struct state_tunnel *tunnels = calloc(2, sizeof(*tunnels));
	struct traffic *t = calloc(1, sizeof(*t));
	uint64_t start = T0 / S / 300 * 300, sum = 0;

	strcpy(tunnels[0].name, "busy");
	strcpy(tunnels[1].name, "quiet");
	tunnels[1].remote[0] = 0xfd;
	tunnels[0].state = tunnels[1].state = STATE_TUNNEL_UP;
	tunnels[1].in.packets = 500;
	/* 20 minutes, a look each second: 1 packet a second from 100 s to 699 s; down for a second at 405 s */
	for (uint64_t s = 0; s <= 1200; s++) {
		if (s >= 100 && s < 700) {
			tunnels[0].in.packets++;
			tunnels[0].out.bytes += 100;
			tunnels[0].in.lost += s % 10 == 0;
		}
		tunnels[0].state = s == 405 ? STATE_TUNNEL_DOWN : STATE_TUNNEL_UP;
		journal_rollup(j, (start + s) * S, tunnels, 2);
	}
	assert_int_equal(journal_flush(j), 0);

	read_traffic(p->path, (struct journal_query){.tunnel = "busy"}, false, t);
	for (size_t i = 0; i < t->count; i++) {
		sum += t->rows[i].in.packets;
		assert_int_equal(t->rows[i].seconds, 10);
		assert_string_equal(t->rows[i].tunnel, "busy");
		if (t->rows[i].at_s == start + 410)
			assert_int_equal(t->rows[i].worst, STATE_TUNNEL_DOWN);
		else
			assert_int_equal(t->rows[i].worst, STATE_TUNNEL_UP);
		assert_int_equal(t->rows[i].state, STATE_TUNNEL_UP);
	}
	assert_int_equal(sum, 600);
	/* At 0, 100 to 700 each 10 s, 900, 1200 */
	assert_int_equal(t->count, 1 + 61 + 2);
	assert_int_equal(t->rows[2].in.packets, 10);
	assert_int_equal(t->rows[2].in.lost, 1);
	assert_int_equal(t->rows[2].out.bytes, 1000);

	read_traffic(p->path, (struct journal_query){.tunnel = "busy"}, true, t);
	assert_int_equal(t->count, 5);
	assert_int_equal(t->rows[0].in.packets, 0);
	assert_int_equal(t->rows[1].in.packets, 201);
	assert_int_equal(t->rows[2].in.packets, 300);
	assert_int_equal(t->rows[2].worst, STATE_TUNNEL_DOWN);
	assert_int_equal(t->rows[3].in.packets, 99);
	assert_int_equal(t->rows[3].worst, STATE_TUNNEL_UP);
	assert_int_equal(t->rows[4].in.packets, 0);
	assert_int_equal(t->rows[2].seconds, 300);

	/* A part of the time: its first row is the difference to what was before */
	read_traffic(p->path,
		     (struct journal_query){
			     .tunnel = "busy", .since_ns = (start + 200) * S, .until_ns = (start + 220) * S},
		     false, t);
	assert_int_equal(t->count, 3);
	assert_int_equal(t->rows[0].in.packets, 10);
	read_traffic(p->path, (struct journal_query){.tunnel = "quiet"}, false, t);
	assert_int_equal(t->count, 5);
	assert_int_equal(t->rows[0].in.packets, 500); /* new, and so are its sums */
	for (size_t i = 1; i < t->count; i++)
		assert_int_equal(t->rows[i].in.packets, 0);
	assert_int_equal(t->rows[1].remote[0], 0xfd);

	/* The agent was away for an hour; sums went on, one began anew */
	assert_int_equal(journal_close(j), 0);
	j = open_fast(p);
	tunnels[0].in.packets += 5000;
	tunnels[1].in.packets = 7;
	for (uint64_t s = 4800; s <= 4810; s++)
		journal_rollup(j, (start + s) * S, tunnels, 2);
	assert_int_equal(journal_close(j), 0);
	read_traffic(p->path, (struct journal_query){.tunnel = "busy", .since_ns = (start + 1600) * S}, false,
		     t);
	assert_int_equal(t->count, 1);
	assert_int_equal(t->rows[0].seconds, 0); /* what was before is further away than one looks */
	read_traffic(p->path, (struct journal_query){.tunnel = "busy", .since_ns = (start + 1200) * S}, false,
		     t);
	assert_int_equal(t->count, 2);
	assert_int_equal(t->rows[1].seconds, 3600);
	assert_int_equal(t->rows[1].in.packets, 5000);
	read_traffic(p->path, (struct journal_query){.tunnel = "quiet", .since_ns = (start + 1200) * S},
		     false, t);
	assert_int_equal(t->rows[1].in.packets, 7);
	free(tunnels);
	free(t);
}

/* Tunnels come and go: what is remembered of them stays bounded, and no row is of another. */
static void many_tunnels(void **state)
{
	struct place *p = *state;
	struct journal *j = open_fast(p);
	struct state_tunnel *tunnels = calloc(300, sizeof(*tunnels));
	struct traffic *t = calloc(1, sizeof(*t));
	struct journal_stats stats;
	uint64_t start = T0 / S / 300 * 300;

	for (uint64_t round = 0; round < 20; round++) {
		for (uint32_t i = 0; i < 300; i++) {
			snprintf(tunnels[i].name, sizeof(tunnels[i].name), "t%u",
				 (unsigned int)round * 100 + i);
			tunnels[i].in.packets = (round + 1) * 1000 + round * 100 + i;
		}
		journal_rollup(j, (start + 10 * round) * S, tunnels, 300);
	}
	assert_int_equal(journal_flush(j), 0);
	journal_stats(j, &stats);
	assert_int_equal(stats.rollups_lost, 0);
	assert_int_equal(stats.rollups_written, 20 * 300);
	assert_int_equal(journal_close(j), 0);
	read_traffic(p->path, (struct journal_query){.tunnel = "t250"}, false, t);
	assert_int_equal(t->count, 3);
	assert_int_equal(t->rows[0].in.packets, 1250);
	assert_int_equal(t->rows[1].in.packets, 1000);
	assert_int_equal(t->rows[2].in.packets, 1000);
	free(tunnels);
	free(t);
}

/* ---- reading while it is written */

struct reading {
	const char *path;
	bool stop;
	uint32_t rounds;
};

static void *read_on(void *arg)
{
	struct reading *g = arg;
	uint32_t before = 0, now;

	while (!__atomic_load_n(&g->stop, __ATOMIC_RELAXED)) {
		now = count_numbered(g->path);
		assert_true(now >= before);
		before = now;
		__atomic_fetch_add(&g->rounds, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void read_while_written(void **state)
{
	struct place *p = *state;
	struct journal *j = open_fast(p);
	struct reading g = {.path = p->path};
	uint32_t next = 0;
	pthread_t thread;

	add_numbered(j, next, next + 10);
	next += 10;
	assert_int_equal(journal_flush(j), 0);
	assert_int_equal(pthread_create(&thread, NULL, read_on, &g), 0);
	/* Until both have done something, however slow the machine is */
	while (next < 5000 || __atomic_load_n(&g.rounds, __ATOMIC_RELAXED) < 5) {
		add_numbered(j, next, next + 50);
		next += 50;
		assert_int_equal(journal_flush(j), 0);
	}
	__atomic_store_n(&g.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	expect_no_news(j);
	assert_int_equal(journal_close(j), 0);
	assert_int_equal(count_numbered(p->path), next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(round_trip, place_make, place_remove),
		cmocka_unit_test_setup_teardown(queries, place_make, place_remove),
		cmocka_unit_test_setup_teardown(chunks, place_make, place_remove),
		cmocka_unit_test_setup_teardown(records, place_make, place_remove),
		cmocka_unit_test_setup_teardown(traffic, place_make, place_remove),
		cmocka_unit_test_setup_teardown(many_tunnels, place_make, place_remove),
		cmocka_unit_test_setup_teardown(read_while_written, place_make, place_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
