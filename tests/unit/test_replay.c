// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The shadow replay window against a brute-force oracle: after every packet the verdicts, the losses and the highest number
 * are the same, and both equations of output.md hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "golden/sums.h"
#include "replay_oracle.h"

#include "espial/pipeline.h"

/* One SA on one CPU, without a table around it. */
struct window {
	struct esp_sa sa;
	struct esp_sa_rare rare;
	struct esp_plan plan;
	uint64_t packets, received;
	int any;
	struct oracle oracle;
};

static struct window *window_new(void)
{
	struct window *w = aligned_alloc(64, (sizeof(*w) + 63) / 64 * 64);

	assert_non_null(w);
	memset(w, 0, sizeof(*w));
	oracle_init(&w->oracle);
	return w;
}

static void window_free(struct window *w)
{
	oracle_destroy(&w->oracle);
	free(w);
}

static int window_enter(struct window *w, uint32_t wire)
{
	int verdict = ESP_RECEIVED;

	if (!w->any)
		esp_window_init(&w->sa, wire);
	w->any = 1;
	w->packets++;
	if (!esp_window_fast(&w->sa, wire))
		verdict = esp_window_slow(&w->sa, &w->rare, wire, &w->plan);
	w->received += verdict == ESP_RECEIVED;
	w->rare.duplicate += verdict == ESP_DUPLICATE;
	w->rare.too_old += verdict == ESP_TOO_OLD;
	w->rare.outlier += verdict == ESP_OUTLIER;
	w->rare.contended += verdict == ESP_CONTENDED;
	return verdict;
}

static void window_sums(const struct window *w, struct sa_sums *ret)
{
	memset(ret, 0, sizeof(*ret));
	sums_of(&w->sa, &w->rare, ret);
	ret->packets = w->packets;
	ret->received = w->received + w->rare.confirmed;
}

#define SAME(field, a, b)                                                                                    \
	do {                                                                                                 \
		if ((a) != (b))                                                                              \
			fail_msg("packet %llu (wire %u): %s is %llu, the oracle says %llu",                  \
				 (unsigned long long)w->packets, wire, field, (unsigned long long)(a),       \
				 (unsigned long long)(b));                                                   \
	} while (0)

/* What is cheap, after every packet. */
static void compare(struct window *w, uint32_t wire)
{
	const struct oracle *o = &w->oracle;

	SAME("contended", w->rare.contended, 0U);
	SAME("received", w->received + w->rare.confirmed, o->received);
	SAME("duplicate", w->rare.duplicate, o->duplicate);
	SAME("too_old", w->rare.too_old, o->too_old);
	SAME("outlier", w->rare.outlier, o->outlier);
	SAME("restarts", w->rare.restarts, o->restarts);
	SAME("highest", esp_highest(&w->sa, w->sa.top), o->highest);
	SAME("late", w->rare.late, o->late);
	SAME("late_max", w->rare.late_max, o->late_max);
	SAME("lost", w->rare.lost, o->lost);
}

/* And all of it. */
static void compare_all(struct window *w, uint32_t wire)
{
	const struct oracle *o = &w->oracle;
	struct sa_sums s;

	compare(w, wire);
	window_sums(w, &s);
	if (sums_broken(&s))
		fail_msg("packet %llu (wire %u): %s", (unsigned long long)w->packets, wire, sums_broken(&s));
	SAME("highest by flags", s.highest, o->highest);
	SAME("pending", s.pending, oracle_pending(o));
	SAME("first", s.first, o->first);
	for (int i = 0; i < 16; i++)
		SAME("late_distance", s.late_distance[i], o->late_distance[i]);
	for (int i = 0; i < 32; i++)
		SAME("burst_length", s.burst_length[i], o->burst_length[i]);
}

static void step(struct window *w, uint32_t wire)
{
	window_enter(w, wire);
	oracle_packet(&w->oracle, wire);
	compare(w, wire);
	if (w->packets % 1021 == 0)
		compare_all(w, wire);
}

static uint64_t random_state;

static uint32_t random_u32(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32);
}

static uint32_t below(uint32_t n)
{
	return random_u32() % n;
}

static void run_list(const uint32_t *list, size_t count, struct sa_sums *ret)
{
	struct window *w = window_new();

	for (size_t i = 0; i < count; i++) {
		step(w, list[i]);
		compare_all(w, list[i]);
	}
	window_sums(w, ret);
	window_free(w);
}

