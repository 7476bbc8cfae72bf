// SPDX-License-Identifier: GPL-2.0-or-later
/* test_conversation.c - IKEv2 conversations: each state and each inference, and beside it what just misses it */
#include "conversation_build.h"

static void established_and_used(void **state)
{
	const struct conversation_sa *sa;

	(void)state;
	init_request(1, 0);
	sa = sa_at(0);
	assert_state(sa, "negotiating", "certain", "started");
	assert_true(sa->half_open);
	after(3 * MS);
	init_response();
	assert_true(sa->half_open);
	port(4500);
	after(MS);
	sk(LEFT, AUTH, false, 1, 288);
	assert_false(sa->half_open);
	assert_int_equal(sa->path.end[0].port, 500); /* asked, not answered */
	after(5 * MS);
	sk(RIGHT, AUTH, true, 1, AUTH_GOOD);
	assert_state(sa, "established", "likely", "auth-answered");
	assert_int_equal(sa->since_ns, now);
	assert_int_equal(sa->path.end[0].port, 4500);
	assert_true(sa->float_answered);
	assert_int_equal(sa->moves, 0);
	assert_int_equal(sa->messages, 4);
	assert_int_equal(sa->exchange_count, 2);
	assert_int_equal(conversation_rtt_us(exchange_at(sa, 0)), 3000);
	assert_int_equal(conversation_rtt_us(exchange_at(sa, 1)), 5000);
	/* One INFORMATIONAL may be the initiator's refusal of the answer; two are not. */
	pair(LEFT, INFO, 2, EMPTY, EMPTY);
	assert_state(sa, "established", "likely", "auth-answered");
	pair(LEFT, INFO, 3, EMPTY, EMPTY);
	assert_state(sa, "established", "certain", "active");
	assert_int_equal(sa->since_ns, START + 9 * MS);
	assert_int_equal(events[CONVERSATION_EVENT_EXCHANGE], 4);
}

static void authentication_by_size(void **state)
{
	(void)state;
	init_pair();
	pair(LEFT, AUTH, 1, 288, NOTIFY);
	assert_state(sa_at(0), "failed", "likely", "auth-short");
	assert_int_equal(exchange_at(sa_at(0), 1)->outcome, CONVERSATION_OUTCOME_FAILURE);
	/* One block more has room for AUTH, but not for a child SA. */
	spi_i++;
	spi_r++;
	init_pair();
	pair(LEFT, AUTH, 1, 288, NOTIFY + 16);
	assert_state(sa_at(1), "established", "likely", "auth-answered");
	assert_int_equal(exchange_at(sa_at(1), 1)->outcome, CONVERSATION_OUTCOME_NO_CHILD);
	spi_i++;
	spi_r++;
	init_pair();
	pair(LEFT, AUTH, 1, 288, AUTH_GOOD);
	assert_int_equal(exchange_at(sa_at(2), 1)->outcome, CONVERSATION_OUTCOME_SUCCESS);
	assert_int_equal(exchange_at(sa_at(2), 1)->outcome_confidence, CONVERSATION_LIKELY);
}

static void a_short_answer_that_was_none(void **state)
{
	(void)state;
	init_pair();
	pair(LEFT, AUTH, 1, 288, NOTIFY);
	pair(LEFT, INFO, 2, EMPTY, EMPTY);
	assert_state(sa_at(0), "failed", "likely", "auth-short");
	pair(LEFT, CHILD, 3, CHILD_GOOD, CHILD_GOOD);
	assert_state(sa_at(0), "established", "likely", "active");
}

static void eap_in_rounds(void **state)
{
	(void)state;
	init_pair();
	pair(LEFT, AUTH, 1, 288, 1200);
	assert_string_equal(conversation_state_name(sa_at(0)->state), "established");
	sk(LEFT, AUTH, false, 2, EMPTY);
	assert_state(sa_at(0), "negotiating", "likely", "auth-continued");
	sk(RIGHT, AUTH, true, 2, EMPTY);
	assert_state(sa_at(0), "failed", "likely", "auth-short");
	pair(LEFT, AUTH, 3, 80, AUTH_GOOD);
	assert_state(sa_at(0), "established", "likely", "auth-answered");
}

