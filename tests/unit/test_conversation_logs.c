// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_conversation_logs.c - what the tracker makes of tests/captures against what charon's own log says of the same conversation
 *
 * Both ways: each message, retransmission, state and NAT in the log is told by the tracker, with its id and within 50 ms; and each
 * exchange and establishment that the tracker tells is in the log.
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

enum {
	LINES = 128,
	STATES = 64,
};

enum what {
	MESSAGE,
	RETRANSMIT,	     /* a request of ours, sent again; `number` is which time it was, from 1 */
	RETRANSMIT_RECEIVED, /* of the other end, and answered again */
	GIVE_UP,
	TIMED_OUT,
	ESTABLISHED,
	DELETED,
	NAT_LOCAL,
	NAT_REMOTE,
};

/* One line of the log. "We" are the gateway that wrote it. */
struct line {
	enum what what;
	uint64_t time_ns;
	char type[64]; /* MESSAGE: as the tracker names it */
	uint32_t id;
	unsigned int number;
	bool ours;     /* MESSAGE: we sent it */
	bool response; /* IKEv1: sent by who did not begin the exchange */
};

struct reached {
	uint64_t time_ns, id;
	enum conversation_state state;
};

static struct conversations *c;
static const char *name; /* of the scenario, for messages */
static enum conversation_side we;
static struct line lines[LINES];
static unsigned int line_count;
static struct reached reached[STATES]; /* states, in the order in which they were told */
static unsigned int reached_count;
static uint64_t last_ns;

static const char *path_of(const char *suffix)
{
	static char path[512];
	const char *slash = strrchr(__FILE__, '/');

	snprintf(path, sizeof(path), "%.*s/../captures/%s%s", (int)(slash - __FILE__), __FILE__, name,
		 suffix);
	return path;
}

static void on_event(void *arg, const struct conversation_event *event)
{
	(void)arg;
	if (event->kind != CONVERSATION_EVENT_STATE || event->old == event->sa->state)
		return; /* only surer */
	assert_true(reached_count < STATES);
	reached[reached_count++] = (struct reached){event->time_ns, event->sa->id, event->sa->state};
}

static bool near(uint64_t a, uint64_t b)
{
	return (a > b ? a - b : b - a) < 50 * MS;
}

/* charon's words for the exchanges of IKEv1 */
static const char *exchange_of(const char *word)
{
	static const char *const words[][2] = {{"ID_PROT", "MAIN_MODE"},
					       {"AGGRESSIVE", "AGGRESSIVE_MODE"},
					       {"INFORMATIONAL_V1", "INFORMATIONAL"}};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(word, words[i][0]))
			return words[i][1];
	return word;
}

/* "13:24:11.633 rest" on the day of the capture. */
static uint64_t time_of(const char *text, const char **ret_rest)
{
	uint64_t day = last_ns / SECOND / 86400 * 86400;
	unsigned int hours, minutes, seconds, milliseconds;

	assert_int_equal(sscanf(text, "%2u:%2u:%2u.%3u", &hours, &minutes, &seconds, &milliseconds), 4);
	*ret_rest = text + 13;
	return (day + hours * 3600 + minutes * 60 + seconds) * SECOND + milliseconds * MS;
}

/* False: a line that says nothing of the kind. */
static bool understand(const char *text, struct line *ret)
{
	static const struct {
		const char *text;
		enum what what;
	} plain[] = {
		{"giving up", GIVE_UP},
		{"DPD check timed out", TIMED_OUT},
		{"IKE_SA deleted", DELETED},
		{"local host is behind NAT", NAT_LOCAL},
		{"remote host is behind NAT", NAT_REMOTE},
	};
	char verb[16], word[64], role[16];
	const char *rest;
	size_t i;

	*ret = (struct line){.time_ns = time_of(text, &rest)};
	if (sscanf(rest, "%15s %63[A-Z_0-9] %15s %u", verb, word, role, &ret->id) == 4 &&
	    (!strcmp(role, "request") || !strcmp(role, "response"))) {
		ret->what = MESSAGE;
		ret->ours = !strcmp(verb, "generating");
		ret->response = !strcmp(role, "response");
		snprintf(ret->type, sizeof(ret->type), "%s", exchange_of(word));
		return true;
	}
	if (sscanf(rest, "retransmit %u of request with message ID %u", &ret->number, &ret->id) == 2 ||
	    sscanf(rest, "sending retransmit %u of request message ID %u", &ret->number, &ret->id) == 2) {
		ret->what = RETRANSMIT;
		return true;
	}
	if (sscanf(rest, "received retransmit of request with ID %u", &ret->id) == 1) {
		ret->what = RETRANSMIT_RECEIVED;
		return true;
	}
	if (strstr(rest, "established")) {
		ret->what = ESTABLISHED;
		return true;
	}
	for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (!strncmp(rest, plain[i].text, strlen(plain[i].text))) {
			ret->what = plain[i].what;
			return true;
		}
	return false;
}