#define RUN(sums, ...)                                                                                       \
	run_list((const uint32_t[]){__VA_ARGS__}, sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), sums)

static void test_vector(void **state)
{
	struct sa_sums s;

	(void)state;
	RUN(&s, 1, 2, 3, 5, 6, 4, 9, 9, 10);
	assert_int_equal(s.packets, 9);
	assert_int_equal(s.received, 8);
	assert_int_equal(s.duplicate, 1);
	assert_int_equal(s.late, 1);
	assert_int_equal(s.late_max, 2);
	assert_int_equal(s.late_distance[1], 1);
	assert_int_equal(s.pending, 2);
	assert_int_equal(s.lost, 0);
	assert_int_equal((uint32_t)s.first, 1);
	assert_int_equal((uint32_t)s.highest, 10);
}

static void test_first_is_lowered(void **state)
{
	struct sa_sums s;

	(void)state;
	RUN(&s, 100, 101, 40, 99);
	assert_int_equal((uint32_t)s.first, 40);
	assert_int_equal(s.pending, 58);
	assert_int_equal(s.late, 2);
	RUN(&s, 3, 0xfffffff0, 2); /* joined right after the numbers wrapped */
	assert_int_equal(s.received, 3);
	assert_int_equal(s.pending, 20 - 3);
}

static void test_jumps(void **state)
{
	struct sa_sums s;

	(void)state;
	RUN(&s, 1, 2, 2050); /* as far as is believed at once */
	assert_int_equal(s.outlier, 0);
	assert_int_equal(s.received, 3);
	RUN(&s, 1, 2, 2051);
	assert_int_equal(s.outlier, 1);
	assert_int_equal(s.received, 2);
	RUN(&s, 1, 2, 1000002, 1000003, 1000004, 3); /* three forged ones move nothing */
	assert_int_equal(s.outlier, 3);
	assert_int_equal(s.received, 3);
	assert_int_equal(s.lost, 0);
	RUN(&s, 1, 2, 1000002, 1000003, 1000004, 1000005);
	assert_int_equal(s.outlier, 0);
	assert_int_equal(s.received, 6);
	assert_int_equal(s.lost + s.pending, 999999);
	RUN(&s, 1, 2, 1000002, 1000002, 1000004, 1000017,
	    1000003); /* out of order and repeated; the span is 16 */
	assert_int_equal(s.received, 6);
	assert_int_equal(s.outlier, 1);
	RUN(&s, 1, 2, 1000002, 1000004, 1000018, 1000003); /* a span of 17 is not consistent */
	assert_int_equal(s.received, 2);
	RUN(&s, 1, 2, 1000002, 1000003, 1000004, 3, 1000005); /* the highest moved between */
	assert_int_equal(s.received, 3);
	assert_int_equal(s.outlier, 4);
	RUN(&s, 1, 2, 0x7fff0000, 0x7fff0001, 0x7fff0002, 0x7fff0003); /* nearly half of all numbers */
	assert_int_equal(s.received, 6);
}

static void test_jump_between_the_halves(void **state)
{
	struct sa_sums s;

	(void)state;
	/* Three numbers beyond half of all count as behind, the one before them as ahead: no sum may go below zero. */
	RUN(&s, 32, 33, 0x80000020, 0x80000021, 0x80000022, 0x8000001f, 0x8000001e);
	assert_true(s.outlier < 100 && s.too_old < 100);
	RUN(&s, 32, 33, 0x8000001f, 0x8000001e, 0x8000001d, 0x80000020, 0x80000021, 0x80000022, 0x80000023,
	    0x80000024, 0x80000025, 0x80000026, 0x80000027);
	assert_true(s.outlier < 100 && s.too_old < 100);
}

static void test_window_edge(void **state)
{
	struct sa_sums s;

	(void)state;
	for (uint32_t top = 5000; top < 5064; top++) {
		uint32_t edge = (top / 32 - 63) * 32;

		RUN(&s, 4500, 5000, top, edge, edge - 1, edge + 1, edge);
		assert_int_equal(s.too_old, 1);
		assert_int_equal(s.duplicate, top == 5000 ? 2 : 1);
		assert_true(top - edge >= ESP_WINDOW - 32);
	}
}