static void the_initiator_refuses(void **state)
{
	(void)state;
	up();
	pair(LEFT, INFO, 2, EMPTY, EMPTY);
	after(2 * SECOND);
	begin_another();
	assert_state(sa_at(0), "failed", "likely", "auth-revoked");
	assert_state(sa_at(1), "negotiating", "certain", "started");
}

static void deleted_by_what_follows(void **state)
{
	uint64_t deleted;

	(void)state;
	up();
	after(5 * SECOND);
	pair(RIGHT, INFO, 0, EMPTY, EMPTY);
	deleted = now - 2 * MS;
	assert_string_equal(conversation_state_name(sa_at(0)->state), "established");
	after(9 * SECOND);
	spi_i++;
	spi_r++;
	init_pair(); /* anybody can send that: nothing is concluded */
	assert_string_equal(conversation_state_name(sa_at(0)->state), "established");
	sk(LEFT, AUTH, false, 1, 288);
	assert_state(sa_at(0), "deleted", "likely", "delete-then-new");
	assert_int_equal(sa_at(0)->since_ns, deleted);
	assert_int_equal(exchange_at(sa_at(0), 2)->kind, CONVERSATION_KIND_DELETE);
	/* It goes on: it was an idle tunnel's DPD. */
	spi_i--;
	spi_r--;
	sk(RIGHT, INFO, false, 1, EMPTY);
	assert_state(sa_at(0), "established", "likely", "alive-again");
	assert_int_equal(conversation_stats(c)->retracted, 1);
}

static void not_deleted(void **state)
{
	unsigned int i;

	(void)state;
	/* Too long before what follows. */
	up();
	after(5 * SECOND);
	pair(RIGHT, INFO, 0, EMPTY, EMPTY);
	after(11 * SECOND);
	begin_another();
	assert_string_equal(conversation_state_name(sa_at(0)->state), "established");
	/* In the rhythm of DPD. */
	spi_i += 10;
	spi_r += 10;
	address(LEFT, 9);
	up();
	for (i = 0; i < 3; i++) {
		after(5 * SECOND);
		pair(RIGHT, INFO, i, EMPTY, EMPTY);
	}
	after(SECOND);
	begin_another();
	assert_string_equal(conversation_state_name(sa_at(2)->state), "established");
	/* Another host behind the same NAT. */
	spi_i += 10;
	spi_r += 10;
	ends[LEFT].port = 2000;
	up();
	after(5 * SECOND);
	pair(RIGHT, INFO, 0, EMPTY, EMPTY);
	ends[LEFT].port = 2001;
	begin_another();
	assert_string_equal(conversation_state_name(sa_at(4)->state), "established");
	/* Other ends. */
	spi_i += 10;
	spi_r += 10;
	address(LEFT, 10);
	up();
	after(5 * SECOND);
	pair(RIGHT, INFO, 0, EMPTY, EMPTY);
	address(LEFT, 11);
	begin_another();
	assert_string_equal(conversation_state_name(sa_at(6)->state), "established");
}

/* Up, and one end asks each five seconds whether the other lives. */
static void up_with_rhythm(void)
{
	unsigned int i;

	up();
	for (i = 0; i < 4; i++) {
		after(5 * SECOND - 4 * MS);
		pair(RIGHT, INFO, i, EMPTY, EMPTY);
	}
}

static void deleted_then_quiet(void **state)
{
	(void)state;
	up_with_rhythm();
	after(SECOND);
	pair(LEFT, INFO, 2, EMPTY, EMPTY);
	conversation_tick(c, now + 15 * SECOND);
	assert_string_equal(conversation_state_name(sa_at(0)->state), "established");
	conversation_tick(c, now + 18 * SECOND);
	assert_state(sa_at(0), "deleted", "possible", "delete-then-quiet");
}

