// SPDX-License-Identifier: GPL-2.0-or-later
/* timeline.c - names of what is in the timeline, and its evidence */
#include "model/timeline.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name, *help;
} kinds[TIMELINE_KINDS] = {
#define TIMELINE_KIND(symbol, name, help) [TIMELINE_##symbol] = {name, help},
#include "model/timeline.def"
};

const char *timeline_kind_name(enum timeline_kind kind)
{
	return kinds[kind].name;
}

const char *timeline_kind_help(enum timeline_kind kind)
{
	return kinds[kind].help;
}

int timeline_kind_find(const char *name)
{
	for (int i = 0; i < TIMELINE_KINDS; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return i;
	return -1;
}

const char *timeline_severity_name(enum timeline_severity severity)
{
	static const char *const names[] = {
		[TIMELINE_INFO] = "info", [TIMELINE_WARNING] = "warning", [TIMELINE_CRITICAL] = "critical"};

	return names[severity];
}

const char *timeline_confidence_name(enum timeline_confidence confidence)
{
	static const char *const names[] = {[TIMELINE_POSSIBLE] = "possible",
					    [TIMELINE_LIKELY] = "likely",
					    [TIMELINE_CERTAIN] = "certain"};

	return names[confidence];
}

const char *timeline_origin_name(enum timeline_origin origin)
{
	static const char *const names[TIMELINE_FROM_COUNT] = {
		[TIMELINE_FROM_WIRE] = "wire",	 [TIMELINE_FROM_KERNEL] = "kernel",
		[TIMELINE_FROM_VICI] = "vici",	 [TIMELINE_FROM_LOG] = "log",
		[TIMELINE_FROM_PROBE] = "probe", [TIMELINE_FROM_PEER] = "peer",
		[TIMELINE_FROM_SELF] = "espial",
	};

	return names[origin];
}

void timeline_evidence_add(struct timeline_entry *entry, enum timeline_origin origin, uint64_t at_ns,
			   const char *what, const char *format, ...)
{
	struct timeline_evidence *e;
	va_list arguments;

	if (entry->evidence_count >= TIMELINE_EVIDENCE)
		return;
	e = &entry->evidence[entry->evidence_count++];
	e->at_ns = at_ns;
	e->origin = origin;
	snprintf(e->what, sizeof(e->what), "%s", what);
	va_start(arguments, format);
	vsnprintf(e->value, sizeof(e->value), format, arguments);
	va_end(arguments);
}
