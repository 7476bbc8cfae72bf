/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capfile_build.h - capture files written down in memory, byte by byte, for the reader's tests
 *
 * Written from the format's description and not with the reader's own constants, in either byte order.
 */
#ifndef ESPIAL_TESTS_CAPFILE_BUILD_H
#define ESPIAL_TESTS_CAPFILE_BUILD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "source/capfile.h"

struct file {
	uint8_t *d;
	size_t len;
	bool big;
	size_t block; /* start of the open pcapng block */
};

#define FILE_AUTO __attribute__((cleanup(file_free), unused)) struct file
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static inline void file_free(struct file *f)
{
	free(f->d);
	f->d = NULL;
	f->len = 0;
}

/* The allocation is exactly as long as the content: ASan sees the first byte too many. */
static inline void put(struct file *f, const void *p, size_t n)
{
	f->d = realloc(f->d, f->len + n + !(f->len + n));
	assert_non_null(f->d);
	if (n)
		memcpy(f->d + f->len, p, n);
	f->len += n;
}

static inline void put_int(struct file *f, uint64_t v, unsigned int bytes)
{
	uint8_t b[8];

	for (unsigned int i = 0; i < bytes; i++)
		b[i] = (uint8_t)(v >> 8 * (f->big ? bytes - 1 - i : i));
	put(f, b, bytes);
}

static inline void put16(struct file *f, uint16_t v)
{
	put_int(f, v, 2);
}

static inline void put32(struct file *f, uint32_t v)
{
	put_int(f, v, 4);
}

static inline void put64(struct file *f, uint64_t v)
{
	put_int(f, v, 8);
}

static inline void set32(struct file *f, size_t at, uint32_t v)
{
	for (unsigned int i = 0; i < 4; i++)
		f->d[at + i] = (uint8_t)(v >> 8 * (f->big ? 3 - i : i));
}

/* Packet content that tells number and place. */
static inline uint8_t content(uint32_t number, uint32_t i)
{
	return (uint8_t)(number * 37 + i);
}

static inline void put_content(struct file *f, uint32_t number, uint32_t n)
{
	uint8_t *b = malloc(n + 1);

	assert_non_null(b);
	for (uint32_t i = 0; i < n; i++)
		b[i] = content(number, i);
	put(f, b, n);
	free(b);
}

static inline void pcap_head(struct file *f, uint32_t magic, uint32_t linktype)
{
	put32(f, magic);
	put16(f, 2);
	put16(f, 4);
	put32(f, 0);
	put32(f, 0);
	put32(f, 262144);
	put32(f, linktype);
}

static inline void pcap_packet(struct file *f, uint32_t number, uint32_t sec, uint32_t frac, uint32_t caplen,
			       uint32_t wirelen)
{
	put32(f, sec);
	put32(f, frac);
	put32(f, caplen);
	put32(f, wirelen);
	put_content(f, number, caplen);
}

/* Three packets: bytes 24 to 45, to 61, to 94. */
static inline void pcap_small_file(struct file *f)
{
	pcap_head(f, 0xa1b2c3d4, 1);
	pcap_packet(f, 1, 1, 0, 5, 5);
	pcap_packet(f, 2, 2, 0, 0, 7);
	pcap_packet(f, 3, 3, 0, 17, 17);
}

/* Appends a gzip member with @len bytes of @src. */
static inline void put_gzip(struct file *f, const void *src, size_t len)
{
	z_stream z = {0};
	size_t cap = len + len / 1000 + 128;
	uint8_t *out = malloc(cap);

	assert_non_null(out);
	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)src;
	z.avail_in = (uInt)len;
	z.next_out = out;
	z.avail_out = (uInt)cap;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	put(f, out, cap - z.avail_out);
	deflateEnd(&z);
	free(out);
}

static inline void block_begin(struct file *f, uint32_t type)
{
	f->block = f->len;
	put32(f, type);
	put32(f, 0);
}

static inline void block_end(struct file *f)
{
	while (f->len % 4)
		put(f, "", 1);
	put32(f, (uint32_t)(f->len - f->block + 4));
	set32(f, f->block + 4, (uint32_t)(f->len - f->block));
}

static inline void option(struct file *f, uint16_t code, const void *value, uint16_t len)
{
	put16(f, code);
	put16(f, len);
	put(f, value, len);
	while (f->len % 4)
		put(f, "", 1);
}

static inline void ng_section(struct file *f)
{
	block_begin(f, 0x0a0d0d0a);
	put32(f, 0x1a2b3c4d);
	put16(f, 1);
	put16(f, 0);
	put64(f, UINT64_MAX);
	option(f, 4, "a test", 6); /* shb_userappl */
	option(f, 0, "", 0);
	block_end(f);
}