/* Child SAs that are rekeyed in a rhythm, each time with a delete of the old one, are no DPD: when that ends nothing is wrong. */
static void rekeys_are_no_rhythm(void **state)
{
	unsigned int i;

	(void)state;
	up();
	for (i = 0; i < 6; i++) {
		after(2 * SECOND);
		pair(LEFT, CHILD, 2 + 2 * i, 300, 300);
		after(10 * MS);
		pair(LEFT, INFO, 3 + 2 * i, EMPTY, EMPTY);
	}
	after(20 * SECOND);
	pair(RIGHT, INFO, 0, EMPTY, EMPTY);
	conversation_tick(c, now + 120 * SECOND);
	assert_string_equal(conversation_state_name(sa_at(0)->state), "established");
}

/* Its daemon would say so, and is asked in between; if it says nothing any more, the wire is all there is. */
static void quiet_and_a_daemon_has_it(void **state)
{
	(void)state;
	up_with_rhythm();
	conversation_daemon_has(c, spi_i, spi_r, now);
	after(SECOND);
	pair(LEFT, INFO, 2, EMPTY, EMPTY);
	conversation_tick(c, now + 55 * SECOND);
	assert_string_equal(conversation_state_name(sa_at(0)->state), "established");
	conversation_tick(c, now + 60 * SECOND);
	assert_state(sa_at(0), "deleted", "possible", "delete-then-quiet");
}

static void deleted_when_its_traffic_ended(void **state)
{
	uint64_t id;

	(void)state;
	up();
	id = sa_at(0)->id;
	assert_false(conversation_traffic_ended(c, id, now, now + 60 * SECOND)); /* no INFORMATIONAL */
	after(5 * SECOND);
	pair(RIGHT, INFO, 0, EMPTY, EMPTY);
	assert_false(conversation_traffic_ended(c, id, now - 3 * SECOND, now + 60 * SECOND));
	assert_false(conversation_traffic_ended(c, id, now, now + 5 * SECOND)); /* too early to say */
	assert_false(conversation_traffic_ended(c, id + 1, now, now + 60 * SECOND));
	assert_true(conversation_traffic_ended(c, id, now, now + 60 * SECOND));
	assert_state(sa_at(0), "deleted", "likely", "delete-traffic-ended");
}

/* What the daemon has established is, whatever the wire suggests; not by what it said before, and not against its own word. */
static void a_daemon_has_it(void **state)
{
	uint64_t id;

	(void)state;
	up();
	id = sa_at(0)->id;
	after(5 * SECOND);
	pair(RIGHT, INFO, 0, EMPTY, EMPTY);
	conversation_daemon_has(c, spi_i, spi_r, now);
	assert_true(conversation_traffic_ended(c, id, now, now + 60 * SECOND));
	conversation_daemon_has(c, spi_i, spi_r, now + SECOND / 2);
	assert_state(sa_at(0), "deleted", "likely", "delete-traffic-ended");
	conversation_daemon_has(c, spi_i, spi_r, now + 30 * SECOND);
	assert_state(sa_at(0), "established", "certain", "daemon-has");
	assert_false(conversation_traffic_ended(c, id, now, now + 60 * SECOND));
	assert_true(conversation_daemon_ended(c, spi_i, spi_r, now + SECOND));
	conversation_daemon_has(c, spi_i, spi_r, now + 30 * SECOND);
	assert_state(sa_at(0), "deleted", "certain", "daemon-ended");
	conversation_daemon_has(c, spi_i + 1, spi_r, now); /* one that was never seen */
}

