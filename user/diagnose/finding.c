// SPDX-License-Identifier: GPL-2.0-or-later
#include "diagnose/finding.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diagnose/catalogue.h"

static void failed(struct finding *f)
{
	f->list->failed = true;
}

static void *grown(void *list, size_t count, size_t *room, size_t size)
{
	size_t wanted = *room ? *room * 2 : 4;
	void *bigger;

	if (count < *room)
		return list;
	bigger = realloc(list, wanted * size);
	if (bigger)
		*room = wanted;
	return bigger;
}

struct finding *findings_add(struct findings *list, enum finding_id id)
{
	struct finding **bigger = grown(list->list, list->count, &list->room, sizeof(struct finding *));
	struct finding *f = calloc(1, sizeof(*f));

	if (bigger)
		list->list = bigger;
	if (!bigger || !f) {
		free(f);
		list->failed = true;
		return NULL;
	}
	f->id = id;
	f->severity = catalogue_row(id)->severity;
	f->confidence = CONFIDENCE_CERTAIN;
	f->list = list;
	list->list[list->count++] = f;
	return f;
}

struct finding *findings_find(const struct findings *list, enum finding_id id, const char *peer)
{
	for (size_t i = 0; i < list->count; i++) {
		struct finding *f = list->list[i];

		if (f->id == id && (!peer || strcmp(f->peer ? f->peer : "", peer) == 0))
			return f;
	}
	return NULL;
}

static void finding_free(struct finding *f)
{
	size_t i;

	for (i = 0; i < f->evidence_count; i++) {
		free(f->evidence[i].what);
		free(f->evidence[i].text);
	}
	for (i = 0; i < f->remedy_count; i++) {
		free(f->remedies[i].text);
		free(f->remedies[i].command);
	}
	for (i = 0; i < f->value_count; i++)
		free(f->values[i].value);
	free(f->evidence);
	free(f->remedies);
	free(f->tunnel);
	free(f->peer);
	free(f->interface);
	free(f->last_good);
	free(f->meaning);
	free(f->action);
	free(f);
}

void findings_remove(struct findings *list, struct finding *f)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->list[i] != f)
			continue;
		list->count--;
		memmove(&list->list[i], &list->list[i + 1], (list->count - i) * sizeof(struct finding *));
		finding_free(f);
		return;
	}
}

void findings_free(struct findings *list)
{
	for (size_t i = 0; i < list->count; i++)
		finding_free(list->list[i]);
	free(list->list);
	*list = (struct findings){0};
}

/* ---- what an engine says */

static void replace(struct finding *f, char **string, const char *with)
{
	char *copy = NULL;

	if (with && *with) {
		copy = strdup(with);
		if (!copy)
			failed(f);
	}
	free(*string);
	*string = copy;
}

void finding_tunnel(struct finding *f, const char *tunnel)
{
	if (f)
		replace(f, &f->tunnel, tunnel);
}

void finding_peer(struct finding *f, const char *peer)
{
	if (f)
		replace(f, &f->peer, peer);
}

void finding_interface(struct finding *f, const char *interface)
{
	if (f)
		replace(f, &f->interface, interface);
}

void finding_spi(struct finding *f, uint32_t spi)
{
	if (!f)
		return;
	f->spi = spi;
	f->has_spi = true;
}

void finding_last_good(struct finding *f, uint64_t at_ns, const char *what)
{
	if (!f)
		return;
	f->last_good_ns = at_ns;
	replace(f, &f->last_good, what);
}

static void set_value(struct finding *f, const char *key, char *value)
{
	size_t i;

	for (i = 0; i < f->value_count && strcmp(f->values[i].key, key) != 0; i++)
		;
	if (i == FINDING_VALUES) {
		free(value);
		return;
	}
	if (i == f->value_count)
		f->value_count++;
	else
		free(f->values[i].value);
	f->values[i] = (struct finding_value){.key = key, .value = value};
}

void finding_set(struct finding *f, const char *key, const char *format, ...)
{
	char *value = NULL;
	va_list args;

	if (!f)
		return;
	va_start(args, format);
	if (vasprintf(&value, format, args) < 0)
		failed(f);
	else
		set_value(f, key, value);
	va_end(args);
}

__attribute__((format(printf, 3, 0))) static void print_into(struct finding *f, char **at, const char *format,
							     va_list args)
{
	char *sentence = NULL;

	if (vasprintf(&sentence, format, args) < 0) {
		failed(f);
		return;
	}
	free(*at);
	*at = sentence;
}

void finding_say(struct finding *f, const char *format, ...)
{
	va_list args;

	if (!f)
		return;
	va_start(args, format);
	print_into(f, &f->meaning, format, args);
	va_end(args);
}

void finding_do(struct finding *f, const char *format, ...)
{
	va_list args;

	if (!f)
		return;
	va_start(args, format);
	print_into(f, &f->action, format, args);
	va_end(args);
}

void finding_spare(struct finding *f, enum finding_platform platform)
{
	if (f)
		f->unfit |= 1u << platform;
}