static void load(const char *scenario, enum conversation_side log_of)
{
	char text[256];
	FILE *log;

	name = scenario;
	we = log_of;
	line_count = reached_count = 0;
	conversation_free(c);
	c = conversation_new(NULL);
	conversation_observe(c, on_event, NULL);
	last_ns = capture_read(c, path_of(".pcap"));
	assert_int_not_equal(last_ns, 0);
	conversation_tick(c, last_ns + 300 * SECOND);
	log = fopen(path_of(".txt"), "r");
	assert_non_null(log);
	while (fgets(text, sizeof(text), log)) {
		assert_true(line_count < LINES);
		if (!understand(text, &lines[line_count++]))
			fail_msg("%s: not understood: %s", name, text);
	}
	fclose(log);
	assert_true(line_count >= 2);
}

/* ---- what the tracker says of a line */

/* In all scenarios left is the initiator of the first IKE SA; a rekey by right makes right the initiator, at right's address. */
static bool by_us(const struct conversation_sa *sa, const struct conversation_exchange *x)
{
	const uint8_t *address = sa->path.end[x->by].address;
	bool right = address[13] == 2 && address[15] == 2; /* 10.2.0.2; a NAT before left is 10.2.0.1 */

	return right == (we == CONVERSATION_RESPONDER);
}

static bool is_message_of(const struct conversation_exchange *x, const struct line *line)
{
	uint64_t time_ns = line->response ? x->response_ns : x->request_ns;
	unsigned int step;

	if (time_ns && near(time_ns, line->time_ns))
		return true;
	for (step = line->response ? 2 : 1; x->major == 1 && step <= x->steps; step += 2)
		if ((x->step_mask & 1u << (step - 1)) &&
		    near(x->request_ns + x->step_us[step - 1] * 1000ull, line->time_ns))
			return true;
	return false;
}

/* IKEv1: the answer to DPD is an exchange of its own on the wire, and one with its question for the tracker. */
static bool is_answer_of(const struct conversation_exchange *x, const struct line *line)
{
	return x->major == 1 && !strcmp(line->type, "INFORMATIONAL") && x->peer_message_id == line->id &&
	       near(x->response_ns, line->time_ns);
}

static bool is_told(const struct conversation_sa *sa, const struct conversation_exchange *x,
		    const struct line *line)
{
	bool began = by_us(sa, x);
	char type[64];
	uint32_t i = line->number - 1;

	switch (line->what) {
	case MESSAGE:
		ike_exchange_print(x->major, x->type, type, sizeof(type));
		if (is_answer_of(x, line))
			return began != line->ours;
		return !strcmp(type, line->type) && x->message_id == line->id &&
		       began == (line->ours != line->response) && is_message_of(x, line);
	case RETRANSMIT:
		return x->message_id == line->id && i < x->retransmits && i < CONVERSATION_RETRANSMITS &&
		       (x->major == 1 || began) &&
		       (near(x->request_ns + x->retransmit_us[i] * 1000ull, line->time_ns));
	case RETRANSMIT_RECEIVED:
		return !began && x->message_id == line->id && x->retransmits && x->response_repeats;
	case GIVE_UP:
		return x->given_up_ns && near(x->given_up_ns, line->time_ns);
	default:
		return false;
	}
}

static bool any_exchange(const struct line *line)
{
	const struct conversation_sa *sa = NULL;
	uint32_t i;

	while ((sa = conversation_next(c, sa)))
		for (i = 0; i < sa->exchange_count; i++)
			if (is_told(sa, conversation_exchange_at(sa, i), line))
				return true;
	return false;
}

static bool any_state(const struct line *line)
{
	unsigned int i;

	for (i = 0; i < reached_count; i++) {
		enum conversation_state state = reached[i].state;
		bool fits = line->what == ESTABLISHED ? state == CONVERSATION_ESTABLISHED
			    : line->what == DELETED
				    ? state == CONVERSATION_DELETED || state == CONVERSATION_REKEYED
				    : state == CONVERSATION_DEAD;

		if (fits && near(reached[i].time_ns, line->time_ns))
			return true;
	}
	return false;
}