/* The beginning was not seen, and all that is seen is a question without an answer: the peer died before it said anything. */
static void a_daemon_has_what_was_joined(void **state)
{
	(void)state;
	sk(LEFT, INFO, false, 2, EMPTY);
	assert_state(sa_at(0), "negotiating", "possible", "joined");
	after(SECOND);
	conversation_daemon_has(c, spi_i, spi_r, now);
	assert_state(sa_at(0), "established", "certain", "joined-daemon");
	assert_int_equal(sa_at(0)->since_ns, START);
	for (int i = 0; i < 4; i++) {
		after(2 * SECOND);
		sk(LEFT, INFO, false, 2, EMPTY);
		conversation_daemon_has(c, spi_i, spi_r, now);
	}
	conversation_tick(c, now + 30 * SECOND);
	assert_state(sa_at(0), "dead", "likely", "peer-silent");
	/* One whose beginning was seen is about to be established, and tells so itself */
	spi_i++;
	spi_r++;
	init_pair();
	conversation_daemon_has(c, spi_i, spi_r, now);
	assert_string_equal(conversation_state_name(sa_at(1)->state), "negotiating");
}

/* A daemon that ends asks the peer once, which may be dead; one that gives up its DPD does not wait for our rules. */
static void a_daemon_gives_up(void **state)
{
	(void)state;
	up();
	after(60 * SECOND);
	sk(LEFT, INFO, false, 2, EMPTY);
	assert_true(conversation_daemon_ended(c, spi_i, spi_r, now + SECOND));
	assert_state(sa_at(0), "deleted", "certain", "daemon-ended");
	after(2 * SECOND);
	begin_another();
	sk(RIGHT, AUTH, true, 1, AUTH_GOOD);
	after(60 * SECOND);
	for (unsigned int i = 0; i < 3; i++, after((4u << i) * SECOND))
		sk(RIGHT, INFO, false, 0, EMPTY);
	assert_true(conversation_daemon_ended(c, spi_i, spi_r, now));
	assert_state(sa_at(1), "dead", "likely", "peer-silent");
	assert_true(sa_at(1)->since_ns == now);
}

/* As charon does: 4 s, and then 1.8 times longer each time. */
static void unanswered(void **state)
{
	static const uint64_t gaps[] = {4000, 7200, 12960};
	uint64_t given_up;
	unsigned int i;

	(void)state;
	up();
	pair(LEFT, INFO, 2, EMPTY, EMPTY);
	after(10 * SECOND);
	sk(LEFT, INFO, false, 3, EMPTY);
	for (i = 0; i < 3; i++) {
		after(gaps[i] * MS);
		sk(LEFT, INFO, false, 3, EMPTY);
	}
	given_up = now + 23328 * MS;
	conversation_tick(c, given_up + SECOND);
	assert_string_equal(conversation_state_name(sa_at(0)->state), "established");
	conversation_tick(c, given_up + 8 * SECOND);
	assert_state(sa_at(0), "dead", "likely", "peer-silent");
	assert_in_range(sa_at(0)->since_ns, given_up - MS, given_up + MS);
	assert_int_equal(sa_at(0)->retransmits, 3);
	assert_int_equal(exchange_at(sa_at(0), 3)->retransmit_us[0], 4000000);
	assert_int_equal(exchange_at(sa_at(0), 3)->retransmit_us[2], 4000000 + 7200000 + 12960000);
	assert_int_equal(exchange_at(sa_at(0), 3)->outcome, CONVERSATION_OUTCOME_NO_ANSWER);
	assert_int_equal(conversation_rtt_us(exchange_at(sa_at(0), 3)), -1);
	assert_int_equal(events[CONVERSATION_EVENT_GIVE_UP], 1);
	assert_int_equal(events[CONVERSATION_EVENT_RETRANSMIT], 3);
	/* A late answer: the peer lives. */
	now = given_up + 9 * SECOND;
	sk(RIGHT, INFO, true, 3, EMPTY);
	assert_state(sa_at(0), "established", "certain", "active");
	assert_int_equal(conversation_stats(c)->retracted, 1);
	assert_int_equal(conversation_rtt_us(exchange_at(sa_at(0), 3)), -1);
}

