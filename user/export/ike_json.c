// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/ike_json.h"

static void string_or_null(struct json_writer *w, const char *key, const char *value)
{
	if (value)
		json_write_string(w, key, value);
	else
		json_write_null(w, key);
}

static void write_time(struct json_writer *w, const char *key, uint64_t ns)
{
	json_write_time(w, key, ns == CONVERSATION_NO_TIME ? 0 : ns);
}

static void write_endpoint(struct json_writer *w, const char *key,
			   const struct conversation_endpoint *endpoint)
{
	char text[64];

	conversation_endpoint_print(endpoint, text, sizeof(text));
	json_write_string(w, key, text);
}

static void write_notifies(struct json_writer *w, uint8_t major, const uint16_t *types, unsigned int count)
{
	char name[64];
	unsigned int i;

	json_write_flat(w, "notifies", '[');
	for (i = 0; i < count; i++) {
		ike_notify_print(major, types[i], name, sizeof(name));
		json_write_string(w, NULL, name);
	}
	json_write_close(w, ']');
}

static const char *side_name(enum conversation_side side)
{
	return side == CONVERSATION_INITIATOR ? "initiator" : "responder";
}

/* What was inferred, and how sure that is: both or none. */
static void write_inferred(struct json_writer *w, const char *key, const char *confidence_key,
			   const char *value, unsigned int confidence)
{
	string_or_null(w, key, value);
	string_or_null(w, confidence_key,
		       value ? conversation_confidence_name((enum conversation_confidence)confidence) : NULL);
}

static void write_times(struct json_writer *w, const struct conversation_exchange *x)
{
	uint32_t kept = x->retransmits < CONVERSATION_RETRANSMITS ? x->retransmits : CONVERSATION_RETRANSMITS,
		 i;

	json_write_flat(w, "retransmitted", '[');
	for (i = 0; i < kept; i++)
		write_time(w, NULL,
			   x->request_ns > CONVERSATION_NO_TIME
				   ? x->request_ns + x->retransmit_us[i] * 1000ull
				   : 0);
	json_write_close(w, ']');
	if (x->major != 1 || !x->steps)
		return;
	json_write_number(w, "step", x->steps);
	json_write_flat(w, "steps", '[');
	for (i = 0; i < x->steps; i++)
		write_time(w, NULL,
			   x->step_mask & 1u << i && x->request_ns > CONVERSATION_NO_TIME
				   ? x->request_ns + x->step_us[i] * 1000ull
				   : 0);
	json_write_close(w, ']');
}

static void write_exchange(struct json_writer *w, const struct conversation_exchange *x)
{
	int64_t rtt = conversation_rtt_us(x);
	char name[64];

	ike_exchange_print(x->major, x->type, name, sizeof(name));
	json_write_open(w, NULL, '{');
	json_write_string(w, "type", name);
	json_write_number(w, "message_id", x->message_id);
	json_write_string(w, "by", side_name(x->by));
	write_time(w, "request", x->request_ns);
	write_time(w, "response", x->response_ns);
	json_write_number(w, "retransmits", x->retransmits);
	json_write_number(w, "response_repeats", x->response_repeats);
	if (x->request_ns)
		json_write_number(w, "request_bytes", x->request.bytes);
	else
		json_write_null(w, "request_bytes");
	if (x->response_ns)
		json_write_number(w, "response_bytes", x->response.bytes);
	else
		json_write_null(w, "response_bytes");
	json_write_number(w, "fragments", (uint64_t)x->request.fragments + x->response.fragments);
	write_notifies(w, x->major, x->notifies, x->notify_count);
	if (rtt < 0)
		json_write_null(w, "rtt_us");
	else
		json_write_number(w, "rtt_us", (uint64_t)rtt);
	write_time(w, "given_up", x->given_up_ns);
	write_inferred(w, "kind", "kind_confidence", conversation_kind_name((enum conversation_kind)x->kind),
		       x->kind_confidence);
	write_inferred(w, "outcome", "outcome_confidence",
		       conversation_outcome_name((enum conversation_outcome)x->outcome),
		       x->outcome_confidence);
	json_write_bool(w, "ip_fragments", x->ip_fragments);
	if (x->altered)
		json_write_bool(w, "altered", true);
	write_times(w, x);
	json_write_close(w, '}');
}

static void each_text(void *arg, const char *text)
{
	json_write_string(arg, NULL, text);
}

static void write_negotiated(struct json_writer *w, const struct conversation_sa *sa)
{
	char chosen[1024];
	unsigned int side;

	json_write_open(w, "offered", '[');
	conversation_offered(sa, each_text, w);
	json_write_close(w, ']');
	string_or_null(w, "chosen", conversation_chosen(sa, chosen, sizeof(chosen)) ? chosen : NULL);
	json_write_flat(w, "vendor_ids", '[');
	conversation_vendor_ids(sa, each_text, w);
	json_write_close(w, ']');
	write_notifies(w, sa->major, sa->notifies, sa->notify_count);
	json_write_flat(w, "certificate_requests", '[');
	for (side = 0; side < 2; side++)
		if (sa->certificate_requests & 1u << side)
			json_write_string(w, NULL, side_name((enum conversation_side)side));
	json_write_close(w, ']');
}

/* Whose request came last. */
static const struct conversation_exchange *latest_exchange(const struct conversation_sa *sa)
{
	const struct conversation_exchange *latest = NULL;
	uint32_t i;

	for (i = 0; i < sa->exchange_count; i++) {
		const struct conversation_exchange *x = conversation_exchange_at(sa, i);

		if (!latest || x->request_ns >= latest->request_ns)
			latest = x;
	}
	return latest;
}

