// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tunnel_judge.c - up, idle, negotiating or down: from the IKE SAs, the ESP and the facts of one tunnel at one time
 *
 * An IKE SA that stands, with a child SA, is a tunnel that is up; ESP both ways is, too, when its IKE was not seen. An IKE SA that
 * ended takes the tunnel down, unless its child SAs go on both ways well after that: then the end was not what it seemed.
 */
#include "model/tunnel_internal.h"

#include <stdio.h>
#include <string.h>

void tunnel_look_at_links(const struct tunnel *tunnel, struct tunnel_standing *ret)
{
	const struct tunnel_link *link, *rekeyed = NULL;

	*ret = (struct tunnel_standing){0};
	LIST_FOREACH(link, &tunnel->links, in_tunnel)
	{
		if (!link->since_ns)
			continue; /* its first change is yet to be applied */
		switch (link->state) {
		case CONVERSATION_ESTABLISHED:
			if (!ret->up || link->since_ns > ret->up->since_ns)
				ret->up = link;
			break;
		case CONVERSATION_NEGOTIATING:
			if (!ret->negotiating || link->since_ns > ret->negotiating->since_ns)
				ret->negotiating = link;
			break;
		case CONVERSATION_REKEYED:
			if (!rekeyed || link->since_ns > rekeyed->since_ns)
				rekeyed = link;
			break;
		default:
			if (!ret->ended || link->since_ns > ret->ended->since_ns)
				ret->ended = link;
		}
	}
	/* What took its place may show later, and is there all the same. */
	if (!ret->up && rekeyed && (!ret->ended || ret->ended->since_ns < rekeyed->since_ns))
		ret->up = rekeyed;
}

static uint64_t last_esp(const struct tunnel *tunnel)
{
	return later(tunnel->last_esp_ns[SIDE_IN], tunnel->last_esp_ns[SIDE_OUT]);
}

static bool is_used(const struct tunnels *t, const struct tunnel *tunnel, int side, uint64_t at_ns)
{
	return tunnel->first_esp_ns[side] && tunnel->first_esp_ns[side] <= at_ns &&
	       tunnel->last_esp_ns[side] + t->limits.idle_ns >= at_ns;
}

/* Child SAs that began before that time go on after it, both ways. */
static bool goes_on(const struct tunnel *tunnel, uint64_t after_ns)
{
	const struct tunnel_child *child;
	bool side[SIDES] = {false, false};

	LIST_FOREACH(child, &tunnel->children, in_tunnel)
	{
		if (child->first_ns && child->first_ns < after_ns &&
		    child->last_ns > after_ns + TUNNEL_OVERLAP)
			side[child->side] = true;
	}
	return side[SIDE_IN] && side[SIDE_OUT];
}

static void say_traffic(const struct tunnel *tunnel, char *buffer, size_t size)
{
	char in[NAME_TIME], out[NAME_TIME];

	if (tunnel->last_esp_ns[SIDE_IN] && tunnel->last_esp_ns[SIDE_OUT])
		snprintf(buffer, size, "ESP last in at %s, out at %s UTC",
			 tunnel_name_time(tunnel->last_esp_ns[SIDE_IN], in),
			 tunnel_name_time(tunnel->last_esp_ns[SIDE_OUT], out));
	else if (last_esp(tunnel))
		snprintf(buffer, size, "ESP only %s, last at %s UTC",
			 tunnel->last_esp_ns[SIDE_IN] ? "in" : "out", tunnel_name_time(last_esp(tunnel), in));
	else
		snprintf(buffer, size, "no ESP seen");
}

/* The IKE SA stands, but has no child SA, or loses it. True: that is the verdict. */
static bool judge_child(const struct tunnels *t, const struct tunnel *tunnel, const struct tunnel_link *up,
			uint64_t at_ns, uint64_t known_ns, struct tunnel_verdict *v)
{
	bool traffic = last_esp(tunnel) > up->established_ns;
	char at[NAME_TIME];

	if (!up->child && !traffic && (up->no_child || up->major == 1)) {
		bool early = up->major == 1 && at_ns < up->established_ns + TUNNEL_CHILD_WAIT;

		v->state = early ? STATE_TUNNEL_NEGOTIATING : STATE_TUNNEL_DOWN;
		v->since_ns = up->established_ns;
		v->confidence = up->no_child ? TIMELINE_LIKELY : TIMELINE_POSSIBLE;
		v->cause = early ? "" : "child-sa-failed";
		v->link = up;
		if (v->text)
			snprintf(v->evidence, sizeof(v->evidence), "IKE SA established, child SA %s",
				 up->no_child ? "refused: the answer to IKE_AUTH has no room for one"
					      : "not negotiated");
		return true;
	}
	if (up->child_failures && last_esp(tunnel) && last_esp(tunnel) + t->limits.idle_ns < known_ns &&
	    up->child_failed_ns + t->limits.idle_ns > last_esp(tunnel)) {
		v->state = STATE_TUNNEL_DOWN;
		v->since_ns = last_esp(tunnel);
		v->confidence = TIMELINE_LIKELY;
		v->cause = "child-rekey-failing";
		v->link = up;
		if (v->text)
			snprintf(v->evidence, sizeof(v->evidence),
				 "CREATE_CHILD_SA refused %u time%s in a row, the last at %s UTC, and ESP "
				 "stopped",
				 up->child_failures, up->child_failures == 1 ? "" : "s",
				 tunnel_name_time(up->child_failed_ns, at));
		return true;
	}
	return false;
}