static void answered_in_the_end(void **state)
{
	(void)state;
	up();
	sk(LEFT, INFO, false, 2, EMPTY);
	after(4 * SECOND);
	sk(LEFT, INFO, false, 2, EMPTY);
	after(MS);
	sk(RIGHT, INFO, true, 2, EMPTY);
	sk(RIGHT, INFO, true, 2, EMPTY);
	conversation_tick(c, now + 3600 * SECOND);
	assert_string_equal(conversation_state_name(sa_at(0)->state), "established");
	assert_int_equal(sa_at(0)->retransmits, 1);
	assert_int_equal(sa_at(0)->response_repeats, 1);
	assert_int_equal(exchange_at(sa_at(0), 2)->response_ns, START + 8 * MS + 4 * SECOND + MS);
}

static void dead_when_the_same_side_begins_anew(void **state)
{
	(void)state;
	up();
	after(30 * SECOND);
	sk(LEFT, INFO, false, 2, EMPTY);
	after(4 * SECOND);
	sk(LEFT, INFO, false, 2, EMPTY);
	after(3 * SECOND);
	begin_another();
	assert_state(sa_at(0), "dead", "possible", "peer-silent");
	assert_in_range(sa_at(0)->since_ns, START + 30 * SECOND, now);
}

static void negotiation_never_answered(void **state)
{
	(void)state;
	init_request(1, 0);
	after(4 * SECOND);
	init_request(1, 0);
	assert_int_equal(sa_count(), 1);
	assert_int_equal(sa_at(0)->retransmits, 1);
	conversation_tick(c, now + 60 * SECOND);
	assert_state(sa_at(0), "failed", "likely", "no-answer");
	now += 61 * SECOND;
	init_response();
	assert_state(sa_at(0), "negotiating", "likely", "alive-again");
	sk(LEFT, AUTH, false, 1, 288);
	after(4 * SECOND);
	sk(LEFT, AUTH, false, 1, 288);
	conversation_tick(c, now + 60 * SECOND);
	assert_state(sa_at(0), "failed", "likely", "auth-unanswered");
}

static void negotiation_stalled(void **state)
{
	(void)state;
	init_pair();
	conversation_tick(c, now + 59 * SECOND);
	assert_string_equal(conversation_state_name(sa_at(0)->state), "negotiating");
	conversation_tick(c, now + 62 * SECOND);
	assert_state(sa_at(0), "failed", "possible", "stalled");
}

static void refused_in_clear(void **state)
{
	const struct conversation_sa *sa;

	(void)state;
	init_request(1, 0);
	init_notify(14, 0);
	sa = sa_at(0);
	assert_state(sa, "failed", "certain", "init-refused");
	assert_int_equal(sa->notify_count, 1);
	init_request(2, 0);
	assert_state(sa, "negotiating", "certain", "started");
	assert_int_equal(sa->exchange_count, 2);
	/* A status notify is no error. */
	init_notify(16404, 8);
	assert_string_equal(conversation_state_name(sa->state), "negotiating");
}

static void cookie_and_invalid_ke(void **state)
{
	const struct conversation_sa *sa;

	(void)state;
	init_request(1, 0);
	init_notify(16390, 20);
	init_request(1, 20);
	init_notify(17, 2);
	init_request(2, 20);
	init_response();
	assert_int_equal(sa_count(), 1);
	sa = sa_at(0);
	assert_int_equal(sa->exchange_count, 3);
	assert_int_equal(sa->cookies, 1);
	assert_int_equal(sa->invalid_ke, 0); /* group 0 is none */
	assert_int_equal(sa->retransmits, 0);
	assert_int_equal(sa->responder_spi, spi_r);
	assert_int_equal(exchange_at(sa, 0)->outcome, CONVERSATION_OUTCOME_RETRY);
	assert_int_equal(exchange_at(sa, 2)->outcome, CONVERSATION_OUTCOME_SUCCESS);
	assert_true(exchange_at(sa, 1)->cookie && !exchange_at(sa, 0)->cookie);
	assert_false(sa->half_open); /* it brought the cookie back */
	init_request(2, 20);
	assert_int_equal(sa->retransmits, 1);
	assert_int_equal(sa->exchange_count, 3);
}

