// SPDX-License-Identifier: GPL-2.0-or-later
/* cmd_explain_with.c - espial explain --with: what an agent, or a capture of the same time, saw of the peers */
#include "cmd.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cmd_ask.h"
#include "cmd_explain.h"
#include "diagnose/diagnosis.h"
#include "diagnose/log_wire.h"
#include "export/export.h"
#include "source/capfile.h"
#include "source/offline.h"
#include "ui/finding_read.h"
#include "ui/finding_text.h"
#include "ui/format.h"
#include "ui/view.h"

#define APART_NS UINT64_C(3600000000000) /* clocks differ, and daemons tell late */

/* ---- a capture becomes the same document as an agent's answer */

struct looking {
	struct diagnosis *diagnosis;
	const struct offline *offline;
};

static int on_look(void *arg, const struct state *state, uint64_t now_ns)
{
	struct looking *l = arg;
	struct diagnose_input input = {.now_ns = now_ns, .state = state};

	input.paths = offline_paths(l->offline, &input.path_count);
	return diagnosis_update(l->diagnosis, &input);
}

/* NULL: no memory. */
static json_t *document_of(struct offline *o, const struct diagnosis *diagnosis)
{
	const struct export_json_options options = {.conversations = offline_conversations(o)};
	json_t *document = NULL;
	struct state state;
	size_t length;
	char *text;

	if (offline_state(o, &state) != 0)
		return NULL;
	state.diagnosis = diagnosis;
	text = export_state_json_with(&state, &options, &length);
	if (text)
		document = json_loadb(text, length, 0, NULL);
	free(text);
	state_free(&state);
	return document;
}

/* A damaged one as far as it could be read: then it is CMD_CANNOT, too, with a document */
static int read_capture(const char *path, json_t **ret)
{
	struct looking l = {.diagnosis = diagnosis_new()};
	const struct offline_options options = {.look = on_look, .look_arg = &l};
	char error[CAPFILE_ERROR_MAX];
	struct offline *o = NULL;
	int status = CMD_OK;

	if (!l.diagnosis || offline_open(&options, &o) != 0) {
		diagnosis_free(l.diagnosis);
		return cmd_cannot("out of memory");
	}
	l.offline = o;
	if (offline_read(o, path, error, sizeof(error)) != 0) {
		explain_complain(error);
		status = CMD_CANNOT;
	}
	*ret = document_of(o, l.diagnosis);
	if (!*ret)
		status = cmd_cannot("out of memory");
	offline_close(o);
	diagnosis_free(l.diagnosis);
	return status;
}

/* ---- what of it is of use */

/* "10.0.0.1:500" and "[2001:db8::1]:500" without the port */
static void take_address(const char *endpoint, char ret[static LOG_WIRE_ADDRESS])
{
	size_t skip = *endpoint == '[', length = strcspn(endpoint + skip, skip ? "]" : ":");

	snprintf(ret, LOG_WIRE_ADDRESS, "%.*s", (int)length, endpoint + skip);
}

static int read_ike(const json_t *from, struct log_wire_ike *to)
{
	const json_t *list = view_get(from, "exchanges"), *exchange;
	size_t i;

	take_address(view_string(from, "initiator"), to->ends[0]);
	take_address(view_string(from, "responder"), to->ends[1]);
	snprintf(to->state, sizeof(to->state), "%s", view_string(from, "state"));
	snprintf(to->text, sizeof(to->text), "%s of %s, %llu messages, %llu of them sent again",
		 view_string(from, "initiator_spi"), view_string(from, "initiator"),
		 (unsigned long long)view_number(from, "messages"),
		 (unsigned long long)view_number(from, "retransmits"));
	to->since_ns = format_parse_time(view_string(from, "since"));
	to->exchanges = calloc(json_array_size(list) + 1, sizeof(*to->exchanges));
	if (!to->exchanges)
		return -1;
	json_array_foreach(list, i, exchange) {
		struct log_wire_exchange *e = &to->exchanges[to->count++];

		snprintf(e->name, sizeof(e->name), "%s %llu", view_string(exchange, "type"),
			 (unsigned long long)view_number(exchange, "message_id"));
		e->request_ns = format_parse_time(view_string(exchange, "request"));
		e->response_ns = format_parse_time(view_string(exchange, "response"));
	}
	return 0;
}