static void judge_up(const struct tunnels *t, const struct tunnel *tunnel, const struct tunnel_link *up,
		     uint64_t at_ns, struct tunnel_verdict *v)
{
	uint64_t used = later(last_esp(tunnel), up->established_ns);
	/* What was not looked at may have been there */
	uint64_t known_ns = at_ns < t->sa_ns ? at_ns : t->sa_ns;
	bool both = is_used(t, tunnel, SIDE_IN, at_ns) && is_used(t, tunnel, SIDE_OUT, at_ns);
	char traffic[80], at[NAME_TIME];

	if (judge_child(t, tunnel, up, at_ns, known_ns, v))
		return;
	v->state = used + t->limits.idle_ns < known_ns ? STATE_TUNNEL_IDLE : STATE_TUNNEL_UP;
	v->since_ns = v->state == STATE_TUNNEL_IDLE ? used : up->established_ns;
	v->confidence = (enum timeline_confidence)up->confidence;
	/* That there is a child SA is told by sizes alone until it is used */
	if (!last_esp(tunnel) && v->confidence == TIMELINE_CERTAIN)
		v->confidence = TIMELINE_LIKELY;
	if (both)
		v->confidence = TIMELINE_CERTAIN;
	v->link = up;
	if (up->waiting_ns)
		v->confidence = both ? TIMELINE_LIKELY : TIMELINE_POSSIBLE;
	if (!v->text)
		return;
	say_traffic(tunnel, traffic, sizeof(traffic));
	if (up->waiting_ns) {
		snprintf(v->evidence, sizeof(v->evidence),
			 "IKE request %u unanswered since %s UTC, sent again %u time%s; %s", up->waiting_id,
			 tunnel_name_time(up->waiting_ns, at), up->waiting_again,
			 up->waiting_again == 1 ? "" : "s", traffic);
	} else if (up->child_failures) {
		snprintf(v->evidence, sizeof(v->evidence),
			 "IKE SA established at %s UTC, but CREATE_CHILD_SA refused %u time%s; %s",
			 tunnel_name_time(up->established_ns, at), up->child_failures,
			 up->child_failures == 1 ? "" : "s", traffic);
	} else {
		snprintf(v->evidence, sizeof(v->evidence), "IKE SA established at %s UTC; %s",
			 tunnel_name_time(up->established_ns, at), traffic);
	}
}

/* Nothing but ESP to go by. */
static void judge_traffic(const struct tunnels *t, const struct tunnel *tunnel,
			  const struct tunnel_standing *s, uint64_t at_ns, struct tunnel_verdict *v)
{
	bool in = is_used(t, tunnel, SIDE_IN, at_ns), out = is_used(t, tunnel, SIDE_OUT, at_ns);
	char traffic[80];

	v->state = in || out ? STATE_TUNNEL_UP : STATE_TUNNEL_IDLE;
	v->confidence = in && out ? TIMELINE_LIKELY : TIMELINE_POSSIBLE;
	if (v->state == STATE_TUNNEL_IDLE)
		v->since_ns = last_esp(tunnel);
	else if (in && out)
		v->since_ns = later(tunnel->first_esp_ns[SIDE_IN], tunnel->first_esp_ns[SIDE_OUT]);
	else
		v->since_ns = tunnel->first_esp_ns[in ? SIDE_IN : SIDE_OUT];
	if (!v->text)
		return;
	say_traffic(tunnel, traffic, sizeof(traffic));
	snprintf(v->evidence, sizeof(v->evidence), "%s; %s", traffic,
		 s->ended ? "the IKE SA that was seen to end is not all" : "its IKE was not seen");
}

void tunnel_judge_ended(const struct tunnel_link *ended, struct tunnel_verdict *v)
{
	struct timeline_entry e;

	v->state = STATE_TUNNEL_DOWN;
	v->confidence = (enum timeline_confidence)ended->confidence;
	v->since_ns = ended->since_ns;
	v->cause = tunnel_cause_of(ended);
	v->link = ended;
	if (!v->text)
		return;
	memset(&e, 0, sizeof(e));
	tunnel_cause_explain(ended, &e);
	snprintf(v->evidence, sizeof(v->evidence), "%.*s", (int)sizeof(v->evidence) - 1, e.text);
}

