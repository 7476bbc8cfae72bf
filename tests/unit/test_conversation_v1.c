// SPDX-License-Identifier: GPL-2.0-or-later
/* test_conversation_v1.c - IKEv1 conversations: phase 1 step by step, quick mode, informational messages, DPD */
#include "conversation_build.h"

#define MAIN 2
#define AGGRESSIVE 4
#define INFORMATIONAL 5
#define QUICK 32
#define SIZE 80

/* In clear; `hash` is the negotiated one. */
static void v1_sa(enum end from, unsigned int exchange, uint64_t responder, unsigned int hash)
{
	const uint8_t transform[] = {
		0,    0, 0, 32, 1,    1, 0, 0,	0x80, 1,  0, 7, 0x80, 14, 0, 128, 0x80, 2, 0, (uint8_t)hash,
		0x80, 3, 0, 1,	0x80, 4, 0, 14, 0x80, 11, 0, 1};

	header(spi_i, responder, 1, 0x10, exchange, 0, 0);
	put(2, 0);
	put(2, 4 + 8 + 8 + sizeof(transform));
	put(4, 1);
	put(4, 1);
	put(4, 8 + sizeof(transform));
	put(4, 0x01010001);
	memcpy(message + message_length, transform, sizeof(transform));
	message_length += sizeof(transform);
	send_from(from);
}

static void v1_ke(enum end from, unsigned int exchange, uint8_t value)
{
	header(spi_i, spi_r, 4, 0x10, exchange, 0, 0);
	put(4, 0x0a000000 + 4 + 128);
	fill(128, value);
	put(4, 4 + 20);
	fill(20, value);
	send_from(from);
}

/* Encrypted; `value` makes it another message. */
static void v1(enum end from, unsigned int exchange, uint32_t id, unsigned int size, uint8_t value)
{
	header(spi_i, spi_r, exchange == MAIN ? 5 : 8, 0x10, exchange, 1, id);
	fill(size, value);
	send_from(from);
	after(MS);
}

static void v1_notify(enum end from, unsigned int type, uint32_t id)
{
	header(spi_i, spi_r, 11, 0x10, INFORMATIONAL, 0, id);
	put(4, 12);
	put(4, 1);
	put(2, 0x0100);
	put(2, type);
	send_from(from);
}

static void main_mode_to(unsigned int step)
{
	static const enum end from[] = {LEFT, RIGHT, LEFT, RIGHT, LEFT, RIGHT};
	unsigned int i;

	for (i = 1; i <= step; i++) {
		if (i <= 2)
			v1_sa(from[i - 1], MAIN, i == 1 ? 0 : spi_r, 2);
		else if (i <= 4)
			v1_ke(from[i - 1], MAIN, (uint8_t)i);
		else
			v1(from[i - 1], MAIN, 0, SIZE, (uint8_t)i);
		after(MS);
	}
}

static void quick_mode(uint32_t id)
{
	v1(LEFT, QUICK, id, 200, 1);
	v1(RIGHT, QUICK, id, 200, 2);
	v1(LEFT, QUICK, id, 48, 3);
}

static void main_mode_step_by_step(void **state)
{
	const struct conversation_exchange *x;
	const struct conversation_sa *sa;
	unsigned int step;

	(void)state;
	for (step = 1; step <= 6; step++) {
		stop(NULL);
		start(NULL);
		main_mode_to(step);
		sa = sa_at(0);
		assert_int_equal(sa_count(), 1);
		assert_int_equal(sa->phase1_step, step);
		assert_int_equal(sa->retransmits, 0);
		assert_string_equal(conversation_mode_name(sa), "main");
		if (step < 6)
			assert_state(sa, "negotiating", "certain", "started");
		else
			assert_state(sa, "established", "likely", "phase1-done");
		assert_int_equal(sa->half_open, step < 5);
	}
	x = exchange_at(sa, 0);
	assert_int_equal(sa->exchange_count, 1);
	assert_int_equal(x->steps, 6);
	assert_int_equal(x->step_mask, 0x3f);
	assert_int_equal(x->step_us[5], 6000);
	assert_int_equal(conversation_rtt_us(x), 1000);
	quick_mode(77);
	assert_state(sa, "established", "certain", "quick-mode");
	assert_int_equal(exchange_at(sa, 1)->outcome, CONVERSATION_OUTCOME_SUCCESS);
	assert_int_equal(sa->exchange_count, 2);
}

