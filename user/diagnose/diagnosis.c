// SPDX-License-Identifier: GPL-2.0-or-later
/* diagnosis.c - the engine: rules in, findings raised and cleared out */
#include "diagnose/diagnosis.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "diagnose/diagnosis_internal.h"

/* ---- what rules call */

struct finding *rule_hit(struct rule_run *r, const struct rule_subject *subject, double value,
			 uint64_t samples)
{
	struct diagnosis *d = r->d;
	struct diagnosis_entry *entry;
	struct subject_key key;
	struct finding *f;

	if (value < r->row->clear || samples < r->row->samples)
		return NULL;
	subject_key_make(r, subject, &key);
	entry = diagnosis_entry(d, &key, value >= r->row->raise);
	if (!entry || (!entry->raised && value < r->row->raise))
		return NULL;
	entry->look = d->look;
	findings_free(&entry->fresh); /* a rule that hits one subject twice: the later is right */
	f = findings_add(&entry->fresh, r->row->id);
	if (!f) {
		d->no_memory = true;
		return NULL;
	}
	finding_tunnel(f, key.tunnel);
	finding_peer(f, key.peer);
	finding_interface(f, key.interface);
	if (key.has_spi)
		finding_spi(f, key.spi);
	return f;
}

static struct diagnosis_entry *entry_of(struct rule_run *r, const struct rule *row,
					const struct rule_subject *subject)
{
	struct rule_run other = {r->input, row, r->d};
	struct subject_key key;

	subject_key_make(&other, subject, &key);
	return diagnosis_entry(r->d, &key, false);
}

struct finding *rule_also(struct rule_run *r, const struct rule_subject *subject)
{
	for (const struct rule *row = r->d->rules; row < r->row; row++) {
		const struct diagnosis_entry *entry =
			row->id == r->row->id ? entry_of(r, row, subject) : NULL;

		if (entry && entry->look == r->d->look && entry->fresh.count)
			return entry->fresh.list[0];
	}
	return NULL;
}

bool rule_is_raised(struct rule_run *r, const struct rule_subject *subject)
{
	const struct diagnosis_entry *entry = entry_of(r, r->row, subject);

	return entry && entry->raised;
}

/* ---- from one look to the next */

static struct finding *held(const struct diagnosis_entry *entry)
{
	return entry->now.count ? entry->now.list[0] : NULL;
}

static void tell(const struct diagnosis *d, const struct finding *f, bool raised)
{
	if (d->change && f)
		d->change(d->change_arg, f, raised);
}

/* The rule held in this look. */
static void holds(struct diagnosis *d, struct diagnosis_entry *entry)
{
	const struct rule *row = &d->rules[entry->key.rule];
	struct finding *f;

	entry->false_ns = 0;
	if (!entry->true_ns)
		entry->true_ns = d->now_ns;
	if (entry->fresh.count && !entry->fresh.list[0]->since_ns) {
		f = held(entry);
		entry->fresh.list[0]->since_ns = f && f->since_ns ? f->since_ns : entry->true_ns;
	}
	if (findings_finish(&entry->fresh) != 0) {
		d->no_memory = true;
		return;
	}
	findings_free(&entry->now);
	entry->now = entry->fresh;
	memset(&entry->fresh, 0, sizeof(entry->fresh));
	for (size_t i = 0; i < entry->now.count; i++)
		entry->now.list[i]->list = &entry->now;
	if (entry->raised || d->now_ns - entry->true_ns < row->hold_s * DIAGNOSIS_SECOND)
		return;
	entry->raised = true;
}

static void keep_cleared(struct diagnosis *d, struct diagnosis_entry *entry)
{
	struct findings *place = &d->cleared[d->cleared_count % DIAGNOSIS_CLEARED];

	findings_free(place);
	*place = entry->now;
	memset(&entry->now, 0, sizeof(entry->now));
	for (size_t i = 0; i < place->count; i++)
		place->list[i]->list = place;
	d->cleared_count++;
	memmove(d->cleared_list + 1, d->cleared_list, (DIAGNOSIS_CLEARED - 1) * sizeof(struct finding *));
	d->cleared_list[0] = place->list[0];
	d->cleared_view.list = d->cleared_list;
	d->cleared_view.count =
		d->cleared_count < DIAGNOSIS_CLEARED ? (size_t)d->cleared_count : DIAGNOSIS_CLEARED;
}

/* The rule did not hold in this look. True: nothing is left of the entry. */
static bool ends(struct diagnosis *d, struct diagnosis_entry *entry)
{
	const struct rule *row = &d->rules[entry->key.rule];
	struct finding *f = held(entry);

	if (!entry->raised)
		return true;
	if (!entry->false_ns)
		entry->false_ns = d->now_ns;
	if (d->now_ns - entry->false_ns < row->calm_s * DIAGNOSIS_SECOND)
		return false;
	/* What a cause stood for all the time was never told. */
	if (f && entry->told) {
		f->until_ns = entry->false_ns;
		tell(d, f, false);
		keep_cleared(d, entry);
	}
	return true;
}