/* ---- what the daemon or the kernel says ---- */

static bool is_standing(const struct tunnel_verdict *v)
{
	return v->state == STATE_TUNNEL_UP || v->state == STATE_TUNNEL_IDLE;
}

/* Until now. */
static bool stood(const struct tunnel *tunnel)
{
	return tunnel->judged && (tunnel->state == STATE_TUNNEL_UP || tunnel->state == STATE_TUNNEL_IDLE);
}

/* ESP went on both ways after that: what had lost its keys would send nothing. */
static bool outlives(const struct tunnel *tunnel)
{
	uint64_t over_ns = tunnel->word.since_ns + TUNNEL_SECOND;

	return tunnel->last_esp_ns[SIDE_IN] > over_ns && tunnel->last_esp_ns[SIDE_OUT] > over_ns;
}

/*
 * That something is gone, of a tunnel that seems to stand: a rekey has its moment without, what was on its way may tell why, and a
 * daemon that was restarted may have left its SAs to work on.
 */
static bool is_gone(const struct tunnels *t, const struct tunnel *tunnel, uint64_t at_ns)
{
	if (stood(tunnel) && at_ns < tunnel->word.since_ns + TUNNEL_SETTLE)
		return false;
	return !outlives(tunnel) || !is_used(t, tunnel, SIDE_IN, at_ns) ||
	       !is_used(t, tunnel, SIDE_OUT, at_ns);
}

/* When it went; what went on after that, when that was over. */
static uint64_t gone_at(const struct tunnel *tunnel)
{
	return outlives(tunnel) ? last_esp(tunnel) : tunnel->word.since_ns;
}

/* The IKE SA stands, and there is no child SA any more: nothing passes, until somebody makes one. */
static void lose_child(const struct tunnel *tunnel, const struct tunnel_link *up, uint64_t at_ns,
		       struct tunnel_verdict *v)
{
	const struct tunnel_word *word = &tunnel->word;
	bool refused = up && up->child_failures;
	char since[NAME_TIME], at[NAME_TIME];

	v->since_ns = gone_at(tunnel);
	v->link = up;
	v->cause = "";
	v->state = STATE_TUNNEL_DOWN;
	v->confidence = tunnel->kernel_asked || refused ? TIMELINE_CERTAIN : TIMELINE_LIKELY;
	if (refused)
		v->cause = up->child_failing_ns <= word->since_ns ? "child-rekey-failing" : "child-sa-failed";
	else if (!stood(tunnel) && at_ns < word->since_ns + TUNNEL_SETTLE)
		v->state = STATE_TUNNEL_NEGOTIATING; /* it comes up: the child SA is next */
	else if (tunnel->on_demand)
		v->state = STATE_TUNNEL_IDLE;
	if (!v->text)
		return;
	tunnel_name_time(v->since_ns, since);
	if (refused)
		snprintf(v->evidence, sizeof(v->evidence),
			 "%.60s, since %s UTC; CREATE_CHILD_SA refused %u time%s, the last at %s UTC",
			 tunnel->told_text, since, up->child_failures, up->child_failures == 1 ? "" : "s",
			 tunnel_name_time(up->child_failed_ns, at));
	else
		snprintf(v->evidence, sizeof(v->evidence), "%.60s, since %s UTC%s", tunnel->told_text, since,
			 v->state == STATE_TUNNEL_IDLE
				 ? "; the next packet that a policy is for will ask for one"
				 : "");
}

/* A daemon has the IKE SA, and no child SA of it. */
static void judge_ike_only(const struct tunnels *t, const struct tunnel *tunnel,
			   const struct tunnel_standing *s, uint64_t at_ns, struct tunnel_verdict *v)
{
	bool both = tunnel->kernel_sides == (1u << SIDE_IN | 1u << SIDE_OUT);

	if (v->state == STATE_TUNNEL_NEGOTIATING || both || (is_standing(v) && !is_gone(t, tunnel, at_ns)))
		return;
	v->origin = tunnel->word.by;
	if (is_standing(v) || !s->up)
		lose_child(tunnel, s->up, at_ns, v);
	else
		v->confidence = TIMELINE_CERTAIN; /* the wire said so, and why */
}

