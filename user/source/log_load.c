// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/log_load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "complain.h"
#include "source/capfile_internal.h"
#include "source/log_line.h"

#define LINE_MAX_BYTES 65536U /* of longer lines the rest is passed over */
#define SECOND 1000000000ULL
#define DAY_NS (86400 * SECOND)
#define PROGRESS_LINES 65536

/* Lines that say only the time of day, while their file is read */
struct daytime {
	size_t first;  /* event */
	uint64_t days; /* midnights that were passed */
	uint64_t last_ns;
	bool any;
};

struct load {
	struct log_timeline *t;
	struct log_parser parser;
	struct log_span host;
	struct daytime daytime;
};

/* charon.log, charon.log.1, charon.log.2.gz, charon.log-20260301: one and the same */
static struct log_span host_of(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *end = name + strlen(name);
	const char *dot;

	if (strcmp(path, "-") == 0)
		return (struct log_span){0};
	if (end - name > 3 && strcmp(end - 3, ".gz") == 0)
		end -= 3;
	for (dot = end; dot > name && dot[-1] >= '0' && dot[-1] <= '9'; dot--)
		;
	if (dot > name + 1 && dot < end && (dot[-1] == '.' || dot[-1] == '-'))
		end = dot - 1;
	if (end - name > 4 && memcmp(end - 4, ".log", 4) == 0)
		end -= 4;
	return (struct log_span){name, (size_t)(end - name)};
}

/*
 * A time of day becomes a moment in two steps: here it is counted from the midnight before the file began, at its end all are
 * shifted. A clock that goes back by half a day passed midnight; by less, the line is late.
 */
static void count_days(struct daytime *d, struct log_line *line)
{
	if (!d->any)
		d->days = 1;
	else if (line->clock_ns + DAY_NS / 2 < d->last_ns)
		d->days++;
	d->any = true;
	d->last_ns = line->clock_ns;
	line->at_ns = d->days * DAY_NS + line->clock_ns;
}

static void load_line(struct load *l, const char *text, size_t length)
{
	struct log_line line;

	log_line_parse(&l->parser, text, length, &line);
	if (line.has_clock)
		count_days(&l->daytime, &line);
	log_timeline_add(l->t, &line, l->host);
}

/* The last line was written on the day of the reference, or on the one before */
static void end_daytime(struct load *l)
{
	time_t reference = (time_t)(l->parser.clock.reference_ns / SECOND);
	const struct daytime *d = &l->daytime;
	uint64_t midnight, clock;
	struct tm tm;

	if (!d->any || !localtime_r(&reference, &tm))
		return;
	clock = (uint64_t)(tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec) * SECOND;
	midnight = l->parser.clock.reference_ns - clock - l->parser.clock.reference_ns % SECOND;
	/* A minute of grace: a file may be written to before its time changes */
	if (d->last_ns > clock + 60 * SECOND)
		midnight -= DAY_NS;
	if (midnight / DAY_NS <= d->days)
		return;
	for (size_t i = d->first; i < l->t->count; i++) {
		struct log_event *e = &l->t->events[i];

		e->order_ns += e->order_ns ? midnight - d->days * DAY_NS : 0;
		e->at_ns += e->at_ns ? midnight - d->days * DAY_NS : 0;
	}
}

static int begin(struct load **ret, struct log_timeline *t, const char *path, uint64_t reference_ns,
		 const struct log_load_options *options)
{
	struct load *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->t = t;
	l->host = host_of(path);
	l->parser.clock.reference_ns = reference_ns;
	l->parser.clock.year = options->year;
	l->daytime.first = t->count;
	log_timeline_begin_file(t);
	*ret = l;
	return 0;
}

static void end(struct load *l)
{
	end_daytime(l);
	free(l);
}

int log_load_text(struct log_timeline *t, const char *name, const char *text, size_t length,
		  const struct log_load_options *options)
{
	const char *stop = text + length;
	struct load *l;

	if (begin(&l, t, name, options->now_ns, options))
		return -ENOMEM;
	while (text < stop) {
		const char *newline = memchr(text, '\n', (size_t)(stop - text)),
			   *to = newline ? newline : stop;
		size_t size = (size_t)(to - text);

		load_line(l, text, size < LINE_MAX_BYTES ? size : LINE_MAX_BYTES);
		text = to + 1;
	}
	end(l);
	return t->failed ? -ENOMEM : 0;
}

/* One line of the input, without its end; false: there is none */
static bool next_line(struct capfile_input *in, const char **ret_line, size_t *ret_length, size_t *ret_used)
{
	size_t have = capfile_input_left(in), seen = 0;

	for (;;) {
		const uint8_t *at = capfile_input_at(in), *newline;

		newline = have > seen ? memchr(at + seen, '\n', have - seen) : NULL;
		if (newline || have >= LINE_MAX_BYTES) {
			size_t length = newline ? (size_t)(newline - at) : LINE_MAX_BYTES;

			*ret_line = (const char *)at;
			*ret_length = length < LINE_MAX_BYTES ? length : LINE_MAX_BYTES;
			*ret_used = newline ? length + 1 : length;
			return true;
		}
		seen = have;
		if (!capfile_input_have(in, have + 1)) {
			*ret_line = (const char *)capfile_input_at(in);
			*ret_length = *ret_used = capfile_input_left(in);
			return *ret_length != 0;
		}
		have = capfile_input_left(in);
	}
}

static void read_lines(struct load *l, struct capfile_input *in, const char *path,
		       const struct log_load_options *options)
{
	bool rest = false; /* of a line that was too long */
	uint64_t count = 0;
	size_t length, used;
	const char *line;

	while (!l->t->failed && next_line(in, &line, &length, &used)) {
		bool ends = used > length || length < LINE_MAX_BYTES;

		if (!rest)
			load_line(l, line, length);
		rest = !ends;
		in->pos += used;
		if (options->progress && ++count % PROGRESS_LINES == 0)
			options->progress(options->progress_arg, path, in->raw, in->size);
	}
}

static int fault(const struct capfile_input *in, const char *path, char *error, size_t size)
{
	if (!in->err)
		return 0;
	if (in->fault == CAPFILE_FAULT_GZIP_TRUNCATED)
		return complain(error, size, in->err,
				"%s: the compressed file is cut off; what is before that was read", path);
	if (in->fault == CAPFILE_FAULT_GZIP)
		return complain(error, size, in->err,
				"%s: the compressed file is damaged; what is before that was read", path);
	return complain(error, size, in->err, "%s: %s", path, strerror(-in->err));
}

int log_load(struct log_timeline *t, const char *path, const struct log_load_options *options, char *error,
	     size_t error_size)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), err;
	uint64_t reference = options->now_ns;
	struct capfile_input in = {0};
	struct load *l = NULL;
	struct stat st;

	if (fd < 0)
		return complain(error, error_size, -errno, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_mtim.tv_sec > 0)
		reference = (uint64_t)st.st_mtim.tv_sec * SECOND + (uint64_t)st.st_mtim.tv_nsec;
	err = capfile_input_fd(&in, fd, !standard, 0);
	if (!err)
		err = capfile_input_detect_gzip(&in);
	if (!err)
		err = begin(&l, t, path, reference, options);
	if (err) {
		complain(error, error_size, err, "%s: %s", path, strerror(-err));
	} else {
		read_lines(l, &in, path, options);
		end(l);
		err = t->failed ? complain(error, error_size, -ENOMEM, "%s: out of memory", path)
				: fault(&in, path, error, error_size);
	}
	capfile_input_close(&in);
	return err;
}