static int read_wire(const json_t *document, bool live, struct log_wire *wire)
{
	uint64_t started = format_parse_time(view_string(view_get(document, "self"), "started"));
	const json_t *source = view_get(document, "source"), *ike = view_get(document, "ike_sas"),
		     *sas = view_get(document, "sas"), *one;
	size_t i;

	wire->first_ns = format_parse_time(view_string(source, "first"));
	wire->last_ns = format_parse_time(view_string(source, "last"));
	/* An agent watches while nothing comes, too */
	if (started && (!wire->first_ns || started < wire->first_ns))
		wire->first_ns = started;
	if (live)
		wire->last_ns = explain_now_ns();
	wire->ike = calloc(json_array_size(ike) + 1, sizeof(*wire->ike));
	wire->sas = calloc(json_array_size(sas) + 1, sizeof(*wire->sas));
	if (!wire->ike || !wire->sas)
		return -1;
	json_array_foreach(ike, i, one) {
		if (read_ike(one, &wire->ike[wire->ike_count++]) != 0)
			return -1;
	}
	json_array_foreach(sas, i, one) {
		struct log_wire_sa *sa = &wire->sas[wire->sa_count++];

		snprintf(sa->source, sizeof(sa->source), "%s", view_string(one, "source"));
		sa->last_ns = format_parse_time(view_string(one, "last"));
	}
	return 0;
}

static void forget(struct log_wire *wire)
{
	for (size_t i = 0; i < wire->ike_count; i++)
		free(wire->ike[i].exchanges);
	free(wire->ike);
	free(wire->sas);
}

/* A capture of another day adds nothing, which is better said than left to be wondered about. */
static void tell_apart(const struct log_timeline *t, const struct log_wire *wire)
{
	char seen[2][FINDING_TIME_SIZE], logged[2][FINDING_TIME_SIZE];

	if (!t->first_ns || !wire->first_ns ||
	    (wire->first_ns <= t->last_ns + APART_NS && t->first_ns <= wire->last_ns + APART_NS))
		return;
	ui_finding_time(wire->first_ns, true, seen[0]);
	ui_finding_time(wire->last_ns, true, seen[1]);
	ui_finding_time(t->first_ns, true, logged[0]);
	ui_finding_time(t->last_ns, true, logged[1]);
	fprintf(stderr,
		"espial: --with: %s saw from %s to %s, and the log is of %s to %s: they have no time in "
		"common "
		"(--year, or TZ?)\n",
		wire->name, seen[0], seen[1], logged[0], logged[1]);
}

static int join(struct findings *findings, const struct log_timeline *t,
		const struct log_diagnose_options *limits, const json_t *document, bool live)
{
	struct log_wire wire = {.name = live ? "the agent" : "the capture"};
	size_t log_count = findings->count;
	int err = read_wire(document, live, &wire);

	if (!err)
		tell_apart(t, &wire);
	/* Nothing seen: nothing to say */
	if (!err && wire.first_ns) {
		err = finding_read(view_get(document, "findings"), findings, NULL);
		if (!err)
			err = finding_read(view_get(document, "findings_cleared"), findings, NULL);
		if (!err)
			err = log_wire_join(findings, log_count, t, limits, &wire);
	}
	forget(&wire);
	return err ? cmd_cannot("out of memory") : CMD_OK;
}

/* A document begins with a brace, which no capture does */
static bool is_document(const char *path)
{
	FILE *file = fopen(path, "r");
	char begins[64] = "";
	size_t length;

	if (!file)
		return false;
	length = fread(begins, 1, sizeof(begins) - 1, file);
	fclose(file);
	begins[length] = '\0';
	return begins[strspn(begins, " \t\r\n")] == '{';
}

int explain_with(struct findings *findings, const struct log_timeline *t,
		 const struct log_diagnose_options *limits, const char *with)
{
	bool agent = cmd_ask_is_agent(with);
	json_t *document = NULL;
	int status, joined = CMD_OK;

	status = agent || is_document(with) ? cmd_ask_state(with, &document) : read_capture(with, &document);
	if (document)
		joined = join(findings, t, limits, document, agent);
	json_decref(document);
	return joined != CMD_OK ? joined : status;
}
