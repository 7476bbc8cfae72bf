/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ui/progress.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "export/text.h"
#include "ui/format.h"

#define PROGRESS_AFTER 500000000ULL /* ns */
#define PROGRESS_EVERY 100000000ULL

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

void progress_begin(struct progress *p, FILE *out, unsigned int width)
{
	*p = (struct progress){.out = width >= 20 ? out : NULL, .width = width, .started = now_ns()};
}

static void draw(struct progress *p, const char *what, uint64_t done, uint64_t total, uint64_t seconds)
{
	unsigned int bar = p->width > 70 ? 30 : p->width / 4, percent = 0, filled = 0;
	struct text name = {0};
	char size[FORMAT_SIZE];
	char *clean;

	if (total) {
		if (done > total)
			done = total;
		percent = (unsigned int)(100.0 * (double)done / (double)total);
		filled = bar * percent / 100;
	}
	text_clean(&name, what);
	clean = text_take(&name, NULL);
	if (!clean)
		return;
	format_bytes(done, size);
	fputs("\r\033[K", p->out);
	if (total)
		fprintf(p->out, "[%.*s%*s] %3u%% ", (int)filled, "##############################",
			(int)(bar - filled), "", percent);
	fprintf(p->out, "%s, %llu s ", size, (unsigned long long)seconds);
	if (p->width > bar + 40)
		fprintf(p->out, "%.*s", format_fit(clean, p->width - bar - 40), clean);
	fflush(p->out);
	free(clean);
}

void progress_update(struct progress *p, const char *what, uint64_t done, uint64_t total)
{
	uint64_t now;

	if (!p->out)
		return;
	now = now_ns();
	if (now - p->started < PROGRESS_AFTER || now - p->drawn < PROGRESS_EVERY)
		return;
	p->drawn = now;
	draw(p, what, done, total, (now - p->started) / 1000000000U);
}

void progress_end(struct progress *p)
{
	if (p->out && p->drawn) {
		fputs("\r\033[K", p->out);
		fflush(p->out);
	}
	p->out = NULL;
}