static void judge_down(const struct tunnels *t, const struct tunnel *tunnel, const struct tunnel_standing *s,
		       uint64_t at_ns, struct tunnel_verdict *v)
{
	if (v->state == STATE_TUNNEL_NEGOTIATING || (is_standing(v) && !is_gone(t, tunnel, at_ns)))
		return;
	v->confidence = TIMELINE_CERTAIN;
	v->origin = tunnel->word.by;
	if (is_standing(v) && tunnel->word.by == TIMELINE_FROM_KERNEL && s->up) {
		lose_child(tunnel, s->up, at_ns, v);
		return;
	}
	if (is_standing(v)) {
		v->state = STATE_TUNNEL_DOWN;
		v->since_ns = gone_at(tunnel);
		v->cause = "";
		v->link = NULL;
	}
	if (v->text && !v->link)
		snprintf(v->evidence, sizeof(v->evidence), "%s", tunnel->told_text);
}

/* What a daemon knows of its own outranks what the wire lets one guess, unless the wire has gone on since. */
static void judge_told(const struct tunnels *t, const struct tunnel *tunnel, const struct tunnel_standing *s,
		       uint64_t at_ns, struct tunnel_verdict *v)
{
	const struct tunnel_word *word = &tunnel->word;
	enum tunnel_told told = tunnel->told;

	/* Of a daemon that is away: what it had lost does not come back without it */
	if (told == TOLD_NOTHING && (word->what == TOLD_IKE_ONLY || word->what == TOLD_DOWN))
		told = word->what;
	if (told == TOLD_NOTHING || (s->up && s->up->since_ns > word->ns) ||
	    (s->ended && s->ended->since_ns > word->ns))
		return;
	switch (told) {
	case TOLD_IKE_ONLY:
		judge_ike_only(t, tunnel, s, at_ns, v);
		return;
	case TOLD_DOWN:
		judge_down(t, tunnel, s, at_ns, v);
		return;
	case TOLD_INSTALLED:
		/* The kernel keeps SAs whose peer died long ago */
		if (s->up || s->negotiating || s->ended || last_esp(tunnel))
			return;
		v->state = STATE_TUNNEL_IDLE;
		break;
	case TOLD_UP:
		if (is_standing(v)) {
			v->confidence = TIMELINE_CERTAIN;
			v->origin = word->by;
			return;
		}
		v->state = STATE_TUNNEL_UP;
		break;
	default:
		if (is_standing(v))
			return;
		v->state = STATE_TUNNEL_NEGOTIATING;
		break;
	}
	/* Not when what the wire had was lost */
	v->since_ns = later(v->since_ns < at_ns ? v->since_ns : 0, word->since_ns);
	v->confidence = TIMELINE_CERTAIN;
	v->origin = word->by;
	if (v->text)
		snprintf(v->evidence, sizeof(v->evidence), "%s", tunnel->told_text);
}

void tunnel_judge(const struct tunnels *t, const struct tunnel *tunnel, uint64_t at_ns, bool text,
		  struct tunnel_verdict *v)
{
	struct tunnel_standing s;
	bool both;

	tunnel_look_at_links(tunnel, &s);
	*v = (struct tunnel_verdict){
		.cause = "", .since_ns = at_ns, .origin = TIMELINE_FROM_WIRE, .text = text};
	both = is_used(t, tunnel, SIDE_IN, at_ns) && is_used(t, tunnel, SIDE_OUT, at_ns) &&
	       (!s.ended || goes_on(tunnel, s.ended->since_ns));
	if (s.up) {
		judge_up(t, tunnel, s.up, at_ns, v);
	} else if (both) {
		judge_traffic(t, tunnel, &s, at_ns, v);
	} else if (s.negotiating) {
		v->state = STATE_TUNNEL_NEGOTIATING;
		v->since_ns = s.negotiating->since_ns;
		v->confidence = (enum timeline_confidence)s.negotiating->confidence;
		v->link = s.negotiating;
		if (text)
			conversation_evidence(s.negotiating->sa, v->evidence, sizeof(v->evidence));
	} else if (s.ended) {
		tunnel_judge_ended(s.ended, v);
	} else if (last_esp(tunnel) && !(tunnel->judged && tunnel->state == STATE_TUNNEL_DOWN &&
					 last_esp(tunnel) <= tunnel->down_since_ns + TUNNEL_OVERLAP)) {
		judge_traffic(t, tunnel, &s, at_ns, v);
	} else if (tunnel->judged) {
		/* Nothing is left that tells more */
		v->state = tunnel->state;
		v->since_ns = tunnel->since_ns;
		v->confidence = tunnel->confidence;
		v->cause = tunnel->cause;
		if (text)
			snprintf(v->evidence, sizeof(v->evidence), "%s", tunnel->evidence);
	} else {
		v->confidence = TIMELINE_POSSIBLE;
		if (text)
			snprintf(v->evidence, sizeof(v->evidence), "neither IKE nor ESP seen");
	}
	judge_told(t, tunnel, &s, at_ns, v);
}