/* An interface without options unless the caller puts them before block_end(). */
static inline void ng_iface_begin(struct file *f, uint16_t linktype, uint32_t snaplen)
{
	block_begin(f, 1);
	put16(f, linktype);
	put16(f, 0);
	put32(f, snaplen);
}

static inline void ng_iface(struct file *f, uint16_t linktype, const char *name, int tsresol,
			    int64_t tsoffset)
{
	uint8_t resol = (uint8_t)tsresol;

	ng_iface_begin(f, linktype, 0);
	if (name)
		option(f, 2, name, (uint16_t)strlen(name));
	if (tsresol >= 0)
		option(f, 9, &resol, 1);
	if (tsoffset) {
		put16(f, 14);
		put16(f, 8);
		put64(f, (uint64_t)tsoffset);
	}
	option(f, 0, "", 0);
	block_end(f);
}

static inline void ng_packet_begin(struct file *f, uint32_t iface, uint64_t ticks, uint32_t caplen,
				   uint32_t wirelen)
{
	block_begin(f, 6);
	put32(f, iface);
	put32(f, (uint32_t)(ticks >> 32));
	put32(f, (uint32_t)ticks);
	put32(f, caplen);
	put32(f, wirelen);
}

static inline void ng_packet(struct file *f, uint32_t number, uint32_t iface, uint64_t ticks, uint32_t caplen,
			     uint32_t wirelen)
{
	ng_packet_begin(f, iface, ticks, caplen, wirelen);
	put_content(f, number, caplen);
	block_end(f);
}

/* Buffer sizes that put refills everywhere; 0 is the normal one. */
static const size_t buffer_sizes[] = {0, 1, 7, 64, 1000};

static inline struct capfile_reader *open_ok(const struct file *f, size_t buffer_size)
{
	struct capfile_reader *r = NULL;
	char err[CAPFILE_ERROR_MAX] = "";
	int rc = capfile_open_mem(f->d, f->len, buffer_size, &r, err, sizeof(err));

	if (rc)
		fail_msg("open: %s", err);
	return r;
}

static inline void expect_content(const struct capfile_packet *p, uint32_t number, uint32_t caplen)
{
	assert_int_equal(p->number, number);
	assert_int_equal(p->caplen, caplen);
	for (uint32_t i = 0; i < caplen; i++)
		assert_int_equal(p->data[i], content(number, i));
}

/*
 * Reads to the end. Returns the packets, all of whose content must be that of their number; *ret_rc is how
 * it ended, -EBADMSG when it did not even open, *ret_fault why.
 */
static inline uint64_t drain(const struct file *f, size_t buffer_size, int *ret_rc,
			     enum capfile_fault *ret_fault)
{
	struct capfile_reader *r = NULL;
	struct capfile_packet p;
	uint64_t n = 0;

	*ret_fault = CAPFILE_FAULT_NONE;
	*ret_rc = capfile_open_mem(f->d, f->len, buffer_size, &r, NULL, 0);
	if (*ret_rc) {
		assert_int_equal(*ret_rc, -EBADMSG);
		assert_null(r);
		return 0;
	}
	while ((*ret_rc = capfile_next(r, &p)) == 1) {
		expect_content(&p, (uint32_t)++n, p.caplen);
		assert_true(p.wirelen >= p.caplen);
		assert_true(p.iface < capfile_iface_count(r));
	}
	*ret_fault = capfile_fault(r);
	assert_int_equal(capfile_packets(r), n);
	assert_int_equal(*ret_rc < 0, *ret_fault != CAPFILE_FAULT_NONE);
	assert_int_equal(*ret_rc < 0, capfile_error(r)[0] != 0);
	/* Final means final. */
	assert_int_equal(capfile_next(r, &p), *ret_rc);
	capfile_close(r);
	return n;
}

/* @packets good ones, then @fault, whatever the buffer. */
static inline void expect_fault(const struct file *f, uint64_t packets, enum capfile_fault fault)
{
	for (size_t i = 0; i < ARRAY_LEN(buffer_sizes); i++) {
		enum capfile_fault got;
		int rc;

		assert_int_equal(drain(f, buffer_sizes[i], &rc, &got), packets);
		assert_int_equal(rc, fault == CAPFILE_FAULT_NONE ? 0 : -EBADMSG);
		assert_string_equal(capfile_fault_name(got), capfile_fault_name(fault));
	}
}

/* The file does not open, for this reason (a word of it). */
static inline void expect_no_open(const struct file *f, const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(buffer_sizes); i++) {
		struct capfile_reader *r = NULL;
		char err[CAPFILE_ERROR_MAX] = "";

		assert_int_equal(capfile_open_mem(f->d, f->len, buffer_sizes[i], &r, err, sizeof(err)),
				 -EBADMSG);
		assert_null(r);
		if (!strstr(err, word))
			fail_msg("\"%s\" not in \"%s\"", word, err);
		assert_null(strchr(err, '\n'));
	}
}

#endif