/* A restart, and another one while the first one's numbers are still in the window. */
static void test_restarts(void **state)
{
	struct window *w = window_new();

	(void)state;
	for (uint32_t n = 5000; n < 9000; n++)
		step(w, n);
	for (int again = 0; again < 3; again++) {
		for (uint32_t n = 1; n < (again == 1 ? 3000 : 300); n++)
			step(w, n);
		compare_all(w, 0);
	}
	for (uint32_t n = 300; n < 20000; n++)
		step(w, n);
	compare_all(w, 0);
	assert_int_equal(w->rare.restarts, 2);
	assert_int_equal(w->rare.lost, 0);
	window_free(w);
}

/* Two restarts within one window: the numbers that no incarnation ever sent are no loss. */
static void test_restarts_in_a_row(void **state)
{
	struct window *w = window_new();
	uint32_t n;

	(void)state;
	for (n = 100000; n < 104000; n++)
		step(w, n);
	for (n = 3500; n < 3540; n++)
		step(w, n);
	for (n = 1; n < 5000; n++)
		step(w, n);
	compare_all(w, n);
	assert_int_equal(w->rare.restarts, 2);
	assert_int_equal(w->rare.lost, 0);
	window_free(w);
}

static void test_esn_wrap(void **state)
{
	struct window *w = window_new();
	uint64_t n;

	(void)state;
	for (n = 0xfffff000ULL; n < 0x100002000ULL; n++) {
		if (n % 7 == 3)
			continue;
		step(w, (uint32_t)n);
		if (n % 50 == 0)
			step(w, (uint32_t)(n - 46 - (n - 46) % 7 + 3)); /* late, over the wrap as well */
	}
	compare_all(w, (uint32_t)n);
	window_free(w);
}

/* A path: what the sender sent, in the order in which it arrives. */
struct path {
	uint64_t next; /* number of the next packet, 64 bits */
	uint32_t held[64];
	int held_for[64], held_count;
	int loss, reorder, duplicate; /* of 1000 packets */
	int tricks;		      /* of 100000: jumps, restarts, forgeries */
};

static void path_release(struct path *p, struct window *w)
{
	for (int i = 0; i < p->held_count; i++) {
		if (p->held_for[i]-- > 0)
			continue;
		step(w, p->held[i]);
		p->held_count--;
		p->held[i] = p->held[p->held_count];
		p->held_for[i] = p->held_for[p->held_count];
		i--;
	}
}

static void path_trick(struct path *p, struct window *w)
{
	uint32_t i, far;

	switch (below(8)) {
	case 0: /* a real jump */
		p->next += 1 + (random_u32() >> (1 + below(31)));
		break;
	case 1: /* a burst of losses */
		p->next += 1 + below(3000);
		break;
	case 2: /* one to three forged numbers anywhere */
		far = random_u32();
		for (i = 1 + below(3); i > 0; i--)
			step(w, far + below(20));
		break;
	case 3: /* old numbers again, one by one or a row of them */
		far = 1 + below(100000);
		for (i = 1 + below(12); i > 0; i--)
			step(w, (uint32_t)p->next - far + (far & 1 ? i : 0));
		break;
	case 4: /* the peer starts over */
		if (below(4) == 0)
			p->next = below(2) ? 1 : 1 + below(4000);
		break;
	case 5: /* the recent ones again */
		for (i = 0; i < 20; i++)
			step(w, (uint32_t)p->next - 1 - below(2500));
		break;
	case 6: /* forged numbers close ahead of the window's reach */
		for (i = 0; i < 6; i++)
			step(w, (uint32_t)p->next + 2030 + below(40));
		break;
	default: /* the highest stands still while the far ahead come in any order */
		far = (uint32_t)p->next + 5000 + below(1 << 20);
		for (i = 0; i < 8; i++)
			step(w, far + below(18));
		break;
	}
}

static void path_step(struct path *p, struct window *w)
{
	uint32_t n = (uint32_t)p->next++;

	path_release(p, w);
	if (p->tricks && (int)below(100000) < p->tricks)
		path_trick(p, w);
	if ((int)below(1000) < p->loss) {
		if (below(8) == 0)
			p->next += below(100);
		return;
	}
	if ((int)below(1000) < p->reorder && p->held_count < 64) {
		p->held[p->held_count] = n;
		p->held_for[p->held_count++] = (int)(below(4) ? below(30) : below(3000));
		return;
	}
	step(w, n);
	if ((int)below(1000) < p->duplicate)
		step(w, n - (below(3) ? below(2200) : 0));
}

