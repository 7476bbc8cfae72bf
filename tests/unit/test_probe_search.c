// SPDX-License-Identifier: GPL-2.0-or-later
/* The search for a path MTU against simulated paths: exact, whatever is lost at random, and modest in packets */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "source/probe_search.h"

#define IN_FLIGHT 64

/* A path, and a clock that counts packets: an answer comes 2 packets later, silence is noticed after 12. */
struct path {
	unsigned int mtu;      /* 0: nothing is answered */
	unsigned int reported; /* routers tell of this MTU; 0: a black hole */
	unsigned int loss;     /* in 1000 packets */
	unsigned int every;    /* not 0: one of so many is answered at most, as a limiter does */
	bool all_late;	       /* answers come after silence was noticed */
	uint32_t random;
	unsigned int sent, answered_at;
	struct flying {
		unsigned int size, due;
		enum probe_search_role role;
		bool answered, lost, used;
	} flying[IN_FLIGHT];
};

static uint32_t next_random(struct path *p)
{
	p->random ^= p->random << 13;
	p->random ^= p->random >> 17;
	p->random ^= p->random << 5;
	return p->random;
}

static void deliver(struct path *p, struct probe_search *s)
{
	for (size_t i = 0; i < IN_FLIGHT; i++) {
		struct flying *f = &p->flying[i];

		if (!f->used || f->due > p->sent)
			continue;
		if (f->answered && p->all_late && !f->lost) {
			f->lost = true;
			f->due = p->sent + 3;
			probe_search_lost(s, f->size, f->role);
			continue;
		}
		f->used = false;
		if (f->lost)
			probe_search_late(s, f->size, f->role);
		else if (f->answered)
			probe_search_passed(s, f->size, f->role);
		else if (p->reported && f->size > p->mtu)
			probe_search_too_big(s, f->size, f->role, p->reported);
		else
			probe_search_lost(s, f->size, f->role);
	}
}

static void send_packet(struct path *p, unsigned int size, enum probe_search_role role)
{
	bool answered = size <= p->mtu && next_random(p) % 1000 >= p->loss;
	size_t i;

	if (answered && p->every && p->answered_at && p->sent - p->answered_at < p->every)
		answered = false;
	if (answered)
		p->answered_at = p->sent;
	for (i = 0; i < IN_FLIGHT && p->flying[i].used; i++)
		;
	assert_true(i < IN_FLIGHT);
	p->flying[i] = (struct flying){.size = size,
				       .role = role,
				       .answered = answered,
				       .due = p->sent + (answered || (p->reported && size > p->mtu) ? 2 : 12),
				       .used = true};
}

/* Runs to the end; the packets that it took. */
static unsigned int run(struct path *p, struct probe_search *s)
{
	enum probe_search_role role;
	unsigned int size, packets = 0;

	while (s->phase != PROBE_SEARCH_DONE && p->sent < 20000) {
		p->sent++;
		deliver(p, s);
		size = probe_search_next(s, &role);
		if (!size)
			continue;
		assert_in_range(size, s->base, s->limit);
		packets++;
		send_packet(p, size, role);
	}
	assert_int_equal(s->phase, PROBE_SEARCH_DONE);
	return packets;
}

static void find(struct path *p, unsigned int limit, unsigned int most)
{
	struct probe_search s;
	unsigned int packets;

	p->random = p->random ? p->random : 0x12345678;
	probe_search_begin(&s, 300, limit, 5);
	packets = run(p, &s);
	assert_true(probe_search_found(&s));
	assert_int_equal(s.low, p->mtu < limit ? p->mtu : limit);
	assert_true(packets <= most);
	assert_true(s.below.passed >= 1 && s.below.sent >= 5);
	assert_int_equal(s.above.passed, 0);
	assert_true(p->mtu >= limit || s.above.sent >= 5);
	if (!p->loss && !p->every && !p->all_late)
		assert_int_equal(s.below.passed, s.below.sent);
}

static void test_every_mtu(void **state)
{
	(void)state;
	for (unsigned int mtu = 300; mtu <= 1510; mtu++) {
		find(&(struct path){.mtu = mtu}, 1500, 140);
		find(&(struct path){.mtu = mtu, .reported = mtu < 1500 ? mtu : 0}, 1500, 40);
	}
}

