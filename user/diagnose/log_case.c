// SPDX-License-Identifier: GPL-2.0-or-later
#include "diagnose/log_case.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "diagnose/catalogue.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SECOND 1000000000ULL
/* A log that goes on for so long after the last packet of a kind says that it is over */
#define QUIET_NS (600 * SECOND)
#define FLAPPING 3 /* falls */

/* What keeps the tunnel down: over when it is up. Of the others, the log's silence tells. */
static bool is_of_ike(enum finding_id id)
{
	switch (id) {
	case FINDING_IKE_NOT_STARTED:
	case FINDING_IKE_NO_RESPONSE:
	case FINDING_IKE_REQUEST_NOT_ANSWERED:
	case FINDING_NAT_T_PORT_BLOCKED:
	case FINDING_IKE_FRAGMENTS_LOST:
	case FINDING_IKE_PROPOSAL_MISMATCH:
	case FINDING_IKE_VERSION_MISMATCH:
	case FINDING_IKE_AUTH_FAILED:
	case FINDING_IKE_MALFORMED:
	case FINDING_DPD_TIMEOUT:
	case FINDING_IKE_SA_DELETED_BY_PEER:
	case FINDING_TUNNEL_NOT_RESTARTED:
		return true;
	default:
		return false;
	}
}

static bool is_of_child(enum finding_id id)
{
	return id == FINDING_CHILD_SA_FAILED || id == FINDING_CHILD_REKEY_FAILING;
}

/* ---- while it is followed */

static void add_line(struct ailment *a, const struct log_event *e)
{
	if (!e || !e->line_length)
		return;
	for (unsigned int i = 0; i < a->lines && i < AILMENT_FIRST; i++)
		if (a->first[i] == e)
			return;
	if (a->lines > AILMENT_FIRST && a->last[AILMENT_LAST - 1] == e)
		return;
	if (a->lines < AILMENT_FIRST) {
		a->first[a->lines++] = e;
		return;
	}
	for (size_t i = 1; i < AILMENT_LAST; i++)
		a->last[i - 1] = a->last[i];
	a->last[AILMENT_LAST - 1] = e;
	a->lines++;
}

struct ailment *case_raise(struct log_case *c, enum finding_id id, const struct log_event *e,
			   enum finding_confidence confidence)
{
	struct ailment *a = &c->ailments[id];

	/* It names nobody: that it is of the only one who is named is not certain */
	if ((e->flags & LOG_GUESSED) && confidence == CONFIDENCE_CERTAIN)
		confidence = CONFIDENCE_LIKELY;
	if (!a->count)
		a->first_ns = e->at_ns;
	if (!a->open) {
		a->since_ns = e->at_ns;
		a->never_up = is_of_child(id) ? !c->ever_child : !c->ever_up;
		a->good = c->good;
	}
	a->open = true;
	a->until_ns = 0;
	a->last_ns = e->at_ns;
	if (!a->count || confidence > a->confidence)
		a->confidence = confidence;
	a->count++;
	add_line(a, e);
	return a;
}

void case_note(struct log_case *c, enum finding_id id, const struct log_event *e)
{
	if (c->ailments[id].count)
		add_line(&c->ailments[id], e);
}

void case_close(struct log_case *c, enum finding_id id, const struct log_event *e)
{
	struct ailment *a = &c->ailments[id];

	if (!a->open)
		return;
	a->open = false;
	a->until_ns = e->at_ns;
	add_line(a, e);
}

void case_recover(struct log_case *c, const struct log_event *e, bool child)
{
	for (size_t i = 0; i < FINDING_COUNT; i++)
		if (child ? is_of_child((enum finding_id)i) : is_of_ike((enum finding_id)i))
			case_close(c, (enum finding_id)i, e);
}

bool case_has(const struct log_case *c, enum finding_id id)
{
	return c->ailments[id].count != 0;
}

/* ---- findings */

static void tell_good(const struct log_case *c, struct finding *f, const struct log_event *good)
{
	char what[64];

	if (!good)
		return;
	if (good->kind != LOG_PARSED || !good->exchange) {
		finding_last_good(f, good->at_ns, log_kind_what((enum log_kind)good->kind));
		return;
	}
	snprintf(what, sizeof(what), "%s %s", log_exchange_name((enum log_exchange)good->exchange),
		 good->flags & LOG_REQUEST ? "request" : "response");
	if (good->flags & LOG_HAS_MID)
		snprintf(what + strlen(what), sizeof(what) - strlen(what), " %" PRIu32, good->mid);
	finding_last_good(f, good->at_ns, what);
	(void)c;
}