static bool any_nat(const struct line *line)
{
	enum conversation_side side = (line->what == NAT_LOCAL) == (we == CONVERSATION_INITIATOR)
					      ? CONVERSATION_INITIATOR
					      : CONVERSATION_RESPONDER;
	const struct conversation_sa *sa = NULL;

	while ((sa = conversation_next(c, sa)))
		if (sa->nat_found[side])
			return true;
	return false;
}

static void log_is_told(void)
{
	unsigned int i;

	for (i = 0; i < line_count; i++) {
		bool told;

		switch (lines[i].what) {
		case ESTABLISHED:
		case DELETED:
		case TIMED_OUT:
			told = any_state(&lines[i]);
			break;
		case NAT_LOCAL:
		case NAT_REMOTE:
			told = any_nat(&lines[i]);
			break;
		default:
			told = any_exchange(&lines[i]);
		}
		if (!told)
			fail_msg("%s: the tracker does not tell of line %u of the log", name, i + 1);
	}
}

/* ---- what the log says of the tracker's */

static unsigned int count(enum what what)
{
	unsigned int i, n = 0;

	for (i = 0; i < line_count; i++)
		n += lines[i].what == what;
	return n;
}

/* Did we write of it? What the other end sends and what is lost on the way to us we cannot. */
static bool is_logged(const struct conversation_sa *sa, const struct conversation_exchange *x)
{
	unsigned int i;

	for (i = 0; i < line_count; i++)
		if (lines[i].what == MESSAGE && is_told(sa, x, &lines[i]))
			return true;
	return !by_us(sa, x) && !x->response_ns;
}

/* A killed daemon's log is gone: what was before the first line is not compared. */
static void told_is_logged(void)
{
	uint64_t begin = lines[0].time_ns - 50 * MS;
	const struct conversation_sa *sa = NULL;
	unsigned int retransmits = 0, repeats = 0, i;

	while ((sa = conversation_next(c, sa)))
		for (i = 0; i < sa->exchange_count; i++) {
			const struct conversation_exchange *x = conversation_exchange_at(sa, i);

			if (x->request_ns < begin)
				continue;
			if (!is_logged(sa, x))
				fail_msg("%s: exchange %u of IKE SA %u is not in the log", name, i,
					 (unsigned int)sa->id);
			retransmits += by_us(sa, x) ? x->retransmits : 0;
			repeats += by_us(sa, x) ? 0 : x->response_repeats;
		}
	assert_int_equal(retransmits, count(RETRANSMIT));
	assert_int_equal(repeats, count(RETRANSMIT_RECEIVED));
	for (i = 0; i < reached_count; i++) {
		bool logged = reached[i].state != CONVERSATION_ESTABLISHED || reached[i].time_ns < begin;
		unsigned int j;

		for (j = 0; j < line_count; j++)
			logged |=
				(lines[j].what == ESTABLISHED || strstr(lines[j].type, "CREATE_CHILD_SA")) &&
				near(reached[i].time_ns, lines[j].time_ns);
		if (!logged)
			fail_msg("%s: IKE SA %u is not established by the log", name,
				 (unsigned int)reached[i].id);
	}
}

static void compare(const char *scenario, enum conversation_side log_of)
{
	load(scenario, log_of);
	log_is_told();
	told_is_logged();
}

static void ikev2(void **state)
{
	static const char *const names[] = {"v2ok",   "v2psk",	 "v2noprop", "v2ke",	 "v2dpd",  "v2natt",
					    "v2frag", "v2gcm",	 "v2pfs",    "v2rekey",	 "v2kill", "v2mobike",
					    "v2nat",  "v2plain", "v2cert",   "v2certip", "v2both", "v2eap",
					    "v2gone", "v2remap", "v2cookie", "v2restart"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		compare(names[i], CONVERSATION_INITIATOR);
	compare("v2late", CONVERSATION_RESPONDER);
}

static void ikev1(void **state)
{
	static const char *const names[] = {"v1main",  "v1aggr",   "v1dpd",   "v1psk", "v1noprop",
					    "v1cert",  "v1certip", "v1plain", "v1nat", "v1xauth",
					    "v1rekey", "v1pfs",	   "v1kill"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		compare(names[i], CONVERSATION_INITIATOR);
}

static int stop(void **state)
{
	(void)state;
	conversation_free(c);
	c = NULL;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(ikev2, stop),
		cmocka_unit_test_teardown(ikev1, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