static void settle(struct diagnosis *d)
{
	for (size_t i = 0; i < DIAGNOSIS_BUCKETS; i++) {
		for (struct diagnosis_entry **at = &d->entries[i]; *at;) {
			struct diagnosis_entry *entry = *at;

			if (entry->look == d->look) {
				holds(d, entry);
			} else if (ends(d, entry)) {
				*at = entry->next;
				diagnosis_entry_free(entry);
				d->entry_count--;
				continue;
			}
			at = &entry->next;
		}
	}
}

/* ---- causes and consequences */

static bool same_case(const struct subject_key *cause, const struct subject_key *consequence)
{
	if (cause->tunnel[0] && consequence->tunnel[0])
		return strcmp(cause->tunnel, consequence->tunnel) == 0;
	if (cause->peer[0] && consequence->peer[0])
		return strcmp(cause->peer, consequence->peer) == 0;
	if (cause->tunnel[0] || cause->peer[0])
		return false;
	return !cause->interface[0] || !consequence->interface[0] ||
	       strcmp(cause->interface, consequence->interface) == 0;
}

static void suppress(struct diagnosis_entry **raised, size_t count, const struct diagnosis *d)
{
	for (size_t i = 0; i < count; i++) {
		raised[i]->suppressed = false;
		held(raised[i])->explains_count = 0;
	}
	for (size_t i = 0; i < count; i++) {
		enum finding_id id = d->rules[raised[i]->key.rule].id;

		for (size_t c = 0; c < rule_cause_count; c++) {
			if (rule_causes[c].cause != id)
				continue;
			for (size_t k = 0; k < count; k++) {
				if (d->rules[raised[k]->key.rule].id != rule_causes[c].consequence ||
				    k == i || !same_case(&raised[i]->key, &raised[k]->key))
					continue;
				raised[k]->suppressed = true;
				finding_explains(held(raised[i]), rule_causes[c].consequence);
			}
		}
		/* The same of another source, which began earlier: one of them is enough */
		for (size_t k = 0; k < count; k++)
			if (d->rules[raised[k]->key.rule].id == id &&
			    (d->rules[raised[k]->key.rule].needs & NEED_LOG) &&
			    !(d->rules[raised[i]->key.rule].needs & NEED_LOG) &&
			    same_case(&raised[i]->key, &raised[k]->key))
				raised[k]->suppressed = true;
	}
}

static int by_importance(const void *a, const void *b)
{
	const struct finding *const *x = a, *const *y = b;
	int order;

	if ((*x)->severity != (*y)->severity)
		return (*x)->severity > (*y)->severity ? -1 : 1;
	if ((*x)->id != (*y)->id)
		return (*x)->id < (*y)->id ? -1 : 1;
	order = strcmp((*x)->tunnel ? (*x)->tunnel : "", (*y)->tunnel ? (*y)->tunnel : "");
	return order ? order : strcmp((*x)->peer ? (*x)->peer : "", (*y)->peer ? (*y)->peer : "");
}

static int show(struct diagnosis *d)
{
	struct diagnosis_entry **raised;
	size_t count = 0;

	d->shown.count = 0;
	raised = calloc(d->entry_count ? d->entry_count : 1, sizeof(struct diagnosis_entry *));
	if (!raised)
		return -ENOMEM;
	for (size_t i = 0; i < DIAGNOSIS_BUCKETS; i++)
		for (struct diagnosis_entry *entry = d->entries[i]; entry; entry = entry->next)
			if (entry->raised && held(entry))
				raised[count++] = entry;
	suppress(raised, count, d);
	if (count > d->shown.room) {
		struct finding **more = realloc(d->shown.list, count * sizeof(struct finding *));

		if (!more) {
			free(raised);
			return -ENOMEM;
		}
		d->shown.list = more;
		d->shown.room = count;
	}
	for (size_t i = 0; i < count; i++) {
		if (raised[i]->suppressed)
			continue;
		d->shown.list[d->shown.count++] = held(raised[i]);
		if (raised[i]->told)
			continue;
		raised[i]->told = true;
		d->totals[held(raised[i])->id]++;
		tell(d, held(raised[i]), true);
	}
	free(raised);
	if (d->shown.count)
		qsort(d->shown.list, d->shown.count, sizeof(struct finding *), by_importance);
	return 0;
}

static unsigned int missing(const struct diagnose_input *input)
{
	unsigned int m = NEED_PEER;
	bool daemon = false, probe = false;

	for (size_t i = 0; i < input->daemon_count; i++)
		daemon |= input->daemons[i].available;
	for (size_t i = 0; i < input->path_count; i++)
		probe |= input->paths[i].probed;
	if (!input->live)
		m |= NEED_LIVE;
	if (!input->logs)
		m |= NEED_LOG;
	if (!input->kernel || !input->kernel->available)
		m |= NEED_KERNEL;
	if (!daemon)
		m |= NEED_DAEMON;
	if ((m & NEED_KERNEL) && (m & NEED_DAEMON))
		m |= NEED_PURPOSE;
	if (!input->firewall || !input->firewall->available)
		m |= NEED_FIREWALL;
	if (!input->host)
		m |= NEED_HOST;
	if (!probe)
		m |= NEED_PROBE;
	if (!input->state || !input->state->inner)
		m |= NEED_INNER;
	return m;
}