static void tell_line(const struct log_case *c, struct finding *f, const struct log_event *e)
{
	finding_evidence(f, ORIGIN_LOG, e->at_ns, log_kind_what((enum log_kind)e->kind),
			 log_event_line(c->t, e));
}

/* Events lie in the order of time */
static void sort_lines(const struct log_event **lines, size_t count)
{
	for (size_t i = 1; i < count; i++)
		for (size_t k = i; k > 0 && lines[k - 1] > lines[k]; k--) {
			const struct log_event *swap = lines[k];

			lines[k] = lines[k - 1];
			lines[k - 1] = swap;
		}
}

static void tell_lines(const struct log_case *c, struct finding *f, struct ailment *a)
{
	unsigned int last = a->lines > AILMENT_FIRST ? a->lines - AILMENT_FIRST : 0;
	unsigned int shown = last < AILMENT_LAST ? last : AILMENT_LAST;

	sort_lines(a->first, a->lines < AILMENT_FIRST ? a->lines : AILMENT_FIRST);
	sort_lines(a->last + AILMENT_LAST - shown, shown);
	for (size_t i = 0; i < AILMENT_FIRST && i < a->lines; i++)
		tell_line(c, f, a->first[i]);
	if (last > shown)
		finding_evidence_number(f, ORIGIN_LOG, 0, "more such lines", last - shown);
	for (size_t i = AILMENT_LAST - shown; i < AILMENT_LAST; i++)
		tell_line(c, f, a->last[i]);
}

static void tell_subject(const struct log_case *c, struct finding *f)
{
	const struct log_conversation *v = c->conversation;
	uint32_t child = 0, iface = 0;

	finding_peer(f, log_text(c->t, v->peer));
	finding_tunnel(f, log_text(c->t, v->conn));
	for (size_t i = v->count; i-- > 0 && !(child && iface);) {
		child = child ? child : c->t->events[v->events[i]].child;
		iface = iface ? iface : c->t->events[v->events[i]].iface;
	}
	finding_interface(f, log_text(c->t, iface));
	if (child)
		finding_set(f, "child", "%s", log_text(c->t, child));
	if (v->local)
		finding_set(f, "local", "%s", log_text(c->t, v->local));
}

static enum finding_shape shape_of(const struct log_case *c, enum finding_id id, const struct ailment *a)
{
	if (id == FINDING_CHILD_REKEY_FAILING)
		return a->open && c->expired ? SHAPE_STAYS_DOWN : c->ever_expired ? SHAPE_FLAP : SHAPE_NONE;
	if (id == FINDING_CHILD_SA_FAILED)
		/* Beside one that stands, the tunnel did not go down */
		return a->never_up ? SHAPE_NEVER_UP
		       : a->open   ? (c->children ? SHAPE_NONE : SHAPE_STAYS_DOWN)
				   : SHAPE_FLAP;
	if (!is_of_ike(id))
		return SHAPE_NONE;
	if (a->never_up && !c->fell && c->fall_cause != id)
		return SHAPE_NEVER_UP;
	return a->open && c->state != CASE_UP ? SHAPE_STAYS_DOWN : SHAPE_FLAP;
}

static void tell_values(struct finding *f, const struct ailment *a)
{
	const struct log_event *e = a->first[0];
	bool counted = !is_of_ike(f->id) && !is_of_child(f->id) && a->count > 1;

	if (*a->detail) {
		finding_set(f, "detail", "%s", a->detail);
		finding_set(f, "difference", "%s", a->detail);
	} else if (counted) {
		finding_set(f, "detail", " (%u times in the log)", a->count);
	}
	if (f->id == FINDING_REPLAY_DROPPED && a->count > 1)
		finding_set(f, "count", " (%u times in the log)", a->count);
	if (f->id == FINDING_WEAK_CRYPTO)
		finding_set(f, "algorithm", "%s", a->detail);
	if (*a->fix)
		finding_set(f, "fix", "%s", a->fix);
	if (e && (e->flags & LOG_HAS_SPI) && a->count == 1)
		finding_spi(f, e->spi);
}

static bool is_left_out(const struct ailment *a, const struct log_diagnose_options *options)
{
	uint64_t end = a->until_ns ? a->until_ns : a->last_ns;

	return options->since_ns && !(a->open && !a->until_ns) && end < options->since_ns;
}