static void test_jumbo(void **state)
{
	static const unsigned int mtus[] = {300, 1279, 1280, 1281, 1499, 1500, 1501, 4000, 8999, 9000, 65535};

	(void)state;
	for (size_t i = 0; i < sizeof(mtus) / sizeof(*mtus); i++) {
		find(&(struct path){.mtu = mtus[i]}, 9000, 200);
		find(&(struct path){.mtu = mtus[i]}, 65535, 220);
	}
}

/* 36 % is what 20 % in each direction come to. */
static void test_random_loss(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 300; seed++) {
		find(&(struct path){.mtu = 1400, .loss = 200, .random = seed * 7919}, 1500, 250);
		find(&(struct path){.mtu = 1492, .loss = 360, .random = seed * 104729}, 1500, 400);
		find(&(struct path){.mtu = 1280, .reported = 1280, .loss = 360, .random = seed * 1299709},
		     1500, 200);
	}
}

/* Nothing is believed on the word of an ICMP message alone. */
static void test_wrong_reports(void **state)
{
	(void)state;
	find(&(struct path){.mtu = 1400, .reported = 1300}, 1500, 140);
	find(&(struct path){.mtu = 1400, .reported = 68}, 1500, 140);
	find(&(struct path){.mtu = 1400, .reported = 1450}, 1500, 140);
	find(&(struct path){.mtu = 1400, .reported = 65000}, 1500, 140);
}

static void test_limited_answers(void **state)
{
	(void)state;
	for (unsigned int every = 2; every <= 5; every++)
		find(&(struct path){.mtu = 1400, .every = every, .random = every * 31337}, 1500, 1200);
}

/* What was given up too early is corrected. */
static void test_late(void **state)
{
	(void)state;
	find(&(struct path){.mtu = 1400, .all_late = true}, 1500, 1500);
	find(&(struct path){.mtu = 1500, .all_late = true}, 1500, 1500);
}

static void test_silence(void **state)
{
	struct path p = {.random = 1};
	struct probe_search s;

	(void)state;
	probe_search_begin(&s, 300, 1500, 5);
	assert_int_equal(run(&p, &s), s.base_tries);
	assert_false(probe_search_found(&s));
	assert_int_equal(s.low, 0);
}

/* One size: passes or not. */
static void test_single(void **state)
{
	(void)state;
	for (unsigned int mtu = 1699; mtu <= 1700; mtu++) {
		struct path p = {.mtu = mtu, .random = 3, .loss = 200};
		struct probe_search s;

		probe_search_begin(&s, 1400, 1700, 0);
		s.single = true;
		run(&p, &s);
		assert_int_equal(s.low == s.limit, mtu == 1700);
		assert_int_equal(s.high == s.limit, mtu != 1700);
	}
}

static void test_hint(void **state)
{
	struct path p = {.mtu = 1423, .random = 9};
	struct probe_search s;

	(void)state;
	probe_search_begin(&s, 300, 1500, 5);
	probe_search_hint(&s, 1423);
	assert_true(run(&p, &s) <= 25); /* of each size 5, and those that were on their way */
	assert_int_equal(s.low, 1423);
	assert_int_equal(s.below.passed, s.below.sent);
	assert_true(s.above.sent >= 5 && !s.above.passed);
	/* and a wrong one does no harm */
	p = (struct path){.mtu = 1423, .random = 9};
	probe_search_begin(&s, 300, 1500, 5);
	probe_search_hint(&s, 1300);
	run(&p, &s);
	assert_int_equal(s.low, 1423);
}