static void rekeyed(void **state)
{
	uint64_t since;

	(void)state;
	up();
	after(30 * SECOND);
	pair(LEFT, CHILD, 2, CHILD_GOOD, CHILD_GOOD); /* of the child */
	pair(LEFT, INFO, 3, EMPTY, EMPTY);
	assert_int_equal(exchange_at(sa_at(0), 3)->kind, CONVERSATION_KIND_DELETE);
	after(30 * SECOND);
	pair(RIGHT, CHILD, 0, CHILD_GOOD, CHILD_GOOD);
	since = now - 2 * MS;
	pair(RIGHT, INFO, 1, EMPTY, EMPTY);
	assert_state(sa_at(0), "established", "certain", "active");
	/* The new one's initiator is right: it sends with the initiator flag. */
	spi_i += 5;
	spi_r += 5;
	after(20 * SECOND);
	build_sk(true, INFO, false, 0, EMPTY);
	send_from(RIGHT);
	/* Only a request with invented SPIs, for all we know: no other IKE SA is touched. */
	assert_state(sa_at(1), "established", "possible", "rekey-born");
	assert_string_equal(conversation_state_name(sa_at(0)->state), "established");
	build_sk(false, INFO, true, 0, EMPTY);
	send_from(LEFT);
	assert_state(sa_at(1), "established", "certain", "active");
	assert_int_equal(sa_at(1)->since_ns, since);
	assert_state(sa_at(0), "rekeyed", "likely", "rekeyed");
	assert_int_equal(sa_at(0)->since_ns, since);
	assert_int_equal(sa_at(0)->successor, sa_at(1)->id);
	assert_int_equal(sa_at(1)->predecessor, sa_at(0)->id);
	assert_int_equal(exchange_at(sa_at(0), 4)->kind, CONVERSATION_KIND_IKE_REKEY);
}

static void not_rekeyed(void **state)
{
	(void)state;
	up();
	after(30 * SECOND);
	pair(LEFT, CHILD, 2, CHILD_GOOD, NOTIFY);
	assert_int_equal(exchange_at(sa_at(0), 2)->outcome, CONVERSATION_OUTCOME_FAILURE);
	spi_i += 5;
	spi_r += 5;
	pair(LEFT, INFO, 0, EMPTY, EMPTY);
	assert_state(sa_at(1), "established", "certain", "rekey-born"); /* of one that we do not know */
	assert_string_equal(conversation_state_name(sa_at(0)->state), "established");
	/* In the middle of another conversation, while the old one is used. */
	spi_i += 5;
	spi_r += 5;
	pair(LEFT, INFO, 17, EMPTY, EMPTY);
	assert_state(sa_at(2), "established", "likely", "joined-active");
	assert_string_equal(conversation_state_name(sa_at(0)->state), "established");
}

static void child_by_size(void **state)
{
	(void)state;
	up();
	pair(LEFT, CHILD, 2, CHILD_GOOD, 32 + 80);
	pair(LEFT, CHILD, 3, CHILD_GOOD, 32 + 96);
	assert_int_equal(exchange_at(sa_at(0), 2)->outcome, CONVERSATION_OUTCOME_FAILURE);
	assert_int_equal(exchange_at(sa_at(0), 3)->outcome, CONVERSATION_OUTCOME_SUCCESS);
	assert_int_equal(exchange_at(sa_at(0), 3)->outcome_confidence, CONVERSATION_LIKELY);
}