static void main_mode_unanswered(void **state)
{
	(void)state;
	main_mode_to(4);
	v1(LEFT, MAIN, 0, SIZE, 5);
	after(4 * SECOND);
	v1(LEFT, MAIN, 0, SIZE, 5);
	after(7200 * MS);
	v1(LEFT, MAIN, 0, SIZE, 5);
	assert_int_equal(sa_at(0)->retransmits, 2);
	assert_int_equal(sa_at(0)->phase1_step, 5);
	conversation_tick(c, now + 60 * SECOND);
	assert_state(sa_at(0), "failed", "likely", "no-answer");
	/* Another message is no retransmission: the peer came back. */
	now += 61 * SECOND;
	v1(RIGHT, MAIN, 0, SIZE, 6);
	assert_string_equal(conversation_state_name(sa_at(0)->state), "established");
}

static void refused_after_message_5(void **state)
{
	(void)state;
	main_mode_to(5);
	v1(RIGHT, INFORMATIONAL, 99, SIZE, 1);
	assert_state(sa_at(0), "failed", "likely", "phase1-refused");
	/* One message earlier it means something else. */
	stop(NULL);
	start(NULL);
	main_mode_to(4);
	v1(RIGHT, INFORMATIONAL, 99, SIZE, 1);
	assert_string_equal(conversation_state_name(sa_at(0)->state), "negotiating");
	/* And from the initiator, too. */
	stop(NULL);
	start(NULL);
	main_mode_to(5);
	v1(LEFT, INFORMATIONAL, 99, SIZE, 1);
	assert_string_equal(conversation_state_name(sa_at(0)->state), "negotiating");
}

static void refused_in_clear(void **state)
{
	char evidence[256];

	(void)state;
	main_mode_to(1);
	v1_notify(RIGHT, 14, 5);
	assert_int_equal(sa_count(), 1);
	assert_state(sa_at(0), "failed", "certain", "notified");
	conversation_evidence(sa_at(0), evidence, sizeof(evidence));
	assert_non_null(strstr(evidence, "NO_PROPOSAL_CHOSEN"));
	assert_int_equal(sa_at(0)->responder_spi, spi_r);
	/* Not what is up already: anybody can send that. */
	stop(NULL);
	start(NULL);
	main_mode_to(6);
	v1_notify(RIGHT, 14, 5);
	assert_string_equal(conversation_state_name(sa_at(0)->state), "established");
	/* Nor a status. */
	stop(NULL);
	start(NULL);
	main_mode_to(2);
	v1_notify(RIGHT, 24578, 5);
	assert_string_equal(conversation_state_name(sa_at(0)->state), "negotiating");
	assert_true(sa_at(0)->initial_contact);
}

static void aggressive(void **state)
{
	(void)state;
	v1_sa(LEFT, AGGRESSIVE, 0, 2);
	after(2 * MS);
	v1_sa(RIGHT, AGGRESSIVE, spi_r, 2);
	assert_string_equal(conversation_mode_name(sa_at(0)), "aggressive");
	assert_string_equal(conversation_state_name(sa_at(0)->state), "negotiating");
	after(MS);
	v1(LEFT, AGGRESSIVE, 0, SIZE, 3);
	assert_state(sa_at(0), "established", "likely", "phase1-done");
	assert_int_equal(sa_at(0)->phase1_step, 3);
	assert_int_equal(sa_at(0)->exchange_count, 1);
}

static void quick_mode_sent_again(void **state)
{
	const struct conversation_exchange *x;

	(void)state;
	main_mode_to(6);
	v1(LEFT, QUICK, 77, 200, 1);
	after(4 * SECOND);
	v1(LEFT, QUICK, 77, 200, 1); /* not heard */
	v1(RIGHT, QUICK, 77, 200, 2);
	after(4 * SECOND);
	v1(LEFT, QUICK, 77, 200, 1);  /* the answer was lost */
	v1(RIGHT, QUICK, 77, 200, 2); /* which is sent again for it */
	after(4 * SECOND);
	v1(RIGHT, QUICK, 77, 200, 2); /* and once more of its own accord */
	v1(LEFT, QUICK, 77, 48, 3);
	x = exchange_at(sa_at(0), 1);
	assert_int_equal(x->retransmits, 3);
	assert_int_equal(x->response_repeats, 1);
	assert_int_equal(x->steps, 3);
	assert_int_equal(x->request.bytes, 228);
	assert_int_equal(sa_at(0)->retransmits, 3);
	conversation_tick(c, now + 600 * SECOND);
	assert_string_equal(conversation_state_name(sa_at(0)->state), "established");
}

