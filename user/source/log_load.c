// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/log_load.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "complain.h"
#include "source/capfile_internal.h"
#include "source/log_child.h"
#include "source/log_reader.h"

#define SECOND 1000000000ULL
#define PROGRESS_LINES 65536

int log_load_text(struct log_timeline *t, const char *name, const char *text, size_t length,
		  const struct log_load_options *options)
{
	const struct log_reader_options of = {
		.path = name, .reference_ns = options->now_ns, .year = options->year};
	const char *stop = text + length;
	struct log_reader *r;

	if (log_reader_open(t, &of, &r))
		return -ENOMEM;
	while (text < stop) {
		const char *newline = memchr(text, '\n', (size_t)(stop - text)),
			   *to = newline ? newline : stop;

		log_reader_line(r, text, (size_t)(to - text));
		text = to + 1;
	}
	log_reader_close(r);
	return t->failed ? -ENOMEM : 0;
}

/* One line of the input, without its end; false: there is none */
static bool next_line(struct capfile_input *in, const char **ret_line, size_t *ret_length, size_t *ret_used)
{
	size_t have = capfile_input_left(in), seen = 0;

	for (;;) {
		const uint8_t *at = capfile_input_at(in), *newline;

		newline = have > seen ? memchr(at + seen, '\n', have - seen) : NULL;
		if (newline || have >= LOG_LINE_MAX) {
			size_t length = newline ? (size_t)(newline - at) : LOG_LINE_MAX;

			*ret_line = (const char *)at;
			*ret_length = length < LOG_LINE_MAX ? length : LOG_LINE_MAX;
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

static void read_lines(struct log_timeline *t, struct log_reader *r, struct capfile_input *in,
		       const char *path, const struct log_load_options *options)
{
	bool rest = false; /* of a line that was too long */
	uint64_t count = 0;
	size_t length, used;
	const char *line;

	while (!t->failed && next_line(in, &line, &length, &used)) {
		bool ends = used > length || length < LOG_LINE_MAX;

		if (!rest)
			log_reader_line(r, line, length);
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

static int load_fd(struct log_timeline *t, int fd, const char *path, const struct log_load_options *options,
		   char *error, size_t error_size)
{
	struct log_reader_options of = {.path = path, .reference_ns = options->now_ns, .year = options->year};
	struct capfile_input in = {0};
	struct log_reader *r = NULL;
	struct stat st;
	int err;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_mtim.tv_sec > 0)
		of.reference_ns = (uint64_t)st.st_mtim.tv_sec * SECOND + (uint64_t)st.st_mtim.tv_nsec;
	err = capfile_input_fd(&in, fd, fd != STDIN_FILENO, 0);
	if (!err)
		err = capfile_input_detect_gzip(&in);
	if (!err)
		err = log_reader_open(t, &of, &r);
	if (err) {
		complain(error, error_size, err, "%s: %s", path, strerror(-err));
	} else {
		read_lines(t, r, &in, path, options);
		log_reader_close(r);
		err = t->failed ? complain(error, error_size, -ENOMEM, "%s: out of memory", path)
				: fault(&in, path, error, error_size);
	}
	capfile_input_close(&in);
	return err;
}

int log_load(struct log_timeline *t, const char *path, const struct log_load_options *options, char *error,
	     size_t error_size)
{
	int fd = STDIN_FILENO;

	if (strcmp(path, "-") != 0)
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return complain(error, error_size, -errno, "%s: %s", path, strerror(errno));
	return load_fd(t, fd, path, options, error, error_size);
}

static void on_journal_line(void *arg, const char *text, size_t length)
{
	log_reader_line(arg, text, length);
}

int log_load_journal(struct log_timeline *t, const char *unit, uint64_t since_ns,
		     const struct log_load_options *options, char *error, size_t error_size)
{
	const struct log_reader_options of = {.path = "-", .reference_ns = options->now_ns};
	struct log_child child = {.fd = -1};
	char said[LOG_CHILD_ERROR] = "";
	struct log_reader *r = NULL;
	uint64_t sum = 0;
	ssize_t n = 0;
	int err;

	err = log_reader_open(t, &of, &r);
	if (!err)
		err = log_child_start(&child, unit, since_ns, false);
	while (!err && n >= 0) {
		struct pollfd ready = {.fd = child.fd, .events = POLLIN};

		poll(&ready, 1, -1);
		n = log_child_read(&child, 1U << 20, on_journal_line, r, said);
		sum += n > 0 ? (uint64_t)n : 0;
		if (n > 0 && options->progress)
			options->progress(options->progress_arg, "systemd journal", sum, 0);
	}
	log_reader_close(r);
	log_child_free(&child);
	if (t->failed || err == -ENOMEM || n == -ENOMEM)
		return complain(error, error_size, -ENOMEM, "systemd journal: out of memory");
	if (err == -ENOENT)
		return complain(error, error_size, err,
				"systemd journal: there is no journalctl here: give its files");
	if (err || *said)
		return complain(error, error_size, err ? err : -EIO, "systemd journal%s%s: %s",
				*unit ? " of " : "", unit, err ? strerror(-err) : said);
	return 0;
}
