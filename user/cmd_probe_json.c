// SPDX-License-Identifier: GPL-2.0-or-later
/* cmd_probe_json.c - espial probe: the result as JSON (output.md, last section) */
#include "cmd.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cmd_json.h"
#include "cmd_probe.h"
#include "export/text.h"

#ifndef ESPIAL_VERSION
#define ESPIAL_VERSION "unknown"
#endif

static json_t *address(const struct probe_address *a)
{
	char text[PROBE_ADDRESS_SIZE];

	return a->family ? json_string(probe_address_text(a, text)) : json_null();
}

/* Bytes that are not UTF-8 cannot be in JSON. */
static json_t *clean(const char *string)
{
	struct text text = {0};
	json_t *ret;
	char *copy;

	if (!string)
		return json_null();
	text_clean(&text, string);
	copy = text_take(&text, NULL);
	ret = copy ? json_string(copy) : NULL;
	free(copy);
	return ret;
}

static json_t *truth(int value)
{
	return value < 0 ? json_null() : json_boolean(value);
}

/* true, false, or null for what nobody can tell. */
static json_t *reachable(const struct probe_reach *reach)
{
	switch (reach->state) {
	case PROBE_ANSWERED:
		return json_true();
	case PROBE_CLOSED:
	case PROBE_REJECTED:
	case PROBE_FILTERED:
		return json_false();
	case PROBE_UNTRIED:
	case PROBE_SILENT:
	case PROBE_STATES:
		break;
	}
	return json_null();
}

static json_t *json_reachable(const struct probe_result *r)
{
	json_t *object = json_object();
	enum probe_method method;

	for (method = PROBE_ECHO; method < PROBE_METHODS; method++)
		json_object_set_new(object, probe_method_name(method), reachable(&r->reach[method]));
	return object;
}

static json_t *json_count(const struct probe_count *c)
{
	return c->size ? json_pack("{s:i, s:i, s:i}", "size", (int)c->size, "sent", (int)c->sent, "passed",
				   (int)c->passed)
		       : json_null();
}

static json_t *json_threshold(const struct probe_threshold *t)
{
	return json_pack("{s:o, s:o, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:f}", "mtu", cmd_json_number(t->mtu),
			 "at_least", cmd_json_number(t->at_least), "confirmed", t->confirmed,
			 "interface_limit", t->limited, "reported", t->told, "reporter",
			 address(&t->reporter), "reported_mtu", cmd_json_number(t->reported), "below",
			 json_count(&t->below), "above", json_count(&t->above), "loss", t->loss);
}

static json_t *json_methods(const struct probe_result *r)
{
	json_t *object = json_object(), *row;
	enum probe_method method;
	char why[200];

	for (method = PROBE_ECHO; method < PROBE_METHODS; method++) {
		const struct probe_reach *reach = &r->reach[method];

		probe_state_text(r, method, why, sizeof(why));
		row = json_pack("{s:s, s:i, s:i, s:o, s:o, s:o, s:s?}", "state",
				probe_state_name(reach->state), "sent", (int)reach->sent, "answered",
				(int)reach->answered, "rtt_us", cmd_json_number(reach->rtt_us), "source_port",
				cmd_json_number(reach->source_port), "refused_by", address(&reach->by),
				"note", *why ? why : NULL);
		json_object_set_new(row, "threshold",
				    method < PROBE_ESP ? json_threshold(&r->threshold[method]) : json_null());
		json_object_set_new(object, probe_method_name(method), row);
	}
	return object;
}

static json_t *json_steps(const struct probe_result *r)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < r->step_count; i++) {
		const struct probe_step *s = &r->steps[i];

		json_array_append_new(array,
				      json_pack("{s:s, s:i, s:s, s:i, s:i, s:o}", "method",
						probe_method_name(s->method), "size", (int)s->size, "result",
						s->passed    ? "passed"
						: s->too_big ? "too-big"
							     : "lost",
						"sent", (int)s->sent, "passed", (int)s->passed, "rtt_us",
						cmd_json_number(s->rtt_us)));
	}
	return array;
}

