// SPDX-License-Identifier: GPL-2.0-or-later
/* Dumps and notices that cross each other, against what the kernel would have in the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "source/xfrm_table.h"

#include "xfrm_build.h"

struct heard {
	unsigned int count[XFRM_SYNCED + 1];
	struct fact_sa last;
};

static void hear(void *arg, enum xfrm_change change, const struct fact_sa *sa,
		 const struct xfrm_message *message)
{
	struct heard *heard = arg;

	(void)message;
	heard->count[change]++;
	if (sa)
		heard->last = *sa;
}

static void fold(struct xfrm_table *t, const struct nlmsghdr *header, bool dumped)
{
	struct xfrm_message m;

	assert_int_equal(xfrm_parse(header, &m), 0);
	assert_int_equal(xfrm_table_fold(t, &m, dumped, 1000), 0);
}

static void put_sa(struct xfrm_table *t, uint32_t spi, bool dumped)
{
	struct xfrm_bytes b;

	fold(t, xfrm_build_sa(&b, XFRM_MSG_NEWSA, spi, IPPROTO_ESP), dumped);
}

static void gone(struct xfrm_table *t, uint32_t spi)
{
	struct xfrm_bytes b;

	fold(t, xfrm_build_gone(&b, spi), false);
}

static bool has(const struct xfrm_table *t, uint32_t spi)
{
	for (uint32_t i = 0; i < t->sas.count; i++)
		if (t->sa[i].spi == spi)
			return true;
	return false;
}

static void follows(void **state)
{
	struct heard heard = {.count = {0}};
	struct xfrm_table t;
	struct xfrm_bytes b;

	(void)state;
	xfrm_table_init(&t, hear, &heard);
	put_sa(&t, 1, false);
	put_sa(&t, 2, false);
	put_sa(&t, 1, false); /* an update */
	assert_int_equal(t.sas.count, 2);
	assert_int_equal(heard.count[XFRM_ADDED], 2);
	gone(&t, 1);
	gone(&t, 3); /* nobody knew it */
	assert_int_equal(t.sas.count, 1);
	assert_int_equal(heard.count[XFRM_REMOVED], 1);
	assert_int_equal(heard.last.spi, 1);
	fold(&t, xfrm_build_expire(&b, 2, 0), false);
	assert_true(t.sa[0].expired_soft);
	put_sa(&t, 2, true); /* a dump does not say so */
	assert_true(t.sa[0].expired_soft);
	fold(&t, xfrm_build_expire(&b, 2, 1), false);
	assert_int_equal(heard.count[XFRM_SOFT_EXPIRED], 1);
	assert_int_equal(heard.count[XFRM_HARD_EXPIRED], 1);
	assert_int_equal(heard.count[XFRM_REMOVED], 2);
	assert_int_equal(t.sas.count, 0);
	xfrm_table_free(&t);
}

static void dump_removes_what_it_does_not_mention(void **state)
{
	struct heard heard = {.count = {0}};
	struct xfrm_table t;
	struct xfrm_bytes b;

	(void)state;
	xfrm_table_init(&t, hear, &heard);
	put_sa(&t, 1, false);
	put_sa(&t, 2, false);
	fold(&t, xfrm_build_policy(&b, 8, XFRM_POLICY_IN), false);
	fold(&t, xfrm_build_policy(&b, 16, XFRM_POLICY_IN), false);
	xfrm_table_dump_begin(&t);
	put_sa(&t, 2, true);
	put_sa(&t, 3, true);
	put_sa(&t, 4, false); /* made after the dump had passed its place */
	fold(&t, xfrm_build_policy(&b, 16, XFRM_POLICY_IN), true);
	xfrm_table_dump_end(&t, true);
	assert_false(has(&t, 1));
	assert_true(has(&t, 2) && has(&t, 3) && has(&t, 4));
	assert_int_equal(t.policies.count, 1);
	assert_int_equal(t.policy[0].index, 16);
	assert_int_equal(heard.count[XFRM_SYNCED], 1);
	/* One that was broken off proves nothing. */
	xfrm_table_dump_begin(&t);
	xfrm_table_dump_end(&t, false);
	assert_int_equal(t.sas.count, 3);
	assert_int_equal(heard.count[XFRM_SYNCED], 1);
	xfrm_table_free(&t);
}

