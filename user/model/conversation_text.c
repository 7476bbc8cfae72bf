// SPDX-License-Identifier: GPL-2.0-or-later
/* conversation_text.c - the tracker's knowledge in words. Names are stable; sentences are not. */
#include "model/conversation_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/address.h"

const char *conversation_state_name(enum conversation_state state)
{
	static const char *const names[CONVERSATION_STATES] = {
		[CONVERSATION_NEGOTIATING] = "negotiating",
		[CONVERSATION_ESTABLISHED] = "established",
		[CONVERSATION_REKEYED] = "rekeyed",
		[CONVERSATION_DELETED] = "deleted",
		[CONVERSATION_DEAD] = "dead",
		[CONVERSATION_FAILED] = "failed",
	};

	return state < CONVERSATION_STATES ? names[state] : "unknown";
}

const char *conversation_confidence_name(enum conversation_confidence confidence)
{
	return confidence == CONVERSATION_CERTAIN  ? "certain"
	       : confidence == CONVERSATION_LIKELY ? "likely"
						   : "possible";
}

static const struct {
	const char *name, *text;
} reasons[CONVERSATION_REASON_COUNT] = {
#define CONVERSATION_REASON(symbol, name, text) [CONVERSATION_REASON_##symbol] = {name, text},
#include "model/conversation_reasons.def"
};

const char *conversation_reason_name(enum conversation_reason reason)
{
	return reason < CONVERSATION_REASON_COUNT ? reasons[reason].name : "unknown";
}

const char *conversation_nat_name(enum conversation_nat nat)
{
	switch (nat) {
	case CONVERSATION_NAT_NONE:
		return "none";
	case CONVERSATION_NAT_INITIATOR:
		return "initiator";
	case CONVERSATION_NAT_RESPONDER:
		return "responder";
	case CONVERSATION_NAT_BOTH:
		return "both";
	default:
		return NULL;
	}
}

const char *conversation_kind_name(enum conversation_kind kind)
{
	static const char *const names[CONVERSATION_KINDS] = {
		[CONVERSATION_KIND_DPD] = "dpd",
		[CONVERSATION_KIND_DELETE] = "delete",
		[CONVERSATION_KIND_OTHER] = "other",
		[CONVERSATION_KIND_IKE_REKEY] = "ike-rekey",
	};

	return kind < CONVERSATION_KINDS ? names[kind] : NULL;
}

const char *conversation_outcome_name(enum conversation_outcome outcome)
{
	static const char *const names[CONVERSATION_OUTCOMES] = {
		[CONVERSATION_OUTCOME_SUCCESS] = "success",	[CONVERSATION_OUTCOME_FAILURE] = "failure",
		[CONVERSATION_OUTCOME_NO_CHILD] = "no-child",	[CONVERSATION_OUTCOME_RETRY] = "retry",
		[CONVERSATION_OUTCOME_NO_ANSWER] = "no-answer",
	};

	return outcome < CONVERSATION_OUTCOMES ? names[outcome] : NULL;
}

const char *conversation_mode_name(const struct conversation_sa *sa)
{
	if (sa->major != 1)
		return NULL;
	if (sa->mode == IKE_V1_EXCHANGE_MAIN_MODE)
		return "main";
	return sa->mode == IKE_V1_EXCHANGE_AGGRESSIVE_MODE ? "aggressive" : NULL;
}

int conversation_evidence(const struct conversation_sa *sa, char *buffer, size_t size)
{
	const char *text = sa->reason < CONVERSATION_REASON_COUNT ? reasons[sa->reason].text : "";
	char notify[64];
	size_t at = 0;

	for (; *text; text++) {
		size_t left = at < size ? size - at : 0;
		char *to = left ? buffer + at : NULL;
		int n;

		if (*text != '$' || !text[1]) {
			n = snprintf(to, left, "%c", *text);
		} else if (*++text == 't') {
			ike_notify_print(sa->major, (uint16_t)sa->reason_number, notify, sizeof(notify));
			n = snprintf(to, left, "%s", notify);
		} else {
			n = snprintf(to, left, "%u", *text == 'i' ? sa->reason_id : sa->reason_number);
		}
		at += n > 0 ? (size_t)n : 0;
	}
	if (size && !at)
		buffer[0] = '\0';
	return (int)at;
}

int conversation_endpoint_print(const struct conversation_endpoint *endpoint, char *buffer, size_t size)
{
	return address_print(endpoint->address, endpoint->port, buffer, size);
}

/* The message kept, parsed again; NULL: there is none. Free with free(). */
static struct ike_message *reparse(const struct conversation_kept *kept)
{
	struct ike_message *m;
	uint32_t offset;

	if (!kept->message)
		return NULL;
	m = malloc(sizeof(*m));
	if (!m)
		return NULL;
	if (ike_is_fault(ike_parse(kept->message, kept->captured, kept->length, m, &offset))) {
		free(m);
		return NULL;
	}
	return m;
}

void conversation_offered(const struct conversation_sa *sa, void (*each)(void *arg, const char *text),
			  void *arg)
{
	struct ike_message *m = reparse(&sa->kept[CONVERSATION_INITIATOR]);
	char text[1024];
	size_t i;

	for (i = 0; m && i < ike_suite_count(m); i++) {
		ike_suite_print(m, i, false, text, sizeof(text));
		each(arg, text);
	}
	free(m);
}

bool conversation_chosen(const struct conversation_sa *sa, char *buffer, size_t size)
{
	struct ike_message *m = reparse(&sa->kept[CONVERSATION_RESPONDER]);
	bool known = m && ike_suite_count(m) > 0;

	if (known)
		ike_suite_print(m, 0, false, buffer, size);
	free(m);
	return known;
}

void conversation_vendor_ids(const struct conversation_sa *sa, void (*each)(void *arg, const char *text),
			     void *arg)
{
	char seen[2 * IKE_MAX_VENDORS][128];
	unsigned int count = 0, side, i, j;

	for (side = 0; side < 2; side++) {
		const struct conversation_kept *kept = &sa->kept[side];
		struct ike_message *m = reparse(kept);

		for (i = 0; m && i < m->vendor_count; i++) {
			ike_vendor_print(kept->message + m->vendors[i].offset, m->vendors[i].length,
					 seen[count], sizeof(seen[count]));
			for (j = 0; strcmp(seen[j], seen[count]); j++)
				;
			if (j == count) /* both ends send much the same */
				each(arg, seen[count++]);
		}
		free(m);
	}
}
