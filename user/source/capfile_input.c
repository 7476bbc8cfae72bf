// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * capfile_input.c - bytes of a capture: descriptor or memory, plain or gzip, through one buffer
 *
 * Records are parsed where read() or inflate() put them. Only the record that straddles the end of the
 * buffer is moved, to its start, before the next read: less than one record per megabyte.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/capfile_internal.h"

static int input_init(struct capfile_input *in, size_t buffer_size)
{
	in->cap = buffer_size ? buffer_size : CAPFILE_BUFFER;
	in->buf = malloc(in->cap);
	return in->buf ? 0 : -ENOMEM;
}

int capfile_input_fd(struct capfile_input *in, int fd, bool close_fd, size_t buffer_size)
{
	struct stat st;
	off_t start;

	in->fd = fd;
	in->close_fd = close_fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (S_ISREG(st.st_mode)) {
		/* Standard input may be a file that somebody has already read from. */
		start = lseek(fd, 0, SEEK_CUR);
		if (start >= 0 && start < st.st_size)
			in->size = (uint64_t)(st.st_size - start);
		(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	}
	return input_init(in, buffer_size);
}

int capfile_input_mem(struct capfile_input *in, const void *mem, size_t len, size_t buffer_size)
{
	in->fd = -1;
	in->mem = mem;
	in->mem_len = len;
	in->size = len;
	return input_init(in, buffer_size);
}

void capfile_input_close(struct capfile_input *in)
{
	if (in->gzip)
		inflateEnd(&in->z);
	if (in->close_fd)
		close(in->fd);
	free(in->zbuf);
	free(in->buf);
}

/* Up to @n bytes of the source as they are; 0 at its end, -errno. Blocks until there is at least one. */
static ssize_t source_read(struct capfile_input *in, uint8_t *dst, size_t n)
{
	struct pollfd pfd = {.fd = in->fd, .events = POLLIN};
	ssize_t got;

	if (in->fd < 0) {
		if (n > in->mem_len - in->raw)
			n = in->mem_len - in->raw;
		if (n)
			memcpy(dst, in->mem + in->raw, n);
		in->raw += n;
		return (ssize_t)n;
	}
	for (;;) {
		got = read(in->fd, dst, n);
		if (got >= 0) {
			in->raw += (uint64_t)got;
			return got;
		}
		if (errno == EINTR)
			continue;
		/* Standard input is non-blocking when somebody we share it with made it so. */
		if (errno != EAGAIN)
			return -errno;
		if (poll(&pfd, 1, -1) < 0 && errno != EINTR)
			return -errno;
	}
}

static void input_failed(struct capfile_input *in, int err, enum capfile_fault fault)
{
	in->err = err;
	in->fault = fault;
}

static void plain_more(struct capfile_input *in)
{
	ssize_t got = source_read(in, in->buf + in->end, in->cap - in->end);

	if (got < 0)
		input_failed(in, (int)got, CAPFILE_FAULT_SYSTEM);
	else if (got == 0)
		in->eof = true;
	else
		in->end += (size_t)got;
}

/*
 * Between gzip members. RFC 1952 2.2: members simply follow each other; tape and block devices pad the last
 * one with zeros. Anything else is damage, and is not passed over in silence. False: no more input wanted
 * now.
 */
static bool gzip_member(struct capfile_input *in)
{
	while (in->z.avail_in && *in->z.next_in == 0) {
		in->z.next_in++;
		in->z.avail_in--;
	}
	if (!in->z.avail_in)
		return true;
	if (inflateReset(&in->z) != Z_OK || *in->z.next_in != 0x1f) {
		input_failed(in, -EBADMSG, CAPFILE_FAULT_GZIP);
		return false;
	}
	in->member = true;
	return true;
}

/* One step of inflate(): may or may not add bytes to the buffer, but never loops without taking some. */
static void gzip_more(struct capfile_input *in)
{
	z_stream *z = &in->z;
	ssize_t got;
	int rc;

	if (!z->avail_in && !in->pending) {
		got = source_read(in, in->zbuf, in->zcap);
		if (got < 0) {
			input_failed(in, (int)got, CAPFILE_FAULT_SYSTEM);
			return;
		}
		if (got == 0 && in->member)
			input_failed(in, -EBADMSG, CAPFILE_FAULT_GZIP_TRUNCATED);
		else if (got == 0)
			in->eof = true;
		if (got == 0)
			return;
		z->next_in = in->zbuf;
		z->avail_in = (uInt)got;
	}
	if (!in->member && (!gzip_member(in) || !z->avail_in))
		return;
	z->next_out = in->buf + in->end;
	z->avail_out = (uInt)(in->cap - in->end);
	rc = inflate(z, Z_NO_FLUSH);
	in->end = in->cap - z->avail_out;
	in->pending = !z->avail_out;
	if (rc == Z_STREAM_END)
		in->member = in->pending = false;
	else if (rc == Z_MEM_ERROR)
		input_failed(in, -ENOMEM, CAPFILE_FAULT_SYSTEM);
	else if (rc != Z_OK && (rc != Z_BUF_ERROR || z->avail_in))
		input_failed(in, -EBADMSG, CAPFILE_FAULT_GZIP);
}

/* Doubles, rather than trusting the length that asks for it: a damaged one in a small file costs nothing. */
static void input_grow(struct capfile_input *in)
{
	size_t cap = in->cap * 2 < CAPFILE_BLOCK_MAX ? in->cap * 2 : CAPFILE_BLOCK_MAX;
	uint8_t *buf;

	assert(cap > in->cap);
	buf = realloc(in->buf, cap);
	if (!buf) {
		input_failed(in, -ENOMEM, CAPFILE_FAULT_SYSTEM);
		return;
	}
	in->buf = buf;
	in->cap = cap;
}

bool capfile_input_fill(struct capfile_input *in, size_t n)
{
	assert(n <= CAPFILE_BLOCK_MAX);
	if (in->pos) {
		memmove(in->buf, in->buf + in->pos, in->end - in->pos);
		in->base += in->pos;
		in->end -= in->pos;
		in->pos = 0;
	}
	while (in->end < n) {
		if (in->eof || in->err)
			return false;
		if (in->end == in->cap)
			input_grow(in);
		else if (in->gzip)
			gzip_more(in);
		else
			plain_more(in);
	}
	return true;
}

bool capfile_input_skip(struct capfile_input *in, size_t n)
{
	while (capfile_input_left(in) < n) {
		n -= capfile_input_left(in);
		in->pos = in->end;
		if (!capfile_input_fill(in, 1))
			return false;
	}
	in->pos += n;
	return true;
}

int capfile_input_detect_gzip(struct capfile_input *in)
{
	uint8_t *buf;

	if (!capfile_input_have(in, 2) || in->buf[0] != 0x1f || in->buf[1] != 0x8b)
		return 0;
	buf = malloc(in->cap);
	if (!buf)
		return -ENOMEM;
	if (inflateInit2(&in->z, 15 + 16) != Z_OK) {
		free(buf);
		return -ENOMEM;
	}
	/* What was read is compressed: the buffer and its content change roles. */
	in->zbuf = in->buf;
	in->zcap = in->cap;
	in->z.next_in = in->zbuf;
	in->z.avail_in = (uInt)in->end;
	in->buf = buf;
	in->end = 0;
	in->eof = false;
	in->gzip = true;
	in->member = true;
	return 0;
}
