// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_conversation_rekey.c - both ends rekey at once, more key exchanges than one (RFC 9242, RFC 9370), deletes out of a rhythm,
 * what waits in the wheel of deadlines, and what few answers to IKE_SA_INIT say
 */
#include "conversation_build.h"

#define INTERMEDIATE 43
#define FOLLOWUP_KE 44

/* On the IKE SA that `initiator` has made by a rekey, the pair of SPIs with `number`. */
static void new_pair(enum end initiator, unsigned int number, enum end from, uint32_t id)
{
	uint64_t i = spi_i, r = spi_r;

	spi_i += number;
	spi_r += number;
	build_sk(from == initiator, INFO, false, id, EMPTY);
	send_from(from);
	after(MS);
	build_sk(from != initiator, INFO, true, id, EMPTY);
	send_from(!from);
	after(MS);
	spi_i = i;
	spi_r = r;
}

/* Both requests are under way before either is answered. */
static void collide(void)
{
	sk(LEFT, CHILD, false, 2, CHILD_GOOD);
	after(MS);
	sk(RIGHT, CHILD, false, 0, CHILD_GOOD);
	after(MS);
	sk(LEFT, CHILD, true, 0, CHILD_GOOD);
	after(MS);
	sk(RIGHT, CHILD, true, 2, CHILD_GOOD);
	after(MS);
}

static void both_rekey_at_once(void **state)
{
	uint64_t since;

	(void)state;
	up();
	after(30 * SECOND);
	collide();
	since = now - 2 * MS;
	new_pair(LEFT, 5, LEFT, 0); /* left's goes again */
	pair(RIGHT, INFO, 1, EMPTY, EMPTY);
	assert_state(sa_at(0), "rekeyed", "likely", "rekeyed");
	assert_state(sa_at(1), "established", "certain", "rekey-born");
	after(20 * SECOND);
	new_pair(RIGHT, 9, LEFT, 0);
	assert_state(sa_at(1), "deleted", "likely", "rekey-lost");
	assert_state(sa_at(2), "established", "certain", "active");
	assert_int_equal(sa_at(2)->since_ns, since);
	assert_int_equal(sa_at(0)->successor, sa_at(2)->id);
	assert_int_equal(sa_at(2)->predecessor, sa_at(0)->id);
	assert_int_equal(exchange_at(sa_at(1), 0)->kind, CONVERSATION_KIND_DELETE);
	/* It was not so, when the other one is used, too. */
	new_pair(LEFT, 5, LEFT, 1);
	assert_string_equal(conversation_state_name(sa_at(1)->state), "established");
	assert_int_equal(conversation_stats(c)->retracted, 1);
}

/* One rekey after the other is no collision: the first new one was used and rekeyed itself. */
static void one_rekeys_after_the_other(void **state)
{
	(void)state;
	up();
	after(30 * SECOND);
	pair(LEFT, CHILD, 2, CHILD_GOOD, CHILD_GOOD);
	pair(LEFT, INFO, 3, EMPTY, EMPTY);
	new_pair(LEFT, 5, LEFT, 0);
	after(20 * SECOND);
	new_pair(RIGHT, 9, LEFT, 0); /* of one that we do not know */
	assert_state(sa_at(1), "established", "certain", "rekey-born");
	assert_int_equal(sa_at(0)->successor, sa_at(1)->id);
	assert_int_equal(sa_at(2)->predecessor, 0);
}

static void more_key_exchanges(void **state)
{
	const struct conversation_sa *sa;

	(void)state;
	init_pair();
	pair(LEFT, INTERMEDIATE, 1, 1200, 1200); /* ML-KEM's are that long */
	sa = sa_at(0);
	assert_state(sa, "negotiating", "certain", "started");
	assert_false(sa->half_open);
	pair(LEFT, INTERMEDIATE, 2, 1200, 1200);
	pair(LEFT, AUTH, 3, 288, AUTH_GOOD);
	assert_state(sa, "established", "likely", "auth-answered");
	assert_int_equal(sa->reason_id, 3);
	after(30 * SECOND);
	pair(LEFT, CHILD, 4, CHILD_GOOD, CHILD_GOOD);
	pair(LEFT, FOLLOWUP_KE, 5, 1200, 1200);
	pair(LEFT, FOLLOWUP_KE, 6, 1200, 1200);
	pair(LEFT, INFO, 7, EMPTY, EMPTY); /* what was replaced goes */
	assert_int_equal(exchange_at(sa, 4)->type, CHILD);
	assert_int_equal(exchange_at(sa, 7)->kind, CONVERSATION_KIND_DELETE);
	assert_state(sa, "established", "certain", "active");
	new_pair(LEFT, 5, LEFT, 0);
	assert_state(sa, "rekeyed", "likely", "rekeyed");
}

