// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_conversation_captures.c - the tracker against real conversations (tests/captures): strongSwan's and public ones. What its log
 * said is compared by test_conversation_logs.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "conversation_capture.h"

#define SECOND 1000000000ull

static struct conversations *c;
static uint64_t last_ns;

static const char *path_of(const char *name, const char *suffix)
{
	static char path[512];
	const char *slash = strrchr(__FILE__, '/');

	snprintf(path, sizeof(path), "%.*s/../captures/%s%s", (int)(slash - __FILE__), __FILE__, name,
		 suffix);
	return path;
}

static void load(const char *name, unsigned int tick_seconds)
{
	conversation_free(c);
	c = conversation_new(NULL);
	last_ns = capture_read(c, path_of(name, ".pcap"));
	conversation_tick(c, last_ns + tick_seconds * SECOND);
}

static int stop(void **state)
{
	(void)state;
	conversation_free(c);
	c = NULL;
	return 0;
}

/* One line per IKE SA, in order. `tick`: seconds of silence after the last message. */
static const struct expected {
	const char *capture;
	unsigned int tick, number;
	const char *state, *confidence, *reason, *nat;
	unsigned int messages, retransmits, exchanges;
} expectations[] = {
	{"v2ok", 0, 0, "established", "certain", "active", "both", 22, 0, 11},
	/* 300 s later the delete is told from the DPDs before it: they had a rhythm. */
	{"v2ok", 300, 0, "deleted", "possible", "delete-then-quiet", "both", 22, 0, 11},
	{"v2psk", 300, 0, "failed", "likely", "auth-short", "both", 4, 0, 2},
	{"v2noprop", 0, 0, "failed", "certain", "init-refused", "initiator", 2, 0, 1},
	{"v2ke", 0, 0, "established", "likely", "auth-answered", "both", 6, 0, 3},
	{"v2dpd", 0, 0, "established", "certain", "active", "both", 18, 3, 8},
	{"v2dpd", 300, 0, "dead", "likely", "peer-silent", "both", 18, 3, 8},
	{"v2natt", 300, 0, "failed", "likely", "auth-unanswered", "both", 6, 3, 2},
	{"v2frag", 0, 0, "established", "likely", "auth-answered", "both", 5, 0, 2},
	{"v2gcm", 300, 0, "deleted", "possible", "delete-then-quiet", "both", 20, 0, 10},
	{"v2pfs", 0, 0, "established", "certain", "active", "both", 6, 0, 3},
	{"v2rekey", 0, 0, "rekeyed", "likely", "rekeyed", "both", 12, 0, 6},
	{"v2rekey", 0, 1, "rekeyed", "likely", "rekeyed", NULL, 8, 0, 4},
	{"v2rekey", 0, 2, "established", "certain", "rekey-born", NULL, 4, 0, 2},
	{"v2kill", 300, 0, "dead", "possible", "restarted", "both", 4, 0, 2},
	{"v2kill", 300, 1, "established", "likely", "auth-answered", "both", 4, 0, 2},
	{"v2mobike", 0, 0, "established", "certain", "active", "both", 24, 0, 12},
	{"v2nat", 0, 0, "established", "likely", "auth-answered", "initiator", 4, 0, 2},
	{"v2plain", 0, 0, "established", "likely", "auth-answered", "none", 4, 0, 2},
	{"v2cert", 300, 0, "established", "likely", "auth-answered", "both", 12, 0, 2},
	{"v2certip", 300, 0, "established", "likely", "auth-answered", "both", 4, 0, 2},
	{"v2cookie", 0, 0, "negotiating", "certain", "started", "both", 3, 0, 2},
	{"v2cookie", 300, 0, "failed", "possible", "auth-unanswered", "both", 3, 0, 2},
	{"v2cookie", 300, 1, "established", "likely", "auth-answered", "both", 6, 0, 3},
	{"v2restart", 300, 0, "dead", "likely", "peer-silent", "both", 8, 3, 3},
	{"v2restart", 300, 1, "established", "likely", "auth-answered", "both", 4, 0, 2},
	{"v2both", 300, 0, "rekeyed", "likely", "rekeyed", "both", 20, 2, 9},
	{"v2both", 300, 1, "deleted", "likely", "rekey-lost", NULL, 2, 0, 1},
	{"v2both", 300, 2, "established", "certain", "rekey-born", NULL, 8, 0, 4},
	{"v2eap", 300, 0, "established", "likely", "auth-answered", "both", 8, 0, 4},
	{"v2gone", 0, 0, "established", "certain", "active", "both", 22, 0, 11},
	{"v2gone", 300, 0, "deleted", "possible", "delete-then-quiet", "both", 22, 0, 11},
	{"v2late", 300, 0, "established", "likely", "auth-answered", "both", 10, 3, 2},
	{"v2remap", 300, 0, "established", "certain", "active", "both", 15, 0, 8},
	{"v1main", 300, 0, "established", "certain", "quick-mode", "both", 19, 0, 8},
	{"v1aggr", 300, 0, "established", "certain", "quick-mode", "responder", 10, 1, 3},
	{"v1psk", 300, 0, "failed", "likely", "phase1-refused", "both", 12, 3, 5},
	{"v1noprop", 0, 0, "failed", "certain", "notified", NULL, 2, 0, 2},
	{"v1dpd", 300, 0, "dead", "likely", "peer-silent-v1", "both", 17, 0, 8},
	{"v1cert", 300, 0, "established", "certain", "quick-mode", "both", 16, 0, 2},
	{"v1certip", 300, 0, "established", "certain", "quick-mode", "both", 9, 0, 2},
	{"v1plain", 300, 0, "established", "certain", "quick-mode", "none", 9, 0, 3},
	{"v1nat", 300, 0, "established", "certain", "quick-mode", "initiator", 9, 0, 3},
	{"v1xauth", 300, 0, "established", "certain", "quick-mode", "both", 13, 0, 4},
	{"v1rekey", 300, 0, "rekeyed", "likely", "rekeyed-v1", "both", 9, 0, 2},
	{"v1rekey", 300, 1, "established", "likely", "phase1-done", "both", 6, 0, 1},
	{"v1pfs", 300, 0, "established", "certain", "quick-mode", "both", 11, 0, 4},
	{"v1kill", 300, 0, "rekeyed", "likely", "rekeyed-v1", "both", 9, 0, 2},
	{"v1kill", 300, 1, "established", "certain", "quick-mode", "both", 9, 0, 2},
	{"tcpdump/isakmp4500", 0, 0, "established", "certain", "quick-mode", "initiator", 15, 3, 3},
	{"tcpdump/ikev2four", 0, 0, "established", "certain", "active", "both", 20, 0, 10},
	{"tcpdump/ikev2four", 0, 1, "established", "possible", "rekey-born", NULL, 1, 0, 1},
	{"tcpdump/ISAKMP_sa_setup", 0, 0, "established", "certain", "quick-mode", "none", 9, 0, 2},
};

