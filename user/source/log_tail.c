// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/log_tail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/log_reader.h"

#define BLOCK 65536

/* ---- lines */

static void give(struct log_splitter *s, const char *text, size_t length, log_line_fn line, void *arg)
{
	if (!s->skip)
		line(arg, text, length);
	s->skip = false;
	s->used = 0;
}

/* Keeps the beginning of a line; of one that is too long, gives what fits. */
static int keep(struct log_splitter *s, const char *bytes, size_t size, log_line_fn line, void *arg)
{
	size_t fits = LOG_LINE_MAX - s->used;

	if (s->skip || !size)
		return 0;
	if (!s->rest)
		s->rest = malloc(LOG_LINE_MAX);
	if (!s->rest)
		return -ENOMEM;
	fits = size < fits ? size : fits;
	memcpy(s->rest + s->used, bytes, fits);
	s->used += fits;
	if (s->used == LOG_LINE_MAX) {
		give(s, s->rest, s->used, line, arg);
		s->skip = true;
	}
	return 0;
}

int log_split(struct log_splitter *s, const char *bytes, size_t size, log_line_fn line, void *arg)
{
	const char *end = bytes + size, *newline;

	while (bytes < end && (newline = memchr(bytes, '\n', (size_t)(end - bytes))) != NULL) {
		if (s->used) {
			int err = keep(s, bytes, (size_t)(newline - bytes), line, arg);

			if (err)
				return err;
			give(s, s->rest, s->used, line, arg);
		} else {
			give(s, bytes, (size_t)(newline - bytes), line, arg);
		}
		bytes = newline + 1;
	}
	return keep(s, bytes, (size_t)(end - bytes), line, arg);
}

void log_split_end(struct log_splitter *s, log_line_fn line, void *arg)
{
	if (s->used)
		give(s, s->rest, s->used, line, arg);
	s->skip = false;
}

/* ---- files */

static int open_file(struct log_tail *t)
{
	struct stat st;
	/* Of a FIFO, nobody waits for a writer */
	int fd = open(t->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), err = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0)
		err = -errno;
	else if (S_ISDIR(st.st_mode))
		err = -EISDIR;
	else if (!S_ISREG(st.st_mode))
		err = -EINVAL;
	if (err) {
		close(fd);
		return err;
	}
	t->fd = fd;
	t->device = st.st_dev;
	t->inode = st.st_ino;
	t->offset = 0;
	return 0;
}

int log_tail_open(struct log_tail *t, const char *path, off_t most)
{
	struct stat st;

	*t = (struct log_tail){.fd = -1, .path = strdup(path)};
	if (!t->path)
		return -ENOMEM;
	if (open_file(t) == 0 && most && fstat(t->fd, &st) == 0 && st.st_size > most) {
		t->offset = st.st_size - most;
		t->splitter.skip = true;
	}
	return 0;
}

void log_tail_close(struct log_tail *t)
{
	if (t->fd >= 0)
		close(t->fd);
	free(t->path);
	free(t->splitter.rest);
	*t = (struct log_tail){.fd = -1};
}

/* At the end of what is open: is there another file of that name, or a shorter one? True: read on. */
static bool turned(struct log_tail *t, log_line_fn line, void *arg)
{
	struct stat here, there;

	if (fstat(t->fd, &here) == 0 && here.st_size < t->offset) {
		log_split_end(&t->splitter, line, arg);
		t->offset = 0;
		return here.st_size > 0;
	}
	/* Renamed, and its successor does not exist yet: its last lines may still come */
	if (stat(t->path, &there) != 0 || (there.st_dev == t->device && there.st_ino == t->inode))
		return false;
	/* The writer may have written between our last read and the rename */
	if (fstat(t->fd, &here) == 0 && here.st_size > t->offset)
		return true;
	log_split_end(&t->splitter, line, arg);
	close(t->fd);
	t->fd = -1;
	return true;
}

ssize_t log_tail_read(struct log_tail *t, size_t most, log_line_fn line, void *arg)
{
	char block[BLOCK];
	size_t sum = 0;

	while (sum < most) {
		ssize_t n;
		int err;

		if (t->fd < 0) {
			err = open_file(t);
			if (err)
				return sum ? (ssize_t)sum : err;
		}
		n = pread(t->fd, block, sizeof(block), t->offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return sum ? (ssize_t)sum : -errno;
		if (n == 0) {
			if (!turned(t, line, arg))
				break;
			continue;
		}
		t->offset += n;
		sum += (size_t)n;
		err = log_split(&t->splitter, block, (size_t)n, line, arg);
		if (err)
			return err;
	}
	return (ssize_t)sum;
}