static json_t *json_hops(const struct probe_request *q, const struct probe_result *r)
{
	json_t *array = json_array();
	struct probe_sizes s;
	size_t i;

	if (!q->options.hops) {
		json_decref(array);
		return json_null();
	}
	for (i = 0; i < r->hop_count; i++) {
		const struct probe_hop *hop = &r->hops[i];

		probe_sizes(q, r, hop->mtu, q->spec.encapsulation == MTU_UDP, &s);
		json_array_append_new(
			array, json_pack("{s:i, s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "hop", (int)i + 1,
					 "address", address(&hop->address), "target", hop->target, "rtt_us",
					 cmd_json_number(hop->rtt_us), "mtu", cmd_json_number(hop->mtu),
					 "inner_mtu", cmd_json_number(s.inner), "mss4",
					 cmd_json_number(s.mss4), "mss6", cmd_json_number(s.mss6)));
	}
	return array;
}

static json_t *json_findings(const struct probe_result *r, const struct probe_finding *findings, size_t count)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < count; i++) {
		const struct probe_finding *f = &findings[i];

		json_array_append_new(
			array,
			json_pack("{s:s, s:s, s:s, s:{s:o}, s:s, s:[{s:s, s:o, s:s}], s:[{s:s, s:s, s:s?}]}",
				  "id", f->id, "severity", f->severity, "confidence", f->confidence,
				  "subject", "peer", address(&r->target), "meaning", f->meaning, "evidence",
				  "what", "path MTU", "value", cmd_json_number(r->path_mtu), "origin",
				  "probe", "remedies", "platform", f->platform, "text", f->remedy, "command",
				  *f->command ? f->command : NULL));
	}
	return array;
}

static json_t *json_notes(const struct probe_result *r)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < r->note_count; i++)
		json_array_append_new(array, json_string(r->notes[i]));
	return array;
}

static int fragments_pass(const struct probe_fragments *f)
{
	if (f->by_source == 0 || f->by_router == 0)
		return 0;
	return f->by_source > 0 || f->by_router > 0 ? 1 : -1;
}

static const char *measured(const struct probe_result *r)
{
	return r->measured_by == PROBE_METHODS ? NULL : r->forward ? "forward" : "smaller";
}

static json_t *json_way(unsigned int mtu, bool at_least, const char *by)
{
	return mtu ? json_pack("{s:i, s:b, s:s}", "mtu", (int)mtu, "at_least", at_least, "by", by)
		   : json_null();
}

static json_t *json_peer(const struct probe_request *q, const struct probe_peer *p)
{
	bool known = p && p->mtu;

	if (!p)
		return json_null();
	return json_pack("{s:o, s:b, s:o, s:o, s:s?, s:o, s:o, s:I, s:I, s:s?}", "agent",
			 clean(q->peer_agent), "answered", p->answered, "tunnel",
			 p->found ? clean(p->tunnel) : json_null(), "path_mtu", cmd_json_number(p->mtu),
			 "source", known ? p->source : NULL, "age_ms",
			 known && p->age_ns ? json_integer((json_int_t)(p->age_ns / 1000000)) : json_null(),
			 "largest_arrived", cmd_json_number(p->arrived), "packets_arrived",
			 (json_int_t)p->arrived_packets, "arrived_in_fragments", (json_int_t)p->arrived_cut,
			 "problem", *p->problem ? p->problem : NULL);
}

