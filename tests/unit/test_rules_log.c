// SPDX-License-Identifier: GPL-2.0-or-later
/* test_rules_log.c - what the logs say is wrong, beside what is seen: raised, cleared, joined, refuted */
#include "rules_build.h"

static struct findings logs;

static struct finding *log_says(enum finding_id id, const char *peer)
{
	struct finding *f = findings_add(&logs, id);

	finding_peer(f, peer);
	f->since_ns = now;
	f->shape = SHAPE_STAYS_DOWN;
	finding_evidence(f, ORIGIN_LOG, now, "gave up", "giving up after 5 retransmits");
	return f;
}

static const struct finding *log_look(enum finding_id id)
{
	const struct diagnose_input input = {.now_ns = now, .live = true, .state = &state, .logs = &logs};

	conversation_tick(c, now);
	assert_int_equal(findings_finish(&logs), 0);
	assert_int_equal(diagnosis_update(d, &input), 0);
	return raised(id);
}

static size_t count(enum finding_id id)
{
	const struct findings *list = diagnosis_raised(d);
	size_t n = 0;

	for (size_t i = 0; i < list->count; i++)
		n += list->list[i]->id == id;
	return n;
}

static int begin_logs(void **unused)
{
	findings_free(&logs);
	return begin(unused);
}

static int end_logs(void **unused)
{
	findings_free(&logs);
	return end(unused);
}

static void raised_and_cleared(void **unused)
{
	const struct finding *f;

	(void)unused;
	finding_set(log_says(FINDING_CHILD_REKEY_FAILING, "10.0.0.2"), "difference", ": MODP_4096 only here");
	f = log_look(FINDING_CHILD_REKEY_FAILING);
	assert_whole(f);
	assert_string_equal(f->tunnel, "t");
	assert_non_null(strstr(f->meaning, "MODP_4096 only here"));
	assert_true(has_evidence(f, "giving up after 5"));
	/* The log takes it back: over after the row's ten seconds */
	logs.list[0]->until_ns = now;
	for (int i = 0; i < 10; i++) {
		after(SECOND);
		assert_non_null(log_look(FINDING_CHILD_REKEY_FAILING));
	}
	after(SECOND);
	assert_null(log_look(FINDING_CHILD_REKEY_FAILING));
	assert_int_equal(diagnosis_raised_total(d, FINDING_CHILD_REKEY_FAILING), 1);
}

/* Of the only tunnel to that peer; of none where there are two, unless the log says our end */
static void whose_it_is(void **unused)
{
	static struct state_tunnel two[2];

	(void)unused;
	two[0] = two[1] = tunnel;
	strcpy(two[1].name, "u");
	two[1].local[15] = 99;
	state.tunnels = two;
	state.tunnel_count = 2;
	log_says(FINDING_IKE_AUTH_FAILED, "10.0.0.2");
	assert_null(log_look(FINDING_IKE_AUTH_FAILED)->tunnel);
	finding_set(logs.list[0], "local", "%s", "10.0.0.99");
	assert_non_null(log_look(FINDING_IKE_AUTH_FAILED));
	assert_int_equal(count(FINDING_IKE_AUTH_FAILED), 2); /* the first waits until it is over */
	for (int i = 0; i < 12; i++) {
		after(SECOND);
		log_look(FINDING_IKE_AUTH_FAILED);
	}
	assert_int_equal(count(FINDING_IKE_AUTH_FAILED), 1);
	assert_string_equal(raised(FINDING_IKE_AUTH_FAILED)->tunnel, "u");
	/* A router's log, of tunnels that are not ours */
	log_says(FINDING_REPLAY_DROPPED, "192.0.2.7");
	assert_string_equal(log_look(FINDING_REPLAY_DROPPED)->peer, "192.0.2.7");
	assert_null(raised(FINDING_REPLAY_DROPPED)->tunnel);
}

/* Asked and not answered, on the wire and in the log: one finding, with both. */
static void joined(void **unused)
{
	const struct finding *f;

	(void)unused;
	up();
	tunnel.state = STATE_TUNNEL_UP;
	after(10 * SECOND);
	for (int i = 0; i < 4; i++) {
		sk(LEFT, INFO, false, 2, EMPTY);
		after(4 * SECOND);
	}
	assert_non_null(log_look(FINDING_DPD_TIMEOUT));
	assert_int_equal(raised(FINDING_DPD_TIMEOUT)->confidence, CONFIDENCE_LIKELY);
	log_says(FINDING_DPD_TIMEOUT, "10.0.0.2");
	after(SECOND);
	f = log_look(FINDING_DPD_TIMEOUT);
	assert_int_equal(count(FINDING_DPD_TIMEOUT), 1);
	assert_int_equal(f->confidence, CONFIDENCE_CERTAIN);
	assert_true(has_evidence(f, "sent again"));
	assert_true(has_evidence(f, "giving up after 5"));
	assert_int_equal(diagnosis_raised_total(d, FINDING_DPD_TIMEOUT), 1);
}