static void dpd_and_other(void **state)
{
	(void)state;
	up();
	pair(LEFT, INFO, 2, EMPTY, EMPTY);
	/* With a block cipher a delete has the same size. */
	assert_int_equal(exchange_at(sa_at(0), 2)->kind, CONVERSATION_KIND_DPD);
	assert_int_equal(exchange_at(sa_at(0), 2)->kind_confidence, CONVERSATION_POSSIBLE);
	pair(LEFT, INFO, 3, EMPTY + 16, EMPTY);
	assert_int_equal(exchange_at(sa_at(0), 2)->kind_confidence, CONVERSATION_LIKELY);
	assert_int_equal(exchange_at(sa_at(0), 3)->kind, CONVERSATION_KIND_OTHER);
	pair(RIGHT, INFO, 0, EMPTY, EMPTY + 16);
	assert_int_equal(exchange_at(sa_at(0), 4)->kind, CONVERSATION_KIND_OTHER);
}

static void several_in_flight(void **state)
{
	(void)state;
	up();
	sk(LEFT, CHILD, false, 2, CHILD_GOOD);
	sk(LEFT, CHILD, false, 3, CHILD_GOOD);
	sk(RIGHT, CHILD, false, 2, CHILD_GOOD); /* the other side counts by itself */
	sk(LEFT, CHILD, false, 4, CHILD_GOOD);
	after(MS);
	sk(RIGHT, CHILD, true, 4, CHILD_GOOD);
	sk(RIGHT, CHILD, true, 2, CHILD_GOOD);
	sk(LEFT, CHILD, true, 2, CHILD_GOOD);
	sk(RIGHT, CHILD, true, 3, CHILD_GOOD);
	assert_int_equal(sa_at(0)->window[0], 3);
	assert_int_equal(sa_at(0)->window[1], 1);
	assert_int_equal(sa_at(0)->exchange_count, 6);
	assert_int_equal(conversation_rtt_us(exchange_at(sa_at(0), 2)), 1000);
	conversation_tick(c, now + 3600 * SECOND);
	assert_string_equal(conversation_state_name(sa_at(0)->state), "established");
}

static void fragments(void **state)
{
	const struct conversation_exchange *x;
	unsigned int i;

	(void)state;
	init_pair();
	for (i = 1; i <= 3; i++)
		skf(LEFT, AUTH, false, 1, i, 3);
	after(4 * SECOND);
	for (i = 1; i <= 3; i++)
		skf(LEFT, AUTH, false, 1, i, 3);
	x = exchange_at(sa_at(0), 1);
	assert_int_equal(x->retransmits, 1); /* of the message, not of its pieces */
	assert_int_equal(x->request.fragments, 3);
	after(MS);
	skf(RIGHT, AUTH, true, 1, 3, 3);
	skf(RIGHT, AUTH, true, 1, 1, 3);
	assert_int_equal(x->response_ns, 0);
	assert_string_equal(conversation_state_name(sa_at(0)->state), "negotiating");
	after(MS);
	skf(RIGHT, AUTH, true, 1, 2, 3);
	assert_int_equal(x->response_ns, now);
	assert_int_equal(x->response.encrypted, 300);
	assert_string_equal(conversation_state_name(sa_at(0)->state), "established");
	for (i = 1; i <= 3; i++)
		skf(RIGHT, AUTH, true, 1, i, 3);
	assert_int_equal(x->response_repeats, 1);
	/* Smaller ones for a path that does not carry them: one more retransmission. */
	sk(LEFT, INFO, false, 2, 1000);
	for (i = 1; i <= 4; i++)
		skf(LEFT, INFO, false, 2, i, 4);
	assert_int_equal(exchange_at(sa_at(0), 2)->retransmits, 1);
}

static void a_lost_fragment(void **state)
{
	(void)state;
	init_pair();
	skf(LEFT, AUTH, false, 1, 1, 2);
	skf(LEFT, AUTH, false, 1, 2, 2);
	after(MS);
	skf(RIGHT, AUTH, true, 1, 1, 2);
	conversation_tick(c, now + 60 * SECOND);
	assert_state(sa_at(0), "failed", "possible", "auth-unanswered");
}

