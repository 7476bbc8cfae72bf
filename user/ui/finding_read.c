// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/finding_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "diagnose/catalogue.h"
#include "ui/format.h"

static const char *string_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static uint64_t time_of(const json_t *object, const char *key)
{
	const char *text = string_of(object, key);

	return text ? format_parse_time(text) : 0;
}

/* The number of a name among `count`; 0 when it is none of them. */
static unsigned int index_of(const char *name, const char *(*name_of)(unsigned int i), unsigned int count)
{
	for (unsigned int i = 0; name && i < count; i++)
		if (name_of(i) && strcmp(name, name_of(i)) == 0)
			return i;
	return 0;
}

static const char *severity(unsigned int i)
{
	return finding_severity_name((enum finding_severity)i);
}

static const char *confidence(unsigned int i)
{
	return finding_confidence_name((enum finding_confidence)i);
}

static const char *origin(unsigned int i)
{
	return finding_origin_name((enum finding_origin)i);
}

static const char *platform(unsigned int i)
{
	return finding_platform_name((enum finding_platform)i);
}

static const char *shape(unsigned int i)
{
	return finding_shape_name((enum finding_shape)i);
}

/* A copy, or NULL for what is no string; *failed when there is no memory. */
static char *copy(const char *text, bool *failed)
{
	char *ret = text ? strdup(text) : NULL;

	*failed |= text && !ret;
	return ret;
}

static void read_subject(struct finding *f, const json_t *subject)
{
	const char *spi = string_of(subject, "spi");

	finding_tunnel(f, string_of(subject, "tunnel"));
	finding_peer(f, string_of(subject, "peer"));
	finding_interface(f, string_of(subject, "interface"));
	if (spi)
		finding_spi(f, (uint32_t)strtoul(spi, NULL, 16));
}

static void read_evidence(struct finding *f, json_t *array)
{
	json_t *e, *value;
	size_t i;

	json_array_foreach(array, i, e) {
		enum finding_origin from =
			(enum finding_origin)index_of(string_of(e, "origin"), origin, ORIGINS);
		const char *what = string_of(e, "what");

		value = json_object_get(e, "value");
		if (json_is_integer(value))
			finding_evidence_number(f, from, time_of(e, "at"), what ? what : "",
						(uint64_t)json_integer_value(value));
		else
			finding_evidence(f, from, time_of(e, "at"), what ? what : "",
					 json_string_value(value));
	}
}

static void read_remedies(struct finding *f, json_t *array, bool *failed)
{
	size_t i;
	json_t *r;

	f->remedies = calloc(json_array_size(array) + 1, sizeof(*f->remedies));
	if (!f->remedies) {
		*failed = true;
		return;
	}
	json_array_foreach(array, i, r) {
		const char *text = string_of(r, "text");
		struct finding_remedy *to = &f->remedies[f->remedy_count++];

		to->platform = (enum finding_platform)index_of(string_of(r, "platform"), platform, PLATFORMS);
		to->text = copy(text ? text : "", failed);
		to->command = copy(string_of(r, "command"), failed);
	}
}

static void read_one(struct findings *list, const json_t *object, enum finding_id id, bool *failed)
{
	struct finding *f = findings_add(list, id);
	const json_t *last_good = json_object_get(object, "last_good");
	const char *meaning = string_of(object, "meaning"), *action = string_of(object, "action");
	json_t *explained;
	size_t i;

	if (!f) {
		*failed = true;
		return;
	}
	f->severity = (enum finding_severity)index_of(string_of(object, "severity"), severity, SEVERITIES);
	f->confidence =
		(enum finding_confidence)index_of(string_of(object, "confidence"), confidence, CONFIDENCES);
	f->shape = (enum finding_shape)index_of(string_of(object, "shape"), shape, SHAPES);
	read_subject(f, json_object_get(object, "subject"));
	f->since_ns = time_of(object, "since");
	f->until_ns = time_of(object, "until");
	finding_last_good(f, time_of(last_good, "at"), string_of(last_good, "what"));
	f->meaning = copy(meaning ? meaning : "", failed);
	f->action = copy(action ? action : "", failed);
	json_array_foreach(json_object_get(object, "explains"), i, explained) {
		const char *name = json_string_value(explained);
		enum finding_id consequence = name ? catalogue_find(name) : FINDING_COUNT;

		if (consequence != FINDING_COUNT)
			finding_explains(f, consequence);
	}
	read_evidence(f, json_object_get(object, "evidence"));
	read_remedies(f, json_object_get(object, "remedies"), failed);
}

int finding_read(const json_t *array, struct findings *list, size_t *ret_unknown)
{
	bool failed = false;
	json_t *object;
	size_t i;

	json_array_foreach(array, i, object) {
		const char *name = string_of(object, "id");
		enum finding_id id = name ? catalogue_find(name) : FINDING_COUNT;

		if (id != FINDING_COUNT)
			read_one(list, object, id, &failed);
		else if (ret_unknown)
			++*ret_unknown;
	}
	return failed || list->failed ? -ENOMEM : 0;
}
