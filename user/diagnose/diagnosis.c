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

void rule_over(struct rule_run *r, const struct rule_subject *subject)
{
	struct diagnosis_entry *entry = r->d->entry_count ? entry_of(r, r->row, subject) : NULL;

	if (entry)
		entry->over = r->d->look;
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
	/* What it holds by may move on; that it holds began when it was raised, or before. */
	f = held(entry);
	if (entry->raised && f && f->since_ns && f->since_ns < entry->fresh.list[0]->since_ns)
		entry->fresh.list[0]->since_ns = f->since_ns;
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

/* The rule did not hold in this look. True: nothing is left of the entry. */
static bool ends(struct diagnosis *d, const struct diagnose_input *input, struct diagnosis_entry *entry)
{
	const struct rule *row = &d->rules[entry->key.rule];
	struct finding *f = held(entry);

	if (!entry->raised)
		return true;
	if (!entry->false_ns)
		entry->false_ns = d->now_ns;
	if (f)
		diagnosis_reshape(input, f);
	if (entry->over != d->look && d->now_ns - entry->false_ns < row->calm_s * DIAGNOSIS_SECOND)
		return false;
	/* What a cause stood for all the time was never told. */
	if (f && entry->told) {
		f->until_ns = entry->false_ns;
		tell(d, f, false);
		diagnosis_keep_cleared(d, &entry->now);
	}
	return true;
}

static void settle(struct diagnosis *d, const struct diagnose_input *input)
{
	for (size_t i = 0; i < DIAGNOSIS_BUCKETS; i++) {
		for (struct diagnosis_entry **at = &d->entries[i]; *at;) {
			struct diagnosis_entry *entry = *at;

			if (entry->look == d->look) {
				holds(d, entry);
			} else if (ends(d, input, entry)) {
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

int diagnosis_update(struct diagnosis *d, const struct diagnose_input *input)
{
	d->look++;
	d->now_ns = input->now_ns;
	d->no_memory = false;
	if (diagnosis_remember(d, input) != 0 || diagnosis_progress(d, input) != 0)
		return -ENOMEM;
	d->missing = diagnosis_missing(d, input);
	for (size_t i = 0; i < d->rule_count; i++) {
		struct rule_run r = {input, &d->rules[i], d};

		if (!(d->rules[i].needs & d->missing))
			d->rules[i].run(&r);
	}
	diagnosis_forget(d, false);
	settle(d, input);
	diagnosis_review_cleared(d, input);
	return show(d) != 0 || d->no_memory ? -ENOMEM : 0;
}

/* ---- what it knows */

const struct findings *diagnosis_raised(const struct diagnosis *d)
{
	return &d->shown;
}

uint64_t diagnosis_raised_total(const struct diagnosis *d, enum finding_id id)
{
	return d->totals[id];
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
	free(d->progress);
	free(d);
}