static void moved(void **state)
{
	const struct conversation_sa *sa;

	(void)state;
	up();
	sa = sa_at(0);
	address(LEFT, 7);
	sk(LEFT, INFO, false, 2, EMPTY);
	assert_int_equal(sa->moves, 0); /* may be a forgery, or go nowhere */
	sk(LEFT, INFO, false, 2, EMPTY);
	assert_int_equal(sa->moves, 0);
	after(MS);
	sk(RIGHT, INFO, true, 2, EMPTY);
	assert_int_equal(sa->moves, 1);
	assert_int_equal(sa->path.end[0].address[15], 7);
	assert_int_equal(sa->move[0].from.end[0].address[15], 1);
	assert_int_equal(sa->move[0].time_ns, now - MS);
	assert_int_equal(events[CONVERSATION_EVENT_MOVE], 1);
	ends[LEFT].port = 31337; /* a NAT's new mapping */
	pair(LEFT, INFO, 3, EMPTY, EMPTY);
	assert_int_equal(sa->moves, 2);
	assert_int_equal(sa_count(), 1);
}

static void joined(void **state)
{
	(void)state;
	sk(RIGHT, INFO, false, 8, EMPTY);
	assert_state(sa_at(0), "negotiating", "possible", "joined");
	assert_true(sa_at(0)->half_open);
	sk(LEFT, INFO, true, 8, EMPTY);
	assert_state(sa_at(0), "established", "likely", "joined-active");
	assert_false(sa_at(0)->half_open);
	/* Only the answer of an exchange. */
	sk(RIGHT, INFO, true, 3, EMPTY);
	assert_int_equal(exchange_at(sa_at(0), 1)->request_ns, 0);
	assert_int_equal(conversation_rtt_us(exchange_at(sa_at(0), 1)), -1);
}

static void replaced(void **state)
{
	(void)state;
	up();
	after(60 * SECOND);
	begin_another();
	after(MS);
	sk(RIGHT, AUTH, true, 1, AUTH_GOOD);
	assert_string_equal(conversation_state_name(sa_at(0)->state), "established");
	conversation_tick(c, now + 100 * SECOND);
	assert_state(sa_at(0), "dead", "possible", "restarted");
	/* Make before break: the old one is deleted when the new one is up. */
	address(LEFT, 8);
	spi_i += 10;
	spi_r += 10;
	now += 100 * SECOND;
	up();
	begin_another();
	after(MS);
	sk(RIGHT, AUTH, true, 1, AUTH_GOOD);
	after(5 * SECOND);
	spi_i--;
	spi_r--;
	pair(LEFT, INFO, 2, EMPTY, EMPTY);
	conversation_tick(c, now + 29 * SECOND);
	assert_string_equal(conversation_state_name(sa_at(2)->state), "established");
	conversation_tick(c, now + 33 * SECOND);
	assert_state(sa_at(2), "deleted", "likely", "delete-replaced");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		TEST(established_and_used),
		TEST(authentication_by_size),
		TEST(a_short_answer_that_was_none),
		TEST(eap_in_rounds),
		TEST(the_initiator_refuses),
		TEST(deleted_by_what_follows),
		TEST(not_deleted),
		TEST(deleted_then_quiet),
		TEST(rekeys_are_no_rhythm),
		TEST(quiet_and_a_daemon_has_it),
		TEST(deleted_when_its_traffic_ended),
		TEST(a_daemon_has_it),
		TEST(a_daemon_has_what_was_joined),
		TEST(a_daemon_gives_up),
		TEST(unanswered),
		TEST(answered_in_the_end),
		TEST(dead_when_the_same_side_begins_anew),
		TEST(negotiation_never_answered),
		TEST(negotiation_stalled),
		TEST(refused_in_clear),
		TEST(cookie_and_invalid_ke),
		TEST(rekeyed),
		TEST(not_rekeyed),
		TEST(child_by_size),
		TEST(dpd_and_other),
		TEST(several_in_flight),
		TEST(fragments),
		TEST(a_lost_fragment),
		TEST(moved),
		TEST(joined),
		TEST(replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
