/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capfile_internal.h - what the files of the capture reader share
 *
 * capfile_input.c gives bytes (file, memory, gzip) through one buffer, capfile.c knows classic pcap and
 * reports, capfile_ng.c and capfile_iface.c know pcapng.
 */
#ifndef ESPIAL_SOURCE_CAPFILE_INTERNAL_H
#define ESPIAL_SOURCE_CAPFILE_INTERNAL_H

#include <stdbool.h>
#include <string.h>
#include <zlib.h>

#include "source/capfile.h"

#define CAPFILE_BUFFER (1u << 20)
#define CAPFILE_NAME_MAX 255

/*
 * buf[pos..end) is what was read and not yet consumed; buf[0] is byte @base of the (decompressed) stream.
 * A failed source does not fail what is buffered: @err and @fault wait until somebody needs more than that.
 */
struct capfile_input {
	int fd; /* -1: memory */
	bool close_fd;
	const uint8_t *mem;
	size_t mem_len;

	uint8_t *buf;
	size_t cap, pos, end;
	uint64_t base;
	uint64_t raw;  /* bytes taken from the source */
	uint64_t size; /* bytes in the source, 0: unknown */

	bool eof;
	int err; /* -errno, 0: none */
	enum capfile_fault fault;

	bool gzip;
	bool member;  /* inside a gzip member: the end of input here is a truncation */
	bool pending; /* inflate() may hold output for which there was no room: ask before reading on */
	z_stream z;
	uint8_t *zbuf; /* compressed bytes; z.next_in and z.avail_in point into it */
	size_t zcap;
};

struct capfile_iface {
	char *name; /* NULL: none */
	uint32_t linktype;
	uint32_t local; /* its number in its section */
};

/* How ticks become nanoseconds, settled once per interface: x * factor, x / factor or x * 10^9 >> shift. */
enum capfile_unit { CAPFILE_UNIT_MUL, CAPFILE_UNIT_DIV, CAPFILE_UNIT_SHIFT };

/* An interface of the current section. */
struct capfile_local {
	uint32_t iface; /* index in capfile_reader.iface */
	uint32_t linktype;
	uint32_t snaplen; /* 0: no limit */
	enum capfile_unit unit;
	uint64_t factor; /* or the shift */
	int64_t offset_ns;
};

struct capfile_reader {
	struct capfile_input in;
	int (*next)(struct capfile_reader *r, struct capfile_packet *ret_packet);
	int state; /* 1: going on; 0: ended; -errno: failed */
	bool swap; /* the file's (section's) byte order is not ours */
	uint64_t packets;
	uint64_t record; /* stream offset of the record being read, for the report */

	/* classic pcap */
	uint32_t linktype;
	uint32_t header_len; /* of a record: 16, Kuznetzov 24 */
	uint32_t frac_limit; /* fractions per second */
	uint32_t frac_ns;    /* nanoseconds per fraction */

	struct capfile_iface *iface;
	uint32_t iface_count, iface_cap;
	struct capfile_local *local;
	uint32_t local_count, local_cap;

	enum capfile_fault fault;
	char name[256];
	char error[CAPFILE_ERROR_MAX];
};

static inline uint32_t capfile_get32(const uint8_t *p, bool swap)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return swap ? __builtin_bswap32(v) : v;
}

static inline uint16_t capfile_get16(const uint8_t *p, bool swap)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return swap ? __builtin_bswap16(v) : v;
}

static inline uint64_t capfile_get64(const uint8_t *p, bool swap)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return swap ? __builtin_bswap64(v) : v;
}

int capfile_input_fd(struct capfile_input *in, int fd, bool close_fd, size_t buffer_size);
int capfile_input_mem(struct capfile_input *in, const void *mem, size_t len, size_t buffer_size);
int capfile_input_detect_gzip(struct capfile_input *in);
void capfile_input_close(struct capfile_input *in);

/* Slow half of capfile_input_have(). */
bool capfile_input_fill(struct capfile_input *in, size_t n);

/*
 * True when @n bytes (at most CAPFILE_BLOCK_MAX) lie at capfile_input_at(). False: the input ends or failed
 * before them; what there is stays, and in->err says whether it was a failure. May move the buffer.
 */
static inline bool capfile_input_have(struct capfile_input *in, size_t n)
{
	return __builtin_expect(in->end - in->pos >= n, 1) || capfile_input_fill(in, n);
}

static inline const uint8_t *capfile_input_at(const struct capfile_input *in)
{
	return in->buf + in->pos;
}

static inline size_t capfile_input_left(const struct capfile_input *in)
{
	return in->end - in->pos;
}

static inline uint64_t capfile_input_tell(const struct capfile_input *in)
{
	return in->base + in->pos;
}

/* Drops @n bytes without holding them all at once; false like capfile_input_have(). */
bool capfile_input_skip(struct capfile_input *in, size_t n);

/* Fail with @fault and the sentence, complemented by the file's name and how far it got. Returns -EBADMSG. */
int capfile_fail(struct capfile_reader *r, enum capfile_fault fault, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), cold));
/* Fail because capfile_input_have(@need) was false while reading @what. */
int capfile_fail_input(struct capfile_reader *r, const char *what, size_t need) __attribute__((cold));
/* Fail with @err (-errno) of a system call or allocation. Returns @err. */
int capfile_fail_system(struct capfile_reader *r, int err, const char *what) __attribute__((cold));

/* Reads the first section header and sets the reader up. */
int capfile_ng_begin(struct capfile_reader *r);

#define CAPFILE_BLOCK_HEADER 8u /* type, length */
#define CAPFILE_IFACE_BODY 8u	/* of an Interface Description Block, before its options */

/* Enters the Interface Description Block at @p, of @len bytes: at least the fixed part, a multiple of 4. */
int capfile_iface_block(struct capfile_reader *r, const uint8_t *p, uint32_t len);
/* Index of the interface with these properties, entered if new; -errno. The name need not be terminated. */
int capfile_iface_add(struct capfile_reader *r, uint32_t local, uint32_t linktype, const char *name,
		      size_t name_len, uint32_t *ret_iface);

bool capfile_ticks_to_ns_slow(const struct capfile_local *l, uint64_t ticks, uint64_t *ret_ns);

/* False: before 1970 or after 2554, which is what fits. Microseconds and nanoseconds are the usual case. */
static inline bool capfile_ticks_to_ns(const struct capfile_local *l, uint64_t ticks, uint64_t *ret_ns)
{
	uint64_t ns;

	if (__builtin_expect(l->unit != CAPFILE_UNIT_MUL, 0))
		return capfile_ticks_to_ns_slow(l, ticks, ret_ns);
	return !__builtin_mul_overflow(ticks, l->factor, &ns) &&
	       !__builtin_add_overflow(ns, l->offset_ns, ret_ns);
}

#endif