/* What was lost to a limit on answers is forgotten, what passed is not, and it is confirmed by packets of afterwards alone. */
static void test_slower(void **state)
{
	struct path p = {.mtu = 1423, .random = 9, .loss = 800};
	struct probe_search s;
	enum probe_search_role role;
	unsigned int size, low;

	(void)state;
	probe_search_begin(&s, 300, 1500, 5);
	probe_search_hint(&s, 1423);
	for (unsigned int i = 0; i < 60 || !s.low; i++) {
		p.sent++;
		deliver(&p, &s);
		size = probe_search_next(&s, &role);
		if (size)
			send_packet(&p, size, role);
	}
	assert_true(probe_search_needed(&s) > 10);
	low = s.low;
	probe_search_slower(&s);
	assert_int_equal(s.low, low);
	assert_int_equal(s.below.sent + s.above.sent, 0);
	assert_in_range(probe_search_needed(&s), 3, 6);
	/* What was on its way is not reported */
	memset(p.flying, 0, sizeof(p.flying));
	p.loss = 0;
	assert_true(run(&p, &s) <= 40);
	assert_int_equal(s.low, 1423);
	assert_int_equal(s.below.passed, s.below.sent);
}

/* The verdict falls when a packet above the threshold is answered while it is being confirmed: the path changed. */
static void test_path_widens(void **state)
{
	struct path p = {.mtu = 1400, .random = 5};
	struct probe_search s;
	enum probe_search_role role;
	unsigned int size;

	(void)state;
	probe_search_begin(&s, 300, 1500, 5);
	while (s.phase != PROBE_SEARCH_CONFIRM) {
		p.sent++;
		deliver(&p, &s);
		size = probe_search_next(&s, &role);
		if (size)
			send_packet(&p, size, role);
	}
	p.mtu = 1500;
	run(&p, &s);
	assert_int_equal(s.low, 1500);
}

/* When the whole path goes dead, no size is taken for too large; it goes on asking until its caller's limit. */
static void test_dead_path(void **state)
{
	struct path p = {.mtu = 1500, .random = 5};
	struct probe_search s;
	enum probe_search_role role;
	unsigned int size;

	(void)state;
	probe_search_begin(&s, 300, 1500, 5);
	for (unsigned int i = 0; i < 2000; i++) {
		p.sent++;
		deliver(&p, &s);
		if (s.phase == PROBE_SEARCH_BRACKET)
			p.mtu = 0;
		size = probe_search_next(&s, &role);
		if (size)
			send_packet(&p, size, role);
	}
	assert_int_equal(s.phase, PROBE_SEARCH_BRACKET);
	assert_int_equal(s.high, 1501);
}

static void test_needed(void **state)
{
	struct probe_search s;

	(void)state;
	probe_search_begin(&s, 300, 1500, 5);
	s.recent_passed = 14;
	assert_in_range(probe_search_needed(&s), 3, 4);
	s.recent_passed = 9;
	s.recent_lost = 5;
	assert_in_range(probe_search_needed(&s), 6, 9);
	s.recent_passed = 0;
	s.recent_lost = 14;
	assert_int_equal(probe_search_needed(&s), 60);
}

/* Of 10 answers to 20 packets, half of them larger: that none is to a larger one is C(10,10)/C(20,10). */
static void test_doubt(void **state)
{
	(void)state;
	assert_true(probe_search_doubt(5, 0, 5) > 0.999);
	assert_true(probe_search_doubt(0, 0, 0) > 0.999);
	assert_true(probe_search_doubt(1, 1, 1) > 0.499 && probe_search_doubt(1, 1, 1) < 0.501);
	assert_true(probe_search_doubt(5, 5, 5) > 1 / 252.1 && probe_search_doubt(5, 5, 5) < 1 / 251.9);
	assert_true(probe_search_doubt(10, 10, 10) > 1 / 184757.0 &&
		    probe_search_doubt(10, 10, 10) < 1 / 184755.0);
	assert_true(probe_search_doubt(5, 2, 8) > 0.128 && probe_search_doubt(5, 2, 8) < 0.129);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_mtu),
		cmocka_unit_test(test_jumbo),
		cmocka_unit_test(test_random_loss),
		cmocka_unit_test(test_wrong_reports),
		cmocka_unit_test(test_limited_answers),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_single),
		cmocka_unit_test(test_hint),
		cmocka_unit_test(test_slower),
		cmocka_unit_test(test_path_widens),
		cmocka_unit_test(test_dead_path),
		cmocka_unit_test(test_needed),
		cmocka_unit_test(test_doubt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