/* The log was earlier: what is seen later takes its place, and it is not told that it is over */
static void log_first(void **unused)
{
	(void)unused;
	up();
	tunnel.state = STATE_TUNNEL_UP;
	after(10 * SECOND);
	log_says(FINDING_DPD_TIMEOUT, "10.0.0.2");
	assert_non_null(log_look(FINDING_DPD_TIMEOUT));
	for (int i = 0; i < 4; i++) {
		sk(LEFT, INFO, false, 2, EMPTY);
		after(4 * SECOND);
	}
	for (int i = 0; i < 20; i++) {
		after(SECOND);
		assert_non_null(log_look(FINDING_DPD_TIMEOUT));
		assert_int_equal(count(FINDING_DPD_TIMEOUT), 1);
		assert_true(has_evidence(raised(FINDING_DPD_TIMEOUT), "sent again"));
		assert_int_equal(diagnosis_cleared(d)->count, 0);
	}
}

/* Encrypted, all refusals look the same: the reason is the log's, unless the wire has one of its own */
static void the_reason(void **unused)
{
	struct finding *log;

	(void)unused;
	init_pair();
	pair(LEFT, AUTH, 1, 288, NOTIFY);
	assert_non_null(log_look(FINDING_IKE_AUTH_FAILED));
	assert_non_null(
		strstr(raised(FINDING_IKE_AUTH_FAILED)->meaning, "keys, certificates or identities differ"));
	log = log_says(FINDING_IKE_AUTH_FAILED, "10.0.0.2");
	finding_set(log, "detail", "%s", ": the pre-shared keys differ");
	finding_set(log, "difference", "%s", ": the pre-shared keys differ");
	finding_set(log, "fix", "%s", "enter the key again");
	after(SECOND);
	assert_non_null(log_look(FINDING_IKE_AUTH_FAILED));
	assert_int_equal(count(FINDING_IKE_AUTH_FAILED), 1);
	assert_string_equal(raised(FINDING_IKE_AUTH_FAILED)->meaning,
			    "Authentication with 10.0.0.2 fails: the pre-shared keys differ.");
	assert_string_equal(raised(FINDING_IKE_AUTH_FAILED)->action, "enter the key again");
	/* How often a line was there is none */
	findings_free(&logs);
	log = log_says(FINDING_IKE_AUTH_FAILED, "10.0.0.2");
	finding_set(log, "detail", "%s", " (3 times in the log)");
	after(SECOND);
	assert_non_null(strstr(log_look(FINDING_IKE_AUTH_FAILED)->meaning,
			       "keys, certificates or identities differ"));
}

/* A log that does not tell of the tunnel's return does not make it fall */
static void refuted(void **unused)
{
	(void)unused;
	log_says(FINDING_DPD_TIMEOUT, "10.0.0.2");
	tunnel.state = STATE_TUNNEL_UP;
	tunnel.since_ns = now + 1;
	after(SECOND);
	assert_null(log_look(FINDING_DPD_TIMEOUT));
	/* up since before: the log is later, and right */
	tunnel.since_ns = now - 2 * SECOND;
	assert_non_null(log_look(FINDING_DPD_TIMEOUT));
}

/* Without logs their findings are not undecided because of it, where others decide them */
static bool undecided;

static void on_undecided(void *arg, enum finding_id id, unsigned int missing)
{
	(void)arg;
	(void)missing;
	undecided |= id == FINDING_IKE_NO_RESPONSE;
}

static void what_is_undecided(void **unused)
{
	(void)unused;
	undecided = false;
	look(FINDING_DPD_TIMEOUT);
	diagnosis_undecided(d, on_undecided, NULL);
	assert_false(undecided);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin_logs, end_logs)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(raised_and_cleared), TEST(whose_it_is), TEST(joined),
					   TEST(the_reason),	     TEST(log_first),	TEST(refuted),
					   TEST(what_is_undecided)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