static void quick_mode_refused(void **state)
{
	(void)state;
	main_mode_to(6);
	v1(LEFT, QUICK, 77, 200, 1);
	v1(RIGHT, INFORMATIONAL, 78, SIZE, 1);
	assert_int_equal(exchange_at(sa_at(0), 1)->outcome, CONVERSATION_OUTCOME_FAILURE);
	/* After the answer it is about something else. */
	v1(LEFT, QUICK, 79, 200, 1);
	v1(RIGHT, QUICK, 79, 200, 2);
	v1(RIGHT, INFORMATIONAL, 80, SIZE, 1);
	assert_int_equal(exchange_at(sa_at(0), 3)->outcome, CONVERSATION_OUTCOME_UNKNOWN);
}

static void dpd_answered(void **state)
{
	const struct conversation_exchange *x;

	(void)state;
	main_mode_to(6);
	v1(LEFT, INFORMATIONAL, 100, SIZE, 1);
	v1(RIGHT, INFORMATIONAL, 200, SIZE, 2);
	x = exchange_at(sa_at(0), 1);
	assert_int_equal(sa_at(0)->exchange_count, 2);
	assert_int_equal(x->peer_message_id, 200);
	assert_int_equal(x->kind, CONVERSATION_KIND_DPD);
	assert_int_equal(conversation_rtt_us(x), 1000);
	/* Of another size, or too late: not its answer. */
	v1(LEFT, INFORMATIONAL, 101, SIZE, 1);
	v1(RIGHT, INFORMATIONAL, 201, SIZE + 16, 2);
	assert_int_equal(sa_at(0)->exchange_count, 4);
	after(6 * SECOND);
	v1(RIGHT, INFORMATIONAL, 202, SIZE, 2);
	assert_int_equal(sa_at(0)->exchange_count, 5);
}

static void dpd_unanswered(void **state)
{
	unsigned int i;

	(void)state;
	main_mode_to(6);
	quick_mode(77);
	for (i = 0; i < 2; i++) {
		after(2 * SECOND - MS);
		v1(LEFT, INFORMATIONAL, 100 + i, SIZE, 1);
	}
	conversation_tick(c, now + 60 * SECOND);
	assert_string_equal(conversation_state_name(sa_at(0)->state), "established"); /* two are not enough */
	after(2 * SECOND - MS);
	v1(LEFT, INFORMATIONAL, 110, SIZE, 1);
	conversation_tick(c, now + 56 * SECOND);
	assert_string_equal(conversation_state_name(sa_at(0)->state), "established");
	conversation_tick(c, now + 70 * SECOND);
	assert_state(sa_at(0), "dead", "likely", "peer-silent-v1");
	assert_int_equal(sa_at(0)->since_ns, now - MS + 2 * SECOND);
	now += 80 * SECOND;
	v1(RIGHT, INFORMATIONAL, 300, SIZE, 1);
	assert_state(sa_at(0), "established", "likely", "alive-again");
}

static void a_delete_is_not_dpd(void **state)
{
	unsigned int i;

	(void)state;
	main_mode_to(6);
	for (i = 0; i < 4; i++)
		v1(LEFT, INFORMATIONAL, 100 + i, SIZE, 1); /* in one go */
	conversation_tick(c, now + 600 * SECOND);
	assert_string_equal(conversation_state_name(sa_at(0)->state), "established");
	/* A new phase 1 follows. */
	after(2 * SECOND);
	spi_i++;
	spi_r++;
	main_mode_to(5);
	assert_state(sa_at(0), "deleted", "likely", "delete-then-new");
}

static void a_new_phase_1(void **state)
{
	(void)state;
	main_mode_to(6);
	quick_mode(77);
	after(3600 * SECOND);
	spi_i++;
	spi_r++;
	main_mode_to(5);
	assert_string_equal(conversation_state_name(sa_at(0)->state), "established");
	main_mode_to(6); /* what came before is sent again */
	assert_state(sa_at(0), "rekeyed", "likely", "rekeyed-v1");
	assert_int_equal(sa_at(0)->successor, sa_at(1)->id);
}