static const struct conversation_sa *sa_at(unsigned int number)
{
	const struct conversation_sa *sa = conversation_next(c, NULL);

	while (sa && number--)
		sa = conversation_next(c, sa);
	assert_non_null(sa);
	return sa;
}

static void states(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++) {
		const struct expected *e = &expectations[i];
		const struct conversation_sa *sa;
		const char *nat;

		load(e->capture, e->tick);
		sa = sa_at(e->number);
		nat = conversation_nat_name(conversation_nat(sa));
		assert_string_equal(conversation_state_name(sa->state), e->state);
		assert_string_equal(conversation_confidence_name(sa->confidence), e->confidence);
		assert_string_equal(conversation_reason_name(sa->reason), e->reason);
		assert_string_equal(nat ? nat : "", e->nat ? e->nat : "");
		assert_int_equal(sa->messages, e->messages);
		assert_int_equal(sa->retransmits, e->retransmits);
		assert_int_equal(sa->exchange_count, e->exchanges);
		assert_int_equal(sa->malformed, 0);
	}
}

static void details(void **state)
{
	const struct conversation_exchange *x;
	const struct conversation_sa *sa;
	char text[256];

	(void)state;
	load("v2pfs", 0);
	assert_int_equal(conversation_exchange_at(sa_at(0), 2)->outcome, CONVERSATION_OUTCOME_FAILURE);
	load("v2plain", 0); /* the child failed, the IKE SA is up: as the log says */
	assert_int_equal(conversation_exchange_at(sa_at(0), 1)->outcome, CONVERSATION_OUTCOME_NO_CHILD);
	load("v2ke", 0);
	assert_int_equal(sa_at(0)->invalid_ke, 1);
	load("v2natt", 0);
	assert_true(sa_at(0)->float_ns && !sa_at(0)->float_answered);
	load("v2mobike", 0);
	sa = sa_at(0);
	assert_int_equal(sa->moves, 1);
	conversation_endpoint_print(&sa->path.end[0], text, sizeof(text));
	assert_string_equal(text, "10.1.0.3:4500");
	load("v2frag", 0);
	assert_int_equal(conversation_exchange_at(sa_at(0), 1)->request.fragments, 2);
	load("v2cert", 0); /* certificates of 4000 bytes, in fragments of IKE, and below of IP */
	x = conversation_exchange_at(sa_at(0), 1);
	assert_int_equal(x->request.fragments, 5);
	assert_int_equal(x->response.fragments, 5);
	assert_int_equal(x->response.total, 5);
	assert_false(x->ip_fragments);
	load("v2certip", 0);
	x = conversation_exchange_at(sa_at(0), 1);
	assert_int_equal(x->request.fragments, 0);
	assert_true(x->ip_fragments);
	assert_true(x->request.bytes > 5000 && x->response.bytes > 5000);
	load("v1cert", 0);
	x = conversation_exchange_at(sa_at(0), 0);
	assert_int_equal(x->steps, 6);
	assert_int_equal(x->request.fragments, 5);
	assert_int_equal(x->response.fragments, 4);
	assert_int_equal(x->outcome, CONVERSATION_OUTCOME_SUCCESS);
	load("v1certip", 0);
	assert_true(conversation_exchange_at(sa_at(0), 0)->ip_fragments);
	load("v2cookie", 0);
	assert_int_equal(sa_at(1)->cookies, 1);
	assert_int_equal(conversation_exchange_at(sa_at(1), 0)->outcome, CONVERSATION_OUTCOME_RETRY);
	assert_true(conversation_exchange_at(sa_at(1), 1)->cookie);
	load("v2late", 0);
	x = conversation_exchange_at(sa_at(0), 1);
	assert_int_equal(x->retransmits, 3);
	assert_int_equal(x->response_repeats, 3);
	load("v2remap", 0);
	sa = sa_at(0);
	assert_int_equal(sa->moves, 1);
	assert_int_equal(sa->move[0].from.end[0].port, 31501);
	assert_int_equal(sa->path.end[0].port, 32501);
	load("v1pfs", 300);
	assert_int_equal(conversation_exchange_at(sa_at(0), 2)->outcome, CONVERSATION_OUTCOME_FAILURE);
	load("v1plain",
	     300); /* the initiator could not install what was agreed, and said so instead of message 3 */
	assert_int_equal(conversation_exchange_at(sa_at(0), 1)->outcome, CONVERSATION_OUTCOME_FAILURE);
	load("v1xauth", 0);
	assert_int_equal(conversation_exchange_at(sa_at(0), 1)->steps, 2);
	assert_true(conversation_exchange_at(sa_at(0), 1)->by == CONVERSATION_RESPONDER);
	load("v1noprop", 300);
	assert_int_equal(conversation_exchange_at(sa_at(0), 0)->outcome, CONVERSATION_OUTCOME_FAILURE);
	load("v2both", 0);
	assert_int_equal(sa_at(0)->successor, sa_at(2)->id);
	assert_int_equal(sa_at(2)->predecessor, sa_at(0)->id);
	load("v2rekey", 0);
	assert_int_equal(sa_at(0)->successor, sa_at(1)->id);
	assert_int_equal(sa_at(1)->successor, sa_at(2)->id);
	load("v2gcm",
	     300); /* with a combined mode the sizes differ: delete of the child, DPD, delete of the IKE SA */
	sa = sa_at(0);
	assert_int_equal(conversation_exchange_at(sa, 6)->kind, CONVERSATION_KIND_DELETE);
	assert_int_equal(conversation_exchange_at(sa, 8)->kind, CONVERSATION_KIND_DPD);
	assert_int_equal(conversation_exchange_at(sa, 9)->kind, CONVERSATION_KIND_DELETE);
	load("tcpdump/ikev2four", 0);
	sa = sa_at(0);
	assert_int_equal(sa->cookies, 1);
	assert_int_equal(sa->window[0], 2);
	load("tcpdump/isakmp4500", 0);
	assert_true(sa_at(0)->float_answered);
	assert_int_equal(sa_at(0)->response_repeats, 2);
	assert_string_equal(conversation_mode_name(sa_at(0)), "main");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(states, stop),
		cmocka_unit_test_teardown(details, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
