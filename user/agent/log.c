// SPDX-License-Identifier: GPL-2.0-or-later
/* log.c - lines on stderr */
#include "agent/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void log_init(struct log *ret)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	*ret = (struct log){.terminal = isatty(STDERR_FILENO)};
	/* The variable is inherited by children whose stderr goes elsewhere: systemd.exec(5). */
	ret->journal = stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
		       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_line(const struct log *log, enum log_level level, const char *format, ...)
{
	char text[1024], when[32] = "";
	time_t now = time(NULL);
	struct tm tm;
	va_list args;
	char *c;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	if (log->journal)
		snprintf(when, sizeof(when), "<%d>", level);
	else if (!log->terminal && gmtime_r(&now, &tm))
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ ", &tm);
	fprintf(stderr, "%s%s%s\n", when,
		level == LOG_LEVEL_ERROR     ? "error: "
		: level == LOG_LEVEL_WARNING ? "warning: "
					     : "",
		text);
}