static void dump_brings_back_nothing(void **state)
{
	struct xfrm_table t;
	struct xfrm_bytes b;

	(void)state;
	xfrm_table_init(&t, NULL, NULL);
	put_sa(&t, 1, false);
	xfrm_table_dump_begin(&t);
	gone(&t, 1);
	gone(&t, 2);
	put_sa(&t, 1, true); /* from before */
	put_sa(&t, 2, true);
	fold(&t, xfrm_build_policy_gone(&b, 8, XFRM_POLICY_IN), false);
	fold(&t, xfrm_build_policy(&b, 8, XFRM_POLICY_IN), true);
	gone(&t, 3);
	put_sa(&t, 3, false); /* and made anew */
	put_sa(&t, 3, true);
	assert_int_equal(t.sas.count, 1);
	xfrm_table_dump_end(&t, true);
	assert_int_equal(t.sas.count, 1);
	assert_true(has(&t, 3));
	assert_int_equal(t.policies.count, 0);
	assert_false(t.stale);
	/* After a flush nobody can tell which of the dumped ones were before it. */
	xfrm_table_dump_begin(&t);
	fold(&t, xfrm_build_flush(&b, 255), false);
	assert_true(t.stale);
	xfrm_table_dump_end(&t, true);
	xfrm_table_free(&t);
}

static void flushes(void **state)
{
	struct xfrm_table t;
	struct xfrm_bytes b;

	(void)state;
	xfrm_table_init(&t, NULL, NULL);
	for (uint32_t spi = 1; spi <= 100; spi++)
		put_sa(&t, spi, false);
	fold(&t, xfrm_build_sa(&b, XFRM_MSG_NEWSA, 7, IPPROTO_AH), false);
	fold(&t, xfrm_build_policy(&b, 8, XFRM_POLICY_IN), false);
	assert_int_equal(t.sas.count, 101);
	fold(&t, xfrm_build_flush(&b, IPPROTO_AH), false);
	assert_int_equal(t.sas.count, 100);
	fold(&t, xfrm_build_flush(&b, 255), false);
	assert_int_equal(t.sas.count, 0);
	fold(&t, xfrm_begin(&b, XFRM_MSG_FLUSHPOLICY), false);
	assert_int_equal(t.policies.count, 0);
	xfrm_table_free(&t);
}

static void marks_tell_apart(void **state)
{
	struct xfrm_mark mark = {.v = 1, .m = 0xff};
	struct xfrm_table t;
	struct xfrm_bytes b;
	struct nlmsghdr *header;

	(void)state;
	xfrm_table_init(&t, NULL, NULL);
	put_sa(&t, 1, false);
	header = xfrm_build_sa(&b, XFRM_MSG_NEWSA, 1, IPPROTO_ESP);
	mnl_attr_put(header, XFRMA_MARK, sizeof(mark), &mark);
	fold(&t, header, false);
	assert_int_equal(t.sas.count, 2);
	gone(&t, 1);
	assert_int_equal(t.sas.count, 1);
	assert_int_equal(t.sa[0].mark, 1);
	xfrm_table_free(&t);
}

static void acquires(void **state)
{
	struct heard heard = {.count = {0}};
	struct xfrm_table t;
	struct xfrm_bytes b;

	(void)state;
	xfrm_table_init(&t, hear, &heard);
	for (int i = 0; i < 3; i++)
		fold(&t, xfrm_build_acquire(&b, 8), false);
	assert_int_equal(t.acquire_count, 1);
	assert_int_equal(t.acquire[0].count, 3);
	assert_int_equal(t.acquire[0].reqid_or_policy, 8);
	for (uint32_t i = 0; i < 2 * XFRM_ACQUIRES; i++)
		fold(&t, xfrm_build_acquire(&b, 100 + i), false);
	assert_int_equal(t.acquire_count, XFRM_ACQUIRES);
	assert_int_equal(heard.count[XFRM_WANTED], 3 + 2 * XFRM_ACQUIRES);
	fold(&t, xfrm_build_mapping(&b, 1), false);
	assert_int_equal(heard.count[XFRM_MOVED], 1);
	xfrm_table_free(&t);
}

static bool right_is_local(void *arg, const uint8_t address[16])
{
	(void)arg;
	return address[15] == 2;
}