static void write_exchanges(struct json_writer *w, const struct conversation_sa *sa, bool brief)
{
	const struct conversation_exchange *latest = brief ? latest_exchange(sa) : NULL;
	uint32_t i;

	json_write_open(w, "exchanges", '[');
	if (latest)
		write_exchange(w, latest);
	for (i = 0; !brief && i < sa->exchange_count; i++)
		write_exchange(w, conversation_exchange_at(sa, i));
	json_write_close(w, ']');
}

static void write_moves(struct json_writer *w, const struct conversation_sa *sa)
{
	uint32_t kept = sa->moves < CONVERSATION_MOVES ? sa->moves : CONVERSATION_MOVES, i;

	json_write_number(w, "moves", sa->moves);
	json_write_open(w, "moved", '[');
	for (i = sa->moves - kept; i < sa->moves; i++) {
		const struct conversation_move *move = &sa->move[i % CONVERSATION_MOVES];

		json_write_flat(w, NULL, '{');
		write_time(w, "at", move->time_ns);
		write_endpoint(w, "initiator", &move->from.end[CONVERSATION_INITIATOR]);
		write_endpoint(w, "responder", &move->from.end[CONVERSATION_RESPONDER]);
		json_write_close(w, '}');
	}
	json_write_close(w, ']');
	write_time(w, "floated", sa->float_ns);
	if (sa->float_ns)
		json_write_bool(w, "float_answered", sa->float_answered);
}

static void write_sa(struct json_writer *w, const struct conversation_sa *sa, bool brief)
{
	char evidence[512];

	conversation_evidence(sa, evidence, sizeof(evidence));
	json_write_open(w, NULL, '{');
	write_endpoint(w, "initiator", &sa->path.end[CONVERSATION_INITIATOR]);
	write_endpoint(w, "responder", &sa->path.end[CONVERSATION_RESPONDER]);
	json_write_hex(w, "initiator_spi", sa->initiator_spi, 16);
	json_write_hex(w, "responder_spi", sa->responder_spi, 16);
	json_write_string(w, "version", sa->major == 1 ? "1.0" : "2.0");
	string_or_null(w, "mode", conversation_mode_name(sa));
	json_write_string(w, "state", conversation_state_name(sa->state));
	json_write_string(w, "confidence", conversation_confidence_name(sa->confidence));
	json_write_string(w, "reason", conversation_reason_name(sa->reason));
	json_write_string(w, "evidence", evidence);
	write_time(w, "since", sa->since_ns);
	write_time(w, "first", sa->first_ns);
	write_time(w, "last", sa->last_ns);
	string_or_null(w, "nat", conversation_nat_name(conversation_nat(sa)));
	json_write_number(w, "messages", sa->messages);
	json_write_number(w, "bytes", sa->bytes);
	json_write_number(w, "retransmits", sa->retransmits);
	json_write_number(w, "response_repeats", sa->response_repeats);
	json_write_number(w, "malformed", sa->malformed);
	if (sa->major == 1)
		json_write_number(w, "phase1_step", sa->phase1_step);
	if (sa->major == 1)
		json_write_bool(w, "initial_contact", sa->initial_contact);
	json_write_number(w, "cookies", sa->cookies);
	json_write_number(w, "invalid_ke", sa->invalid_ke);
	if (sa->major == 2) { /* most requests of each at once: RFC 7296 section 2.3 */
		json_write_flat(w, "in_flight_max", '{');
		json_write_number(w, "initiator", sa->window[CONVERSATION_INITIATOR]);
		json_write_number(w, "responder", sa->window[CONVERSATION_RESPONDER]);
		json_write_close(w, '}');
	}
	if (!brief) {
		write_negotiated(w, sa);
		write_moves(w, sa);
	}
	json_write_number(w, "exchanges_forgotten", sa->exchanges_forgotten);
	write_exchanges(w, sa, brief);
	json_write_close(w, '}');
}

void export_ike_sa(struct json_writer *w, const struct conversation_sa *sa)
{
	write_sa(w, sa, false);
}

static void write_sas(struct json_writer *w, const char *key, const struct conversations *conversations,
		      bool brief)
{
	const struct conversation_sa *sa = NULL;

	json_write_open(w, key, '[');
	while (conversations && (sa = conversation_next(conversations, sa)))
		write_sa(w, sa, brief);
	json_write_close(w, ']');
}

void export_ike_sas(struct json_writer *w, const char *key, const struct conversations *conversations)
{
	write_sas(w, key, conversations, false);
}

void export_ike_sas_brief(struct json_writer *w, const char *key, const struct conversations *conversations)
{
	write_sas(w, key, conversations, true);
}

void export_ike_tracker(struct json_writer *w, const char *key, const struct conversations *conversations)
{
	const struct conversation_stats *s = conversation_stats(conversations);

	json_write_open(w, key, '{');
	json_write_number(w, "sas", s->sas);
	json_write_number(w, "half_open", s->half_open);
	json_write_number(w, "created", s->created);
	json_write_number(w, "half_open_evicted", s->half_open_evicted);
	json_write_number(w, "ended_evicted", s->ended_evicted);
	json_write_number(w, "refused", s->refused);
	json_write_number(w, "orphans", s->orphans);
	json_write_number(w, "retransmits", s->retransmits);
	json_write_number(w, "half_open_rate", s->half_open_rate);
	json_write_number(w, "half_open_rate_peak", s->half_open_rate_peak);
	write_time(w, "flood", s->flood_ns);
	json_write_number(w, "retracted", s->retracted);
	json_write_number(w, "no_memory", s->no_memory);
	json_write_close(w, '}');
}