int diagnosis_update(struct diagnosis *d, const struct diagnose_input *input)
{
	d->look++;
	d->now_ns = input->now_ns;
	d->no_memory = false;
	d->missing = missing(input);
	if (diagnosis_remember(d, input) != 0)
		return -ENOMEM;
	for (size_t i = 0; i < d->rule_count; i++) {
		struct rule_run r = {input, &d->rules[i], d};

		if (!(d->rules[i].needs & d->missing))
			d->rules[i].run(&r);
	}
	diagnosis_forget(d, false);
	settle(d);
	return show(d) != 0 || d->no_memory ? -ENOMEM : 0;
}

/* ---- what it knows */

const struct findings *diagnosis_raised(const struct diagnosis *d)
{
	return &d->shown;
}

const struct findings *diagnosis_cleared(const struct diagnosis *d)
{
	return &d->cleared_view;
}

uint64_t diagnosis_raised_total(const struct diagnosis *d, enum finding_id id)
{
	return d->totals[id];
}

static bool has_row_without_log(const struct diagnosis *d, enum finding_id id)
{
	for (size_t i = 0; i < d->rule_count; i++)
		if (d->rules[i].id == id && !(d->rules[i].needs & NEED_LOG))
			return true;
	return false;
}

void diagnosis_undecided(const struct diagnosis *d,
			 void (*each)(void *arg, enum finding_id id, unsigned int missing), void *arg)
{
	bool decided[FINDING_COUNT] = {false};
	unsigned int lacks[FINDING_COUNT] = {0};

	for (size_t i = 0; i < d->rule_count; i++) {
		unsigned int lack = d->rules[i].needs & d->missing;

		/* Logs tell of what their daemon noticed: they add to other rows, and do not decide instead */
		if ((d->rules[i].needs & NEED_LOG) && has_row_without_log(d, d->rules[i].id))
			continue;
		if (!lack)
			decided[d->rules[i].id] = true;
		else
			lacks[d->rules[i].id] |= lack;
	}
	for (int id = 0; id < FINDING_COUNT; id++)
		if (!decided[id])
			each(arg, (enum finding_id)id, lacks[id]);
}

const char *diagnose_need_text(enum diagnose_need need)
{
	switch (need) {
	case NEED_LIVE:
		return "the agent on the gateway: a capture does not tell which end it was taken at";
	case NEED_KERNEL:
		return "the kernel's SAs and policies (XFRM): run the agent with CAP_NET_ADMIN on the "
		       "gateway";
	case NEED_DAEMON:
		return "the IKE daemon (VICI): start charon, and let the agent open its socket";
	case NEED_HOST:
		return "the host's own counters: run the agent on the gateway";
	case NEED_PROBE:
		return "a probe of the path: espial run --probe-interval 6h or --probe-on-finding yes; by "
		       "hand: "
		       "espial probe PEER";
	case NEED_PEER:
		return "espial at the other end: espial compare";
	case NEED_LOG:
		return "the logs of the IKE daemon: espial run --log-journal or --log-file, or espial "
		       "explain";
	case NEED_INNER:
		return "the inner interface: espial run --inner IFACE";
	case NEED_FIREWALL:
		return "the firewall's NAT rules: run the agent on the gateway, with --firewall yes, "
		       "CAP_NET_ADMIN, and "
		       "nft or iptables-save installed";
	case NEED_PURPOSE:
		return "which traffic an SA is for, from the kernel (XFRM) or the IKE daemon (VICI): run the "
		       "agent with "
		       "CAP_NET_ADMIN on the gateway, or let it open charon's socket";
	default:
		return "nothing";
	}
}

/* ---- start and end */

struct diagnosis *diagnosis_new_with(const struct rule *rules, size_t count)
{
	struct diagnosis *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->rules = rules;
	d->rule_count = count;
	return d;
}

struct diagnosis *diagnosis_new(void)
{
	return diagnosis_new_with(rule_table, rule_count);
}

void diagnosis_observe(struct diagnosis *d, void (*change)(void *arg, const struct finding *f, bool raised),
		       void *arg)
{
	d->change = change;
	d->change_arg = arg;
}

void diagnosis_free(struct diagnosis *d)
{
	if (!d)
		return;
	diagnosis_forget(d, true);
	for (size_t i = 0; i < DIAGNOSIS_BUCKETS; i++) {
		for (struct diagnosis_entry *entry = d->entries[i], *next; entry; entry = next) {
			next = entry->next;
			diagnosis_entry_free(entry);
		}
	}
	for (size_t i = 0; i < DIAGNOSIS_CLEARED; i++)
		findings_free(&d->cleared[i]);
	free(d->shown.list);
	free(d->pairs.slots);
	free(d->kernel_sas.slots);
	free(d->talks.slots);
	free(d);
}