static struct finding_evidence *add_evidence(struct finding *f, enum finding_origin origin, uint64_t at_ns,
					     const char *what)
{
	struct finding_evidence *bigger, *e;
	char *copy;

	bigger = grown(f->evidence, f->evidence_count, &f->evidence_room, sizeof(*bigger));
	copy = strdup(what);
	if (bigger)
		f->evidence = bigger;
	if (!bigger || !copy) {
		free(copy);
		failed(f);
		return NULL;
	}
	e = &f->evidence[f->evidence_count++];
	*e = (struct finding_evidence){.what = copy, .at_ns = at_ns, .origin = origin};
	return e;
}

void finding_evidence(struct finding *f, enum finding_origin origin, uint64_t at_ns, const char *what,
		      const char *text)
{
	struct finding_evidence *e = f ? add_evidence(f, origin, at_ns, what) : NULL;

	if (e)
		replace(f, &e->text, text);
}

void finding_evidence_number(struct finding *f, enum finding_origin origin, uint64_t at_ns, const char *what,
			     uint64_t number)
{
	struct finding_evidence *e = f ? add_evidence(f, origin, at_ns, what) : NULL;

	if (!e)
		return;
	e->number = number;
	e->has_number = true;
}

void finding_explains(struct finding *f, enum finding_id consequence)
{
	if (!f || f->explains_count == FINDING_EXPLAINS)
		return;
	for (size_t i = 0; i < f->explains_count; i++)
		if (f->explains[i] == consequence)
			return;
	f->explains[f->explains_count++] = consequence;
}

/* ---- the sentences */

struct subject {
	const struct finding *f;
	char spi[11];
};

static const char *value_of(const void *arg, const char *key, size_t length)
{
	const struct subject *s = arg;
	const struct finding *f = s->f;
	const struct {
		const char *key, *value;
	} own[] = {
		{"peer", f->peer},
		{"tunnel", f->tunnel},
		{"interface", f->interface},
		{"spi", f->has_spi ? s->spi : NULL},
	};
	size_t i;

	/* What the engine has set is more particular than the subject */
	for (i = 0; i < f->value_count; i++)
		if (strlen(f->values[i].key) == length && memcmp(f->values[i].key, key, length) == 0)
			return f->values[i].value;
	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strlen(own[i].key) == length && memcmp(own[i].key, key, length) == 0)
			return own[i].value;
	return NULL;
}

/* NULL: no memory */
static char *sentence(const struct finding *f, const char *template, bool command)
{
	struct subject s = {.f = f};
	size_t size;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	snprintf(s.spi, sizeof(s.spi), "0x%08x", f->spi);
	catalogue_expand(out, template, command, value_of, &s);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

static void finish_remedies(struct finding *f)
{
	const struct catalogue_row *row = catalogue_row(f->id);

	if (f->remedies)
		return;
	f->remedies = calloc(row->remedy_count, sizeof(*f->remedies));
	if (!f->remedies) {
		failed(f);
		return;
	}
	for (size_t i = 0; i < row->remedy_count; i++) {
		const struct catalogue_remedy *from = &row->remedies[i];
		struct finding_remedy *to = &f->remedies[f->remedy_count];

		if (f->unfit & 1u << from->platform)
			continue;
		f->remedy_count++;
		to->platform = from->platform;
		to->text = sentence(f, from->text, false);
		to->command = from->command ? sentence(f, from->command, true) : NULL;
		if (!to->text || (from->command && !to->command))
			failed(f);
	}
}

static int compare(const void *a, const void *b)
{
	const struct finding *x = *(struct finding *const *)a, *y = *(struct finding *const *)b;

	if (x->severity != y->severity)
		return x->severity < y->severity ? 1 : -1;
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	if (x->since_ns != y->since_ns)
		return x->since_ns < y->since_ns ? -1 : 1;
	return strcmp(x->peer ? x->peer : "", y->peer ? y->peer : "");
}

int findings_finish(struct findings *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct finding *f = list->list[i];
		const struct catalogue_row *row = catalogue_row(f->id);

		if (!f->meaning)
			f->meaning = sentence(f, row->meaning, false);
		if (!f->action)
			f->action = sentence(f, row->action, false);
		if (!f->meaning || !f->action)
			failed(f);
		finish_remedies(f);
	}
	if (list->count)
		qsort(list->list, list->count, sizeof(struct finding *), compare);
	return list->failed ? -ENOMEM : 0;
}

/* ---- names */

const char *finding_severity_name(enum finding_severity severity)
{
	static const char *const names[SEVERITIES] = {"info", "warning", "critical"};

	return names[severity];
}

const char *finding_confidence_name(enum finding_confidence confidence)
{
	static const char *const names[CONFIDENCES] = {"possible", "likely", "certain"};

	return names[confidence];
}

const char *finding_origin_name(enum finding_origin origin)
{
	static const char *const names[ORIGINS] = {"wire", "kernel", "vici", "log", "probe", "peer"};

	return names[origin];
}

const char *finding_platform_name(enum finding_platform platform)
{
	static const char *const names[PLATFORMS] = {"linux", "strongswan", "cisco", "huawei", "isp"};

	return names[platform];
}

const char *finding_shape_name(enum finding_shape shape)
{
	static const char *const names[SHAPES] = {NULL, "never-up", "flap", "stays-down"};

	return names[shape];
}