static json_t *json_document(const struct probe_request *q, const struct probe_told *told)
{
	const struct probe_result *r = told->result;
	const struct probe_fragments *f = &r->fragments;
	const struct probe_threshold none = {0},
				     *t = r->measured_by < PROBE_ESP ? &r->threshold[r->measured_by] : &none;
	struct probe_sizes plain, natt;
	unsigned int at_least = 0;
	json_t *root;
	size_t i;

	probe_sizes(q, r, r->path_mtu, q->spec.encapsulation == MTU_UDP, &plain);
	probe_sizes(q, r, r->path_mtu, true, &natt);
	root = json_pack("{s:{s:s, s:i}, s:o, s:o, s:o, s:o, s:s, s:i, s:b}", "espial", "version",
			 ESPIAL_VERSION, "schema", 1, "target", address(&r->target), "name", clean(r->name),
			 "through", clean(q->through), "source", address(&r->source), "interface",
			 r->interface, "link_mtu", (int)r->link_mtu, "privileged", r->raw);
	if (!root)
		return NULL;
	json_object_set_new(root, "reachable", json_reachable(r));
	for (i = 0; i < PROBE_ESP; i++)
		if (r->threshold[i].at_least > at_least)
			at_least = r->threshold[i].at_least;
	/* Inside a tunnel the MTU of the path outside is not what was measured */
	json_object_set_new(root, "path_mtu", q->through ? json_null() : cmd_json_number(r->path_mtu));
	json_object_set_new(root, "path_mtu_at_least",
			    q->through ? json_null() : cmd_json_number(r->path_mtu ? r->path_mtu : at_least));
	json_object_set_new(root, "measured_by",
			    r->measured_by < PROBE_ESP ? json_string(probe_method_name(r->measured_by))
						       : json_null());
	json_object_set_new(root, "direction", measured(r) ? json_string(measured(r)) : json_null());
	json_object_set_new(root, "confirmed", json_boolean(t->confirmed));
	json_object_set_new(root, "return_mtu", cmd_json_number(r->return_mtu));
	json_object_set_new(root, "each_way",
			    q->through ? json_null()
				       : json_pack("{s:o, s:o}", "there",
						   json_way(told->ways.there, told->ways.there_at_least,
							    told->ways.there_by),
						   "back",
						   json_way(told->ways.back, told->ways.back_at_least,
							    told->ways.back_by)));
	json_object_set_new(root, "way_back", json_threshold(&r->way_back));
	json_object_set_new(root, "peer_agent", json_peer(q, told->peer));
	json_object_set_new(root, "df_honoured", truth(r->df_honoured));
	json_object_set_new(root, "icmp_reporter", address(&t->reporter));
	json_object_set_new(root, "icmp_reported_mtu", cmd_json_number(t->reported));
	json_object_set_new(root, "black_hole",
			    r->path_mtu && !t->limited ? json_boolean(r->black_hole) : json_null());
	json_object_set_new(root, "loss_depends_on_size",
			    r->path_mtu ? json_boolean(!t->limited) : json_null());
	json_object_set_new(root, "loss", r->measured_by < PROBE_ESP ? json_real(t->loss) : json_null());
	json_object_set_new(root, "fragments_pass", truth(fragments_pass(f)));
	json_object_set_new(root, "fragments",
			    json_pack("{s:i, s:o, s:i, s:i, s:o, s:i, s:i}", "size", (int)f->size,
				      "by_source", truth(f->by_source), "by_source_sent", (int)f->source_sent,
				      "by_source_passed", (int)f->source_passed, "by_router",
				      truth(f->by_router), "by_router_sent", (int)f->router_sent,
				      "by_router_passed", (int)f->router_passed));
	json_object_set_new(root, "transform",
			    q->through ? json_null()
				       : json_string(q->proposal ? q->proposal : PROBE_PROPOSAL));
	json_object_set_new(root, "inner_mtu", cmd_json_number(plain.inner));
	json_object_set_new(root, "mss4", cmd_json_number(plain.mss4));
	json_object_set_new(root, "mss6", cmd_json_number(plain.mss6));
	json_object_set_new(
		root, "natt",
		q->through ? json_null()
			   : json_pack("{s:o, s:o, s:o}", "inner_mtu", cmd_json_number(natt.inner), "mss4",
				       cmd_json_number(natt.mss4), "mss6", cmd_json_number(natt.mss6)));
	json_object_set_new(root, "methods", json_methods(r));
	json_object_set_new(root, "steps", json_steps(r));
	json_object_set_new(root, "hops", json_hops(q, r));
	json_object_set_new(root, "packets", json_integer(r->packets));
	json_object_set_new(root, "bytes", json_integer((json_int_t)r->bytes));
	json_object_set_new(root, "duration_us", json_integer((json_int_t)(r->duration_ns / 1000)));
	json_object_set_new(root, "complete", json_boolean(!r->out_of_time && !r->out_of_packets));
	json_object_set_new(root, "slowed", json_boolean(r->slowed));
	json_object_set_new(root, "findings", json_findings(r, told->findings, told->count));
	json_object_set_new(root, "notes", json_notes(r));
	return root;
}

int probe_print_json(const struct probe_request *q, const struct probe_told *told)
{
	return cmd_json_print(json_document(q, told));
}
