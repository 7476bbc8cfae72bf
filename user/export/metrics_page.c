// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/metrics_page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLICE 32768 /* bytes made at a time, at least; some tens of microseconds */

struct family {
	const char *name, *suffix;
	enum metrics_form form;
	size_t text_end;    /* of what stands before it, in texts */
	size_t samples_end; /* in samples */
};

struct sample {
	struct metrics_labels labels;
	uint64_t value;
};

struct metrics_page {
	struct text texts, labels;
	struct family *families;
	size_t family_count, family_capacity;
	struct sample *samples;
	size_t sample_count, sample_capacity;
	bool failed;
	/* While it is read */
	struct text slice;
	size_t given; /* of the slice */
	size_t family, text, sample;
};

/* ---- made */

struct metrics_page *metrics_page_new(void)
{
	return calloc(1, sizeof(struct metrics_page));
}

/* Room for one more of `size` bytes; false: no memory. */
static bool grow(struct metrics_page *p, void **list, size_t *capacity, size_t count, size_t size)
{
	size_t more = *capacity ? *capacity * 2 : 256;
	void *grown;

	if (p->failed || count < *capacity)
		return !p->failed;
	grown = realloc(*list, more * size);
	p->failed = !grown;
	if (!grown)
		return false;
	*list = grown;
	*capacity = more;
	return true;
}

struct text *metrics_page_text(struct metrics_page *p)
{
	return &p->texts;
}

void metrics_page_family(struct metrics_page *p, const char *name, const char *suffix, enum metrics_form form)
{
	void *list = p->families;

	if (!grow(p, &list, &p->family_capacity, p->family_count, sizeof(*p->families)))
		return;
	p->families = list;
	p->families[p->family_count++] = (struct family){.name = name,
							 .suffix = suffix,
							 .form = form,
							 .text_end = p->texts.length,
							 .samples_end = p->sample_count};
}

struct metrics_labels metrics_page_labels(struct metrics_page *p, const char *labels, size_t length)
{
	struct metrics_labels ret = {(uint32_t)p->labels.length, (uint32_t)length};

	if (p->labels.length + length > UINT32_MAX)
		p->failed = true;
	else
		text_append(&p->labels, labels, length);
	return ret;
}

void metrics_page_sample(struct metrics_page *p, struct metrics_labels labels, uint64_t value)
{
	void *list = p->samples;

	if (!grow(p, &list, &p->sample_capacity, p->sample_count, sizeof(*p->samples)))
		return;
	p->samples = list;
	p->samples[p->sample_count++] = (struct sample){labels, value};
	p->families[p->family_count - 1].samples_end = p->sample_count;
}

struct metrics_page *metrics_page_done(struct metrics_page *p)
{
	/* What stands after the last family is written as that of one without samples */
	metrics_page_family(p, "", "", METRICS_INTEGER);
	if (!p->failed && !p->texts.failed && !p->labels.failed)
		return p;
	metrics_page_free(p);
	errno = ENOMEM;
	return NULL;
}

void metrics_page_free(struct metrics_page *p)
{
	if (!p)
		return;
	text_free(&p->texts);
	text_free(&p->labels);
	text_free(&p->slice);
	free(p->families);
	free(p->samples);
	free(p);
}

/* ---- read */

static void write_billionths(struct text *t, uint64_t value)
{
	uint64_t rest = value % 1000000000U;

	text_unsigned(t, value / 1000000000U);
	text_char(t, '.');
	for (uint64_t place = 100000000; place; place /= 10)
		text_char(t, (char)('0' + rest / place % 10));
}

static void write_sample(struct metrics_page *p, const struct family *family, const struct sample *sample)
{
	struct text *t = &p->slice;

	text_string(t, family->name);
	text_string(t, family->suffix);
	if (sample->labels.length) {
		text_char(t, '{');
		text_append(t, p->labels.data + sample->labels.at, sample->labels.length);
		text_char(t, '}');
	}
	text_char(t, ' ');
	if (family->form == METRICS_BILLIONTHS)
		write_billionths(t, sample->value);
	else
		text_unsigned(t, sample->value);
	text_char(t, '\n');
}

/* The next slice; false: there is no more, or no memory. */
static bool make_slice(struct metrics_page *p)
{
	p->slice.length = 0;
	p->given = 0;
	for (; p->family < p->family_count && p->slice.length < SLICE; p->family++) {
		const struct family *family = &p->families[p->family];

		text_append(&p->slice, p->texts.data + p->text, family->text_end - p->text);
		p->text = family->text_end;
		for (; p->sample < family->samples_end; p->sample++) {
			if (p->slice.length >= SLICE)
				return !p->slice.failed;
			write_sample(p, family, &p->samples[p->sample]);
		}
	}
	return p->slice.length && !p->slice.failed;
}

ssize_t metrics_page_read(struct metrics_page *p, char *buffer, size_t size)
{
	size_t used = 0;

	while (used < size && (p->given < p->slice.length || make_slice(p))) {
		size_t n = p->slice.length - p->given;

		if (n > size - used)
			n = size - used;
		memcpy(buffer + used, p->slice.data + p->given, n);
		p->given += n;
		used += n;
	}
	return p->slice.failed ? -ENOMEM : (ssize_t)used;
}
