// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/log_follow.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/log_child.h"
#include "source/log_load.h"
#include "source/log_reader.h"
#include "source/log_tail.h"

#define SECOND UINT64_C(1000000000)
#define AGAIN_NS (10 * SECOND)	/* until a journalctl that failed is followed by another */
#define ABSENT_NS (10 * SECOND) /* a file may be away for so long while it is rotated */
#define PORTION (4U << 20)	/* bytes of one source at a time */

/* One source: a file, or the journal */
struct feed {
	struct log_tail tail;	/* path NULL: the journal */
	struct log_child child; /* of this unit: */
	const char *unit;
	struct log_reader *reader;
	uint64_t began_ns, failed_ns; /* 0: it can be read */
	bool told;
};

struct log_follow {
	struct log_follow_options options;
	struct log_timeline t;
	struct feed *feeds;
	size_t count;
	uint64_t recognised; /* at the last look */
};

static void tell(const struct log_follow *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void tell(const struct log_follow *f, const char *format, ...)
{
	char line[512];
	va_list ap;

	if (!f->options.tell)
		return;
	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	f->options.tell(f->options.arg, line);
}

static void on_line(void *arg, const char *text, size_t length)
{
	log_reader_line(arg, text, length);
}

/* ---- start and end */

static bool is_gzip(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	unsigned char magic[2] = {0};
	ssize_t n = fd < 0 ? -1 : pread(fd, magic, sizeof(magic), 0);

	if (fd >= 0)
		close(fd);
	return n == 2 && magic[0] == 0x1f && magic[1] == 0x8b;
}

/* What is compressed is complete: it is read once. */
static void load_gzip(struct log_follow *f, const char *path, uint64_t now_ns)
{
	const struct log_load_options load = {.now_ns = now_ns, .year = f->options.year};
	char error[LOG_LOAD_ERROR];

	if (log_load(&f->t, path, &load, error, sizeof(error)) != 0)
		tell(f, "%s", error);
}

static int open_reader(struct log_follow *f, struct feed *feed, const char *path, uint64_t reference_ns)
{
	const struct log_reader_options of = {.path = path,
					      .reference_ns = reference_ns,
					      .oldest_ns = f->options.oldest_ns,
					      .year = f->options.year};

	return log_reader_open(&f->t, &of, &feed->reader);
}

/* All that is there now, with the time of the file for what lines leave out. */
static int open_file(struct log_follow *f, struct feed *feed, const char *path, uint64_t now_ns)
{
	uint64_t reference = now_ns;
	struct stat st;
	int err;

	err = log_tail_open(&feed->tail, path, (off_t)f->options.most_past);
	if (err)
		return err;
	if (feed->tail.fd >= 0 && fstat(feed->tail.fd, &st) == 0)
		reference = (uint64_t)st.st_mtim.tv_sec * SECOND + (uint64_t)st.st_mtim.tv_nsec;
	err = open_reader(f, feed, path, reference);
	if (err || feed->tail.fd < 0)
		return err;
	while (log_tail_read(&feed->tail, PORTION, on_line, feed->reader) > 0)
		;
	return f->t.failed ? -ENOMEM : 0;
}

int log_follow_open(const struct log_follow_options *options, uint64_t now_ns, struct log_follow **ret)
{
	struct log_follow *f = calloc(1, sizeof(*f));
	int err = -ENOMEM;

	if (!f)
		return -ENOMEM;
	f->options = *options;
	f->feeds = calloc(options->file_count + options->unit_count + 1, sizeof(*f->feeds));
	if (!f->feeds || log_timeline_init(&f->t, NULL) != 0)
		goto failed;
	for (size_t i = 0; i < options->file_count; i++) {
		if (is_gzip(options->files[i])) {
			load_gzip(f, options->files[i], now_ns);
			continue;
		}
		f->feeds[f->count].child.fd = f->feeds[f->count].tail.fd = -1;
		f->count++;
		err = open_file(f, &f->feeds[f->count - 1], options->files[i], now_ns);
		if (err)
			goto failed;
	}
	for (size_t i = 0; i < options->unit_count; i++) {
		struct feed *feed = &f->feeds[f->count++];

		feed->child.fd = feed->tail.fd = -1;
		feed->unit = options->units[i];
		err = open_reader(f, feed, "-", now_ns);
		if (err)
			goto failed;
	}
	*ret = f;
	return 0;
failed:
	log_follow_close(f);
	return err;
}

void log_follow_close(struct log_follow *f)
{
	if (!f)
		return;
	for (size_t i = 0; f->feeds && i < f->count; i++) {
		log_tail_close(&f->feeds[i].tail);
		log_child_free(&f->feeds[i].child);
		log_reader_close(f->feeds[i].reader);
	}
	free(f->feeds);
	log_timeline_destroy(&f->t);
	free(f);
}

/* ---- going on */

/* Told once, until it can be read again. */
static void fails(struct log_follow *f, struct feed *feed, uint64_t now_ns, uint64_t patience_ns,
		  const char *why)
{
	if (!feed->failed_ns)
		feed->failed_ns = now_ns;
	if (feed->told || now_ns - feed->failed_ns < patience_ns)
		return;
	feed->told = true;
	if (feed->unit)
		tell(f, "systemd journal%s%s: %s: tried again every %u s", *feed->unit ? " of " : "",
		     feed->unit, why, (unsigned int)(AGAIN_NS / SECOND));
	else
		tell(f, "%s: %s: its lines are missing until it can be read", feed->tail.path, why);
}

static void works(struct log_follow *f, struct feed *feed)
{
	if (feed->told)
		tell(f, "%s%s: is read again", feed->unit ? "systemd journal " : "",
		     feed->unit ? feed->unit : feed->tail.path);
	feed->told = false;
	feed->failed_ns = 0;
}

static void read_file(struct log_follow *f, struct feed *feed, uint64_t now_ns)
{
	ssize_t n = log_tail_read(&feed->tail, PORTION, on_line, feed->reader);

	if (n >= 0)
		works(f, feed);
	else
		fails(f, feed, now_ns, n == -ENOENT ? ABSENT_NS : 0, strerror((int)-n));
}

static void read_journal(struct log_follow *f, struct feed *feed, uint64_t now_ns)
{
	char error[LOG_CHILD_ERROR];
	ssize_t n;
	int err;

	if (!feed->child.pid) {
		if (feed->began_ns && now_ns - feed->began_ns < AGAIN_NS)
			return;
		feed->began_ns = now_ns;
		err = log_child_start(&feed->child, feed->unit, f->options.oldest_ns, true);
		if (err) {
			fails(f, feed, now_ns, 0,
			      err == -ENOENT ? "there is no journalctl here" : strerror(-err));
			return;
		}
	}
	n = log_child_read(&feed->child, PORTION, on_line, feed->reader, error);
	if (n > 0)
		works(f, feed);
	else if (n == -EPIPE)
		fails(f, feed, now_ns, 0, *error ? error : "journalctl ended");
}

bool log_follow_read(struct log_follow *f, uint64_t now_ns)
{
	bool news;

	/* Without memory to let go with, it stays a little longer */
	(void)log_timeline_trim(&f->t, f->options.most_events, f->options.most_bytes);
	for (size_t i = 0; i < f->count; i++) {
		struct feed *feed = &f->feeds[i];

		log_reader_now(feed->reader, now_ns);
		if (feed->unit)
			read_journal(f, feed, now_ns);
		else
			read_file(f, feed, now_ns);
	}
	news = f->t.recognised != f->recognised;
	f->recognised = f->t.recognised;
	return news;
}

void log_follow_wait(const struct log_follow *f, int fd, int timeout_ms)
{
	struct pollfd fds[16];
	nfds_t count = 0;

	if (fd >= 0)
		fds[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
	for (size_t i = 0; i < f->count && count < sizeof(fds) / sizeof(fds[0]); i++)
		if (f->feeds[i].child.fd >= 0)
			fds[count++] = (struct pollfd){.fd = f->feeds[i].child.fd, .events = POLLIN};
	poll(fds, count, timeout_ms);
}

int log_follow_view(const struct log_follow *f, struct log_timeline *ret)
{
	int err = log_timeline_view(&f->t, ret);

	if (err)
		return err;
	err = log_timeline_finish(ret);
	if (err)
		log_timeline_destroy(ret);
	return err;
}

void log_follow_stats(const struct log_follow *f, struct log_follow_stats *ret)
{
	*ret = (struct log_follow_stats){
		.lines = f->t.lines, .recognised = f->t.recognised, .forgotten = f->t.forgotten};
	for (size_t i = 0; i < f->count; i++)
		ret->missing += f->feeds[i].failed_ns != 0;
}