static void two_hosts_behind_one_nat(void **state)
{
	(void)state;
	ends[LEFT].port = 1024;
	main_mode_to(6);
	spi_i++;
	spi_r++;
	ends[LEFT].port = 1025;
	main_mode_to(6);
	assert_string_equal(conversation_state_name(sa_at(0)->state), "established");
	assert_string_equal(conversation_state_name(sa_at(1)->state), "established");
	/* The same port is the same host. */
	spi_i++;
	spi_r++;
	main_mode_to(6);
	assert_string_equal(conversation_state_name(sa_at(0)->state), "established");
	assert_string_equal(conversation_state_name(sa_at(1)->state), "rekeyed");
}

static void joined(void **state)
{
	(void)state;
	v1(RIGHT, QUICK, 7, 200, 1);
	assert_state(sa_at(0), "negotiating", "possible", "joined");
	v1(LEFT, QUICK, 7, 200, 2);
	assert_state(sa_at(0), "established", "likely", "quick-mode");
	assert_false(sa_at(0)->initiator_known);
	stop(NULL);
	start(NULL);
	/* Main mode from its fifth message. */
	v1(LEFT, MAIN, 0, SIZE, 5);
	v1(RIGHT, MAIN, 0, SIZE, 6);
	assert_int_equal(sa_at(0)->phase1_step, 6);
	assert_string_equal(conversation_state_name(sa_at(0)->state), "established");
}

static void fragments(void **state)
{
	unsigned int round, i;

	(void)state;
	main_mode_to(4);
	for (round = 0; round < 2; round++) {
		for (i = 1; i <= 3; i++) {
			header(spi_i, spi_r, 132, 0x10, MAIN, 0, 0);
			put(4, 4 + 4 + 100);
			put(2, 9);
			put(1, i);
			put(1, i == 3);
			fill(100, (uint8_t)i);
			send_from(LEFT);
		}
		after(4 * SECOND);
	}
	assert_int_equal(sa_at(0)->phase1_step, 5);
	assert_int_equal(sa_at(0)->retransmits, 1);
	v1(RIGHT, MAIN, 0, SIZE, 6);
	assert_string_equal(conversation_state_name(sa_at(0)->state), "established");
}

/* `size` bytes of fragment `number`; all messages have the same id, as strongSwan's. */
static void v1_fragment(enum end from, unsigned int number, bool last, uint8_t value)
{
	header(spi_i, spi_r, 132, 0x10, MAIN, 0, 0);
	put(4, 4 + 4 + 100);
	put(2, 1);
	put(1, number);
	put(1, last);
	fill(100, value);
	send_from(from);
	after(MS);
}

static void fragments_of_both_ends(void **state)
{
	const struct conversation_exchange *x;
	uint64_t since;

	(void)state;
	main_mode_to(4);
	v1_fragment(LEFT, 2, true, 52); /* out of order */
	v1_fragment(LEFT, 1, false, 51);
	x = exchange_at(sa_at(0), 0);
	assert_int_equal(sa_at(0)->phase1_step, 5);
	v1_fragment(RIGHT, 1, false, 61);
	v1_fragment(RIGHT, 3, true, 63); /* the second is lost */
	assert_int_equal(x->steps, 6);
	assert_state(sa_at(0), "negotiating", "certain", "started");
	after(4 * SECOND);
	v1_fragment(LEFT, 2, true, 52); /* again, in order of its fancy */
	v1_fragment(LEFT, 1, false, 51);
	v1_fragment(RIGHT, 1, false, 61);
	since = now;
	v1_fragment(RIGHT, 2, false, 62);
	v1_fragment(RIGHT, 3, true, 63);
	assert_state(sa_at(0), "established", "likely", "phase1-done");
	assert_int_equal(sa_at(0)->since_ns, since);
	assert_int_equal(x->retransmits, 1);
	assert_int_equal(x->response_repeats, 1);
	assert_int_equal(x->request.fragments, 2);
	assert_int_equal(x->response.fragments, 3);
	assert_int_equal(sa_at(0)->exchange_count, 1);
	quick_mode(7);
	assert_state(sa_at(0), "established", "certain", "quick-mode");
}