static void tell_ailment(struct log_case *c, enum finding_id id, struct findings *ret)
{
	struct ailment *a = &c->ailments[id];
	struct finding *f = findings_add(ret, id);

	if (!f)
		return;
	tell_subject(c, f);
	f->since_ns = a->open ? a->since_ns : a->first_ns;
	f->until_ns = a->until_ns;
	f->confidence = a->confidence;
	f->shape = shape_of(c, id, a);
	/* What is over is no emergency, and a tunnel that is down is one */
	if (f->until_ns && f->severity == SEVERITY_CRITICAL)
		f->severity = SEVERITY_WARNING;
	else if (f->shape == SHAPE_STAYS_DOWN)
		f->severity = SEVERITY_CRITICAL;
	tell_values(f, a);
	/* What was foretold has come, or has not */
	if (id == FINDING_CHILD_REKEY_FAILING && f->shape == SHAPE_STAYS_DOWN)
		finding_say(f, "The tunnel to %s is down: its SA expired while rekeying was refused%s.",
			    f->peer ? f->peer : "the peer", a->detail);
	else if (id == FINDING_CHILD_REKEY_FAILING && f->until_ns)
		finding_say(f, "Rekeying of the tunnel to %s was refused%s.", f->peer ? f->peer : "the peer",
			    a->detail);
	tell_good(c, f, a->good);
	tell_lines(c, f, a);
	if (id == c->fall_cause && c->falls >= FLAPPING)
		finding_explains(f, FINDING_TUNNEL_FLAPPING);
	if (id == c->fall_cause && c->tries_since && a->open)
		finding_explains(f, FINDING_IKE_NO_RESPONSE);
}

/* "every 24 h 0 min", when the falls come regularly */
static bool period_of(const struct log_case *c, char *text, size_t size)
{
	size_t count = c->falls < CASE_FALLS ? c->falls : CASE_FALLS;
	uint64_t least = UINT64_MAX, most = 0, sum = 0, seconds;

	if (count < 4)
		return false;
	for (size_t i = 1; i < count; i++) {
		uint64_t a = c->fall_ns[(c->falls - count + i - 1) % CASE_FALLS];
		uint64_t b = c->fall_ns[(c->falls - count + i) % CASE_FALLS], apart = b - a;

		if (!a || b < a)
			return false;
		least = apart < least ? apart : least;
		most = apart > most ? apart : most;
		sum += apart;
	}
	seconds = sum / (count - 1) / SECOND;
	if (!seconds || most - least > sum / (count - 1) / 10)
		return false;
	if (seconds < 120)
		snprintf(text, size, "%" PRIu64 " s", seconds);
	else if (seconds < 7200)
		snprintf(text, size, "%" PRIu64 " min", (seconds + 30) / 60);
	else
		snprintf(text, size, "%" PRIu64 " h %" PRIu64 " min", seconds / 3600, seconds / 60 % 60);
	return true;
}

/* Falls whose cause is not in the log are told even if there was only one */
static void tell_flapping(const struct log_case *c, struct findings *ret)
{
	bool known = c->fall_cause != FINDING_COUNT;
	struct finding *f;
	char period[48];

	if (!c->returns || (known && c->falls < FLAPPING))
		return;
	f = findings_add(ret, FINDING_TUNNEL_FLAPPING);
	if (!f)
		return;
	tell_subject(c, f);
	f->shape = SHAPE_FLAP;
	f->since_ns = c->fall_ns[c->falls <= CASE_FALLS ? 0 : c->falls % CASE_FALLS];
	f->until_ns = c->fell || !c->comeback ? 0 : c->comeback->at_ns;
	finding_set(f, "count", "%u", c->falls);
	if (period_of(c, period, sizeof(period)))
		finding_set(f, "period", ", every %s", period);
	if (known)
		finding_set(f, "cause", ": the last was %s", catalogue_row(c->fall_cause)->id);
	else
		f->confidence = CONFIDENCE_LIKELY;
	if (c->falls == 1)
		finding_say(f, "The tunnel to %s went down and came back, and the log does not say why.",
			    f->peer	? f->peer
			    : f->tunnel ? f->tunnel
					: "the peer");
	tell_good(c, f, c->fall_good);
	if (c->fall)
		tell_line(c, f, c->fall);
	if (c->comeback)
		tell_line(c, f, c->comeback);
}

void case_tell(struct log_case *c, struct findings *ret, const struct log_diagnose_options *options)
{
	for (size_t i = 0; i < FINDING_COUNT; i++) {
		struct ailment *a = &c->ailments[i];

		if (!a->count)
			continue;
		/* Of packets nobody says that they come no more */
		if (!is_of_ike((enum finding_id)i) && !is_of_child((enum finding_id)i) && a->last_ns &&
		    c->end_ns > a->last_ns + QUIET_NS) {
			a->open = false;
			a->until_ns = a->last_ns;
		}
		if (!is_left_out(a, options))
			tell_ailment(c, (enum finding_id)i, ret);
	}
	if (!options->since_ns || c->fell ||
	    (c->comeback && (!c->comeback->at_ns || c->comeback->at_ns >= options->since_ns)))
		tell_flapping(c, ret);
}
