// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_conversation_captures.c - the tracker against real conversations (tests/captures): strongSwan's, with what its log said, and
 * public ones
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "conversation_capture.h"

#define SECOND 1000000000ull
#define MS 1000000ull

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
	{"v1main", 300, 0, "established", "certain", "quick-mode", "both", 19, 0, 8},
	{"v1aggr", 300, 0, "established", "certain", "quick-mode", "responder", 10, 1, 3},
	{"v1psk", 300, 0, "failed", "likely", "phase1-refused", "both", 12, 3, 5},
	{"v1noprop", 0, 0, "failed", "certain", "notified", NULL, 2, 0, 2},
	{"v1dpd", 300, 0, "dead", "likely", "peer-silent-v1", "both", 17, 0, 8},
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

/* ---- against charon's log ---- */

/* "13:24:11.633 rest" on the day of the capture. */
static uint64_t log_time(const char *line, const char **ret_rest)
{
	time_t day = (time_t)(last_ns / SECOND / 86400 * 86400);
	unsigned int hours, minutes, seconds, milliseconds;

	assert_int_equal(sscanf(line, "%2u:%2u:%2u.%3u", &hours, &minutes, &seconds, &milliseconds), 4);
	*ret_rest = line + 13;
	return ((uint64_t)day + hours * 3600 + minutes * 60 + seconds) * SECOND + milliseconds * MS;
}

static void assert_near(uint64_t ours, uint64_t theirs)
{
	uint64_t apart = ours > theirs ? ours - theirs : theirs - ours;

	assert_true(apart < 50 * MS);
}

/* An exchange of that type and message id whose message in that role was at that time: begun or answered by left. */
static bool has_message(const char *type, uint32_t id, bool response, bool generated, uint64_t time_ns)
{
	const struct conversation_sa *sa = NULL;
	char name[64];
	uint32_t i;

	while ((sa = conversation_next(c, sa)))
		for (i = 0; i < sa->exchange_count; i++) {
			const struct conversation_exchange *x = conversation_exchange_at(sa, i);
			uint64_t ours = response ? x->response_ns : x->request_ns;
			uint64_t apart = ours > time_ns ? ours - time_ns : time_ns - ours;
			bool left_began = sa->path.end[x->by].address[13] == 1; /* 10.1.0.x */

			ike_exchange_print(x->major, x->type, name, sizeof(name));
			if (!strcmp(name, type) && x->message_id == id &&
			    left_began == (generated != response) && ours && apart < 50 * MS)
				return true;
		}
	return false;
}

/* Every message that charon says it sent or got is in an exchange with that id, side and time; and so the other counts. */
static void compare_log(const char *name)
{
	unsigned int messages = 0, retransmits = 0, ours = 0;
	const struct conversation_sa *sa = NULL;
	char line[256], type[64], role[16];
	FILE *log;

	load(name, 300);
	log = fopen(path_of(name, ".txt"), "r");
	assert_non_null(log);
	while (fgets(line, sizeof(line), log)) {
		const char *rest;
		uint64_t time_ns = log_time(line, &rest);
		bool generated = !strncmp(rest, "generating ", 11);
		unsigned int id;

		if (sscanf(rest, "%*s %63[A-Z_0-9] %15s %u", type, role, &id) == 3 && strchr("rq", role[0])) {
			messages++;
			if (!has_message(type, id, !strcmp(role, "response"), generated, time_ns))
				fail_msg("%s: not found: %s", name, line);
		} else if (!strncmp(rest, "retransmit ", 11)) {
			retransmits++;
		} else if (!strncmp(rest, "giving up", 9)) {
			assert_near(sa_at(0)->since_ns, time_ns);
		}
	}
	fclose(log);
	while ((sa = conversation_next(c, sa)))
		ours += (unsigned int)sa->retransmits;
	assert_int_equal(ours, retransmits);
	assert_true(messages >= 2);
}

static void ikev2_logs(void **state)
{
	static const char *const names[] = {"v2ok",   "v2psk",	  "v2noprop", "v2ke",	"v2dpd",
					    "v2natt", "v2frag",	  "v2gcm",    "v2pfs",	"v2rekey",
					    "v2kill", "v2mobike", "v2nat",    "v2plain"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		compare_log(names[i]);
}

static uint64_t logged(const char *name, const char *text)
{
	char line[256];
	uint64_t found = 0;
	FILE *log = fopen(path_of(name, ".txt"), "r");

	assert_non_null(log);
	while (!found && fgets(line, sizeof(line), log)) {
		const char *rest;
		uint64_t time_ns = log_time(line, &rest);

		if (strstr(rest, text))
			found = time_ns;
	}
	fclose(log);
	assert_int_not_equal(found, 0);
	return found;
}

static void times_of_states(void **state)
{
	static const char *const up[] = {"v2ke", "v2frag", "v2pfs", "v2nat", "v2plain", "v1main", "v1aggr"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(up) / sizeof(up[0]); i++) {
		load(up[i], 0);
		assert_near(sa_at(0)->since_ns, logged(up[i], "established"));
	}
	load("v2dpd", 300);
	assert_near(sa_at(0)->since_ns, logged("v2dpd", "giving up"));
	load("v1dpd", 300);
	assert_near(sa_at(0)->since_ns, logged("v1dpd", "timed out"));
	load("v2ok", 300);
	assert_near(sa_at(0)->since_ns, logged("v2ok", "generating INFORMATIONAL request 2"));
	load("v2rekey", 0);
	assert_near(sa_at(0)->since_ns, logged("v2rekey", "IKE_SA deleted"));
}

static void details(void **state)
{
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
		cmocka_unit_test_teardown(ikev2_logs, stop),
		cmocka_unit_test_teardown(times_of_states, stop),
		cmocka_unit_test_teardown(details, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