static void directions(void **state)
{
	struct xfrm_table t;
	struct xfrm_bytes b;

	(void)state;
	xfrm_table_init(&t, NULL, NULL);
	put_sa(&t, 1, false);
	xfrm_table_directions(&t, NULL, NULL);
	assert_int_equal(t.sa[0].direction, FACT_DIRECTION_UNKNOWN);
	fold(&t, xfrm_build_policy(&b, 8, XFRM_POLICY_FWD), false);
	fold(&t, xfrm_build_policy(&b, 9, XFRM_POLICY_OUT), false);
	xfrm_table_directions(&t, NULL, NULL);
	assert_int_equal(t.sa[0].direction, FACT_OUT);
	put_sa(&t, 1, false); /* an update forgets nothing */
	assert_int_equal(t.sa[0].direction, FACT_OUT);
	put_sa(&t, 2, false);
	xfrm_table_directions(&t, right_is_local, NULL);
	assert_int_equal(t.sa[1].direction, FACT_IN);
	xfrm_table_free(&t);
}

static uint64_t draw(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random >> 11;
}

/*
 * A kernel that makes and removes SAs at random while it is dumped: its notices arrive in order, the dump's answers any
 * number of notices later. When both are through, the table has what the kernel has.
 */
#define SPIS 300
static void dump_under_change(void **state)
{
	uint64_t random = 88172645463325252ULL;

	(void)state;
	for (int round = 0; round < 200; round++) {
		bool kernel[SPIS + 1] = {false}, answer[SPIS + 1];
		uint32_t notice[600], notices = 0, read = 0;
		struct xfrm_table t;

		xfrm_table_init(&t, NULL, NULL);
		for (uint32_t spi = 1; spi <= SPIS; spi++) {
			kernel[spi] = draw(&random) % 2;
			if (draw(&random) % 4) /* the others' notices were lost */
				put_sa(&t, spi, false);
		}
		xfrm_table_dump_begin(&t);
		for (uint32_t spi = 1; spi <= SPIS; spi++) {
			/* The kernel comes by here, while others make changes */
			answer[spi] = kernel[spi];
			for (uint64_t n = draw(&random) % 2; n; n--) {
				uint32_t which = 1 + (uint32_t)(draw(&random) % SPIS);

				kernel[which] = !kernel[which];
				notice[notices++] = kernel[which] ? which : which | 0x80000000;
			}
		}
		for (uint32_t spi = 1; spi <= SPIS; spi++) {
			/* Notices are read first: all that came before the answer, and perhaps more */
			while (read < notices && (read < spi || draw(&random) % 3)) {
				if (notice[read] & 0x80000000)
					gone(&t, notice[read] & 0x7fffffff);
				else
					put_sa(&t, notice[read], false);
				read++;
			}
			if (answer[spi])
				put_sa(&t, spi, true);
		}
		xfrm_table_dump_end(&t, true);
		for (; read < notices; read++) {
			if (notice[read] & 0x80000000)
				gone(&t, notice[read] & 0x7fffffff);
			else
				put_sa(&t, notice[read], false);
		}
		for (uint32_t spi = 1; spi <= SPIS; spi++)
			assert_int_equal(has(&t, spi), kernel[spi]);
		xfrm_table_free(&t);
	}
}

/* Growth and removal of the index, against a plain list. */
static void many(void **state)
{
	uint64_t random = 4711;
	static bool there[20001];
	struct xfrm_table t;
	uint32_t count = 0;

	(void)state;
	xfrm_table_init(&t, NULL, NULL);
	for (int i = 0; i < 60000; i++) {
		uint32_t spi = 1 + (uint32_t)(draw(&random) % 20000);

		if (there[spi])
			gone(&t, spi);
		else
			put_sa(&t, spi, false);
		there[spi] = !there[spi];
		count += there[spi] ? 1 : -1;
		assert_int_equal(t.sas.count, count);
	}
	for (uint32_t i = 0; i < t.sas.count; i++)
		assert_true(there[t.sa[i].spi]);
	xfrm_table_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows),
		cmocka_unit_test(dump_removes_what_it_does_not_mention),
		cmocka_unit_test(dump_brings_back_nothing),
		cmocka_unit_test(flushes),
		cmocka_unit_test(marks_tell_apart),
		cmocka_unit_test(acquires),
		cmocka_unit_test(directions),
		cmocka_unit_test(dump_under_change),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests_name("xfrm_table", tests, NULL, NULL);
}