/* Two messages of the same end in fragments, with an unfragmented one between. */
static void fragments_of_two_messages(void **state)
{
	const struct conversation_exchange *x;

	(void)state;
	main_mode_to(2);
	v1_fragment(LEFT, 1, false, 31);
	v1_fragment(LEFT, 2, true, 32);
	v1_ke(RIGHT, MAIN, 4);
	v1_fragment(LEFT, 1, false, 31); /* the answer was slow */
	v1_fragment(LEFT, 2, true, 32);
	v1_ke(RIGHT, MAIN, 4);
	v1_fragment(LEFT, 1, false, 51);
	v1_fragment(LEFT, 2, true, 52);
	v1(RIGHT, MAIN, 0, SIZE, 6);
	x = exchange_at(sa_at(0), 0);
	assert_int_equal(x->steps, 6);
	assert_int_equal(x->step_mask, 0x3f);
	assert_int_equal(x->retransmits, 1);
	assert_int_equal(x->response_repeats, 1);
	assert_int_equal(x->request.fragments, 4);
	assert_state(sa_at(0), "established", "likely", "phase1-done");
}

/* The initiator could not take what was agreed, and says so instead of message 3. */
static void quick_mode_refused_by_its_initiator(void **state)
{
	(void)state;
	main_mode_to(6);
	v1(LEFT, QUICK, 77, 200, 1);
	v1(RIGHT, QUICK, 77, 200, 2);
	v1(LEFT, INFORMATIONAL, 78, SIZE, 1);
	assert_int_equal(exchange_at(sa_at(0), 1)->outcome, CONVERSATION_OUTCOME_FAILURE);
	assert_int_equal(exchange_at(sa_at(0), 1)->outcome_confidence, CONVERSATION_LIKELY);
	/* It is over: nobody waits for more. */
	conversation_tick(c, now + 600 * SECOND);
	assert_int_equal(exchange_at(sa_at(0), 1)->given_up_ns, 0);
	assert_state(sa_at(0), "established", "certain", "quick-mode");
}

/* Anybody can write that: it changes nothing. */
static void delete_in_clear(void **state)
{
	(void)state;
	main_mode_to(6);
	quick_mode(7);
	header(spi_i, spi_r, 12, 0x10, INFORMATIONAL, 0, 99);
	put(4, 4 + 8 + 16);
	put(4, 1);
	put(4, 0x01100001);
	put(8, spi_i);
	put(8, spi_r);
	send_from(RIGHT);
	assert_int_equal(exchange_at(sa_at(0), 2)->kind, CONVERSATION_KIND_DELETE);
	assert_int_equal(exchange_at(sa_at(0), 2)->kind_confidence, CONVERSATION_POSSIBLE);
	assert_state(sa_at(0), "established", "certain", "quick-mode");
}

static void floats(void **state)
{
	const struct conversation_sa *sa;

	(void)state;
	main_mode_to(4);
	port(4500);
	v1(LEFT, MAIN, 0, SIZE, 5);
	sa = sa_at(0);
	assert_int_equal(sa->path.end[0].port, 500);
	v1(RIGHT, MAIN, 0, SIZE, 6);
	assert_int_equal(sa->path.end[0].port, 4500);
	assert_true(sa->float_ns && sa->float_answered);
	assert_int_equal(sa->moves, 0);
	assert_int_equal(sa->exchange_count, 1);
	assert_int_equal(sa->phase1_step, 6);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		TEST(main_mode_step_by_step),
		TEST(main_mode_unanswered),
		TEST(refused_after_message_5),
		TEST(refused_in_clear),
		TEST(aggressive),
		TEST(quick_mode_sent_again),
		TEST(quick_mode_refused),
		TEST(dpd_answered),
		TEST(dpd_unanswered),
		TEST(a_delete_is_not_dpd),
		TEST(a_new_phase_1),
		TEST(two_hosts_behind_one_nat),
		TEST(joined),
		TEST(fragments),
		TEST(fragments_of_both_ends),
		TEST(fragments_of_two_messages),
		TEST(quick_mode_refused_by_its_initiator),
		TEST(delete_in_clear),
		TEST(floats),
	};

	(void)pair;
	(void)up;
	(void)begin_another;
	(void)skf;
	(void)init_notify;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