static void intermediate_unanswered(void **state)
{
	unsigned int i;

	(void)state;
	init_pair();
	for (i = 0; i < 4; i++, after((4u << i) * SECOND))
		sk(LEFT, INTERMEDIATE, false, 1, 1200);
	conversation_tick(c, now + 600 * SECOND);
	assert_state(sa_at(0), "failed", "likely", "no-answer");
	assert_int_equal(sa_at(0)->retransmits, 3);
}

/* Who asks regularly whether the other is there also deletes: that one is out of its own rhythm. */
static void deleted_by_who_did_the_dpd(void **state)
{
	unsigned int i;

	(void)state;
	up();
	for (i = 0; i < 4; i++) {
		after(30 * SECOND);
		pair(RIGHT, INFO, i, EMPTY, EMPTY);
	}
	after(5 * SECOND);
	pair(RIGHT, INFO, 4, EMPTY, EMPTY);
	conversation_tick(c, now + 60 * SECOND);
	assert_state(sa_at(0), "established", "certain", "active");
	conversation_tick(c, now + 120 * SECOND);
	assert_state(sa_at(0), "deleted", "possible", "delete-then-quiet");
}

/* Deadlines that were cancelled, that came closer, and that are further away than the wheel is long. */
static void deadlines(void **state)
{
	unsigned int i;

	(void)state;
	up();
	for (i = 0; i < 600; i++) { /* each sets one, and its answer cancels it */
		pair(LEFT, INFO, 2 + i, EMPTY, EMPTY);
		after(i % 7 * SECOND / 2);
	}
	assert_state(sa_at(0), "established", "certain", "active");
	sk(LEFT, INFO, false, 602, EMPTY);
	conversation_tick(c, now + 29 * SECOND);
	assert_string_equal(conversation_state_name(sa_at(0)->state), "established");
	after(10 * SECOND);
	sk(LEFT, INFO, false, 602, EMPTY); /* after 10 s: the next would be due 18 s later */
	after(18 * SECOND);
	conversation_tick(c, now + 4 * SECOND);
	assert_string_equal(conversation_state_name(sa_at(0)->state), "established");
	conversation_tick(c, now + 6 * SECOND);
	assert_state(sa_at(0), "dead", "possible", "peer-silent");
	assert_int_equal(events[CONVERSATION_EVENT_GIVE_UP], 1);
	/* Long gaps: the next transmission is due in 900 s, which is more than a turn of the wheel. */
	spi_i++;
	spi_r++;
	up();
	sk(LEFT, INFO, false, 2, EMPTY);
	after(20 * SECOND);
	sk(LEFT, INFO, false, 2, EMPTY);
	after(500 * SECOND);
	sk(LEFT, INFO, false, 2, EMPTY);
	for (i = 0; i < 1500; i++) {
		conversation_tick(c, now + i * SECOND);
		assert_string_equal(conversation_state_name(sa_at(1)->state), "established");
	}
	conversation_tick(c, now + 1500 * SECOND + 376 * SECOND);
	assert_state(sa_at(1), "dead", "likely", "peer-silent");
}

/* A responder that wants certificates says so in its answer to IKE_SA_INIT. */
static void certificate_request(void **state)
{
	(void)state;
	init_request(1, 0);
	header(spi_i, spi_r, 33, 0x20, 34, 0x20, 0);
	sa_payload(34);
	ke_and_nonce(38, 7);
	put(4, 4 + 1 + 20);
	put(1, 4);
	fill(20, 0xca);
	send_from(RIGHT);
	assert_int_equal(sa_at(0)->certificate_requests, 1u << CONVERSATION_RESPONDER);
}

/* To another gateway: this one makes no IKE SA. */
static void redirected(void **state)
{
	(void)state;
	init_request(1, 0);
	header(spi_i, 0, 41, 0x20, 34, 0x20, 0);
	notify(0, 16407, 6, 10);
	send_from(RIGHT);
	assert_state(sa_at(0), "failed", "certain", "redirected");
	assert_int_equal(exchange_at(sa_at(0), 0)->outcome, CONVERSATION_OUTCOME_RETRY);
	conversation_tick(c, now + 600 * SECOND);
	assert_int_equal(exchange_at(sa_at(0), 0)->given_up_ns, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		TEST(both_rekey_at_once),	  TEST(one_rekeys_after_the_other),
		TEST(more_key_exchanges),	  TEST(intermediate_unanswered),
		TEST(deleted_by_who_did_the_dpd), TEST(deadlines),
		TEST(certificate_request),	  TEST(redirected),
	};

	(void)begin_another;
	(void)skf;
	(void)init_notify;
	(void)sa_count;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