static void run_path(uint64_t seed, int packets, int tricks)
{
	struct window *w = window_new();
	struct path p = {0};

	random_state = seed * 0x9e3779b97f4a7c15ULL + 1;
	p.next = below(3) ? 1 + below(3) : random_u32();
	if (below(4) == 0)
		p.next = 0xffffffffU - below(5000);
	p.loss = below(3) ? (int)below(20) : (int)below(600);
	p.reorder = (int)below(200);
	p.duplicate = (int)below(50);
	p.tricks = tricks;
	for (int i = 0; i < packets; i++)
		path_step(&p, w);
	compare_all(w, (uint32_t)p.next);
	window_free(w);
}

static void test_random_paths(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++)
		run_path(seed, 20000, 0);
}

static void test_random_tricks(void **state)
{
	const char *rounds = getenv("REPLAY_ROUNDS");

	(void)state;
	for (uint64_t seed = 1; seed <= (rounds ? strtoull(rounds, NULL, 10) : 150); seed++)
		run_path(1000 + seed, 20000, 300);
}

/* Every order of few numbers, at every alignment that matters. */
static void permute(uint32_t *list, int count, int fixed)
{
	struct sa_sums s;

	if (fixed == count) {
		run_list(list, (size_t)count, &s);
		assert_int_equal(s.received, count);
		return;
	}
	for (int i = fixed; i < count; i++) {
		uint32_t swap = list[i];

		list[i] = list[fixed];
		list[fixed] = swap;
		permute(list, count, fixed + 1);
		list[fixed] = list[i];
		list[i] = swap;
	}
}

static void test_permutations(void **state)
{
	(void)state;
	for (uint32_t start = 28; start < 34; start++) {
		uint32_t list[5] = {start, start + 1, start + 2, start + 4, start + 33};

		permute(list, 5, 0);
	}
}

/* Another CPU has moved the top and not yet set its flag: the highest is the one below, whatever the slot holds. */
static void test_top_without_flag(void **state)
{
	struct window *w = window_new();
	uint64_t top;

	(void)state;
	for (uint32_t i = 64; i < 96; i++)
		window_enter(w, i);
	top = w->sa.top;
	assert_int_equal(esp_highest(&w->sa, top), (top << ESP_EPOCH_BITS) + 31);
	top = ++w->sa.top;
	assert_int_equal(esp_highest(&w->sa, top), (top << ESP_EPOCH_BITS) - 1);
	w->sa.word[top % ESP_WINDOW_EPOCHS] = esp_word(top - ESP_WINDOW_EPOCHS, 0xffff);
	assert_int_equal(esp_highest(&w->sa, top), (top << ESP_EPOCH_BITS) - 1);
	w->sa.word[top % ESP_WINDOW_EPOCHS] = esp_word(top, 0);
	assert_int_equal(esp_highest(&w->sa, top), (top << ESP_EPOCH_BITS) - 1);
	window_free(w);
}

/* Without room made for it, a number does not take another epoch's word. */
static void test_no_room(void **state)
{
	struct window *w = window_new();

	(void)state;
	window_enter(w, 64);
	assert_int_equal(esp_mark(&w->sa, (w->sa.top + 1) << ESP_EPOCH_BITS), ESP_CONTENDED);
	assert_int_equal(esp_retire(&w->sa, &w->rare, w->sa.top + 2 - ESP_WINDOW_EPOCHS), 1);
	assert_int_equal(esp_mark(&w->sa, (w->sa.top + 1) << ESP_EPOCH_BITS), ESP_RECEIVED);
	assert_int_equal(esp_mark(&w->sa, (w->sa.top + 2) << ESP_EPOCH_BITS), ESP_CONTENDED);
	assert_int_equal(window_enter(w, 64), ESP_DUPLICATE);
	window_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vector),
		cmocka_unit_test(test_first_is_lowered),
		cmocka_unit_test(test_jumps),
		cmocka_unit_test(test_jump_between_the_halves),
		cmocka_unit_test(test_window_edge),
		cmocka_unit_test(test_restarts),
		cmocka_unit_test(test_restarts_in_a_row),
		cmocka_unit_test(test_esn_wrap),
		cmocka_unit_test(test_permutations),
		cmocka_unit_test(test_top_without_flag),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_random_paths),
		cmocka_unit_test(test_random_tricks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
