// SPDX-License-Identifier: GPL-2.0-or-later
#include "diagnose/log_diagnose.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diagnose/log_case.h"

/* Which conversation each finding is of, while both ends of one are looked for */
struct origin {
	const struct finding *finding;
	const struct log_conversation *conversation;
	bool particular;
};

static bool is_wanted(const struct log_timeline *t, const struct log_conversation *v,
		      const struct log_diagnose_options *options)
{
	return !options->peer || strcmp(log_text(t, v->peer), options->peer) == 0;
}

static void follow(struct log_case *c, const struct log_diagnose_options *options)
{
	const struct log_timeline *t = c->t;
	uint64_t end = options->now_ns > t->last_ns ? options->now_ns : t->last_ns;

	if (options->until_ns && options->until_ns < end)
		end = options->until_ns;
	for (size_t i = 0; i < c->conversation->count; i++) {
		const struct log_event *e = &t->events[c->conversation->events[i]];

		if (options->until_ns && e->at_ns > options->until_ns)
			break;
		c->at = i;
		case_follow(c, e);
	}
	c->end_ns = end;
	case_end(c, end);
}

/* The same fault, seen from the other end? */
static bool mirror(const struct origin *a, const struct origin *b)
{
	const struct log_conversation *x = a->conversation, *y = b->conversation;
	const struct finding *f = a->finding, *g = b->finding;

	return f->id == g->id && x->host != y->host && x->peer && y->peer && x->peer == y->local &&
	       y->peer == x->local;
}

/* Lines of the other end, as evidence of this one */
static void absorb(struct finding *into, const struct finding *from)
{
	for (size_t i = 0; i < from->evidence_count; i++) {
		const struct finding_evidence *e = &from->evidence[i];
		char what[96];

		snprintf(what, sizeof(what), "at the other end, %s", e->what);
		if (e->has_number)
			finding_evidence_number(into, ORIGIN_LOG, e->at_ns, what, e->number);
		else
			finding_evidence(into, ORIGIN_LOG, e->at_ns, what, e->text);
	}
	if (!into->tunnel)
		finding_tunnel(into, from->tunnel);
	if (from->since_ns && (!into->since_ns || from->since_ns < into->since_ns))
		into->since_ns = from->since_ns;
	if (from->confidence > into->confidence)
		into->confidence = from->confidence;
}

static void join_ends(struct findings *list, struct origin *origins, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t k = i + 1; k < count && origins[i].finding; k++) {
			struct origin *keep = &origins[i], *drop = &origins[k], swap;

			if (!drop->finding || !mirror(keep, drop))
				continue;
			/* The one that knows more */
			if (drop->particular && !keep->particular) {
				swap = *keep;
				*keep = *drop;
				*drop = swap;
			}
			absorb((struct finding *)keep->finding, drop->finding);
			findings_remove(list, (struct finding *)drop->finding);
			drop->finding = NULL;
		}
	}
}

int log_diagnose(const struct log_timeline *t, const struct log_diagnose_options *options,
		 struct findings *ret)
{
	struct log_case *c = malloc(sizeof(*c));
	struct origin *origins = NULL;
	size_t count = 0, room = 0;
	int err = -ENOMEM;

	if (!c)
		return -ENOMEM;
	for (size_t i = 0; i < t->conversation_count; i++) {
		const struct log_conversation *v = &t->conversations[i];
		size_t before = ret->count;

		if (!is_wanted(t, v, options))
			continue;
		memset(c, 0, sizeof(*c));
		c->t = t;
		c->conversation = v;
		c->told = c->fall_cause = FINDING_COUNT;
		follow(c, options);
		case_tell(c, ret, options);
		if (ret->count > room) {
			struct origin *more = realloc(origins, (ret->count + 64) * sizeof(*more));

			if (!more)
				goto out;
			origins = more;
			room = ret->count + 64;
		}
		for (; before < ret->count; before++)
			origins[count++] = (struct origin){ret->list[before], v,
							   c->ailments[ret->list[before]->id].particular};
	}
	/* Pairs of all: only worth while there are logs of several hosts, and not for thousands */
	if (count < 5000)
		join_ends(ret, origins, count);
	err = findings_finish(ret);
out:
	free(origins);
	free(c);
	return err;
}
