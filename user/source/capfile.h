/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capfile.h - streaming reader of capture files
 *
 * Reads classic pcap (microseconds, nanoseconds, Kuznetzov's "modified" records; either byte order) and
 * pcapng (any number of sections and interfaces), plain or gzip-compressed, from a file, a pipe, standard
 * input or memory. What a packet contains is somebody else's business: nothing behind the record header is
 * looked at.
 *
 * Memory: one buffer of 1 MiB (two when the input is compressed), which doubles up to 16 MiB only when a
 * single block needs it, and at most 1024 interface descriptions. Nothing grows with the length of the file.
 *
 * Errors: everything returns 0 (or the value named) on success and -errno on failure. -EBADMSG stands for
 * content that is not a capture, is damaged, or stops in the middle; which of these is told by
 * capfile_fault(), and capfile_error() has it as a sentence. Packets handed out before an error are good: a
 * record is handed out only when all of it is there.
 *
 * Not thread-safe per reader; different readers are independent. Nothing here prints.
 */
#ifndef ESPIAL_SOURCE_CAPFILE_H
#define ESPIAL_SOURCE_CAPFILE_H

#include <stddef.h>
#include <stdint.h>

/* Larger records are taken for damage; libpcap itself writes no more than 256 KiB (MAXIMUM_SNAPLEN). */
#define CAPFILE_CAPLEN_MAX (1u << 20)
#define CAPFILE_BLOCK_MAX (16u << 20)
#define CAPFILE_IFACE_MAX 1024u
/* An errbuf of this size holds every report whole: long paths are shortened to their end. */
#define CAPFILE_ERROR_MAX 512

/* What can be wrong: identifier, name. Each has a test. */
#define CAPFILE_FAULTS(X)                                                                                    \
	X(NONE, "none")                                                                                      \
	X(SYSTEM, "system")		    /* open, read or malloc failed: the errno says why */            \
	X(EMPTY, "empty")		    /* no byte at all */                                             \
	X(FORMAT, "format")		    /* neither pcap, pcapng nor gzip */                              \
	X(COMPRESSION, "compression")	    /* compressed by something other than gzip */                    \
	X(VERSION, "version")		    /* pcap other than 2.4 and up, pcapng other than 1.x */          \
	X(TRUNCATED, "truncated")	    /* ends inside a record */                                       \
	X(CAPLEN, "caplen")		    /* captured length above the limit or beyond its block */        \
	X(TIMESTAMP, "timestamp")	    /* fraction of a second or more; outside 1970 to 2554 */         \
	X(BLOCK_LENGTH, "block-length")	    /* pcapng: too short, not a multiple of 4, above 16 MiB */       \
	X(BLOCK_TRAILER, "block-trailer")   /* pcapng: the length after a block is not the one before it */  \
	X(BYTE_ORDER, "byte-order")	    /* pcapng: section header without byte-order magic */            \
	X(OPTION, "option")		    /* pcapng: interface option of a wrong length or value */        \
	X(INTERFACE, "interface")	    /* pcapng: packet of an interface that was not described */      \
	X(INTERFACES, "interfaces")	    /* pcapng: more than 1024 interfaces */                          \
	X(GZIP, "gzip")			    /* compressed data damaged, or followed by something else */     \
	X(GZIP_TRUNCATED, "gzip-truncated") /* compressed data stops in the middle */

enum capfile_fault {
#define X(id, name) CAPFILE_FAULT_##id,
	CAPFILE_FAULTS(X)
#undef X
};

struct capfile_packet {
	uint64_t ts_ns;	     /* nanoseconds since the epoch; 0: the file does not say (Simple Packet Block) */
	const uint8_t *data; /* caplen bytes, inside the reader: valid until the next call on it. Unaligned */
	uint32_t caplen;     /* bytes present, 0 to CAPFILE_CAPLEN_MAX */
	uint32_t wirelen;    /* bytes on the wire; never below caplen (a file that claims so is corrected) */
	uint32_t linktype;   /* LINKTYPE_ number as in the file (raw IP is 101 there), without FCS bits */
	uint32_t iface;	     /* for capfile_iface_name(), below capfile_iface_count() */
	uint64_t number;     /* from 1, over all sections */
};

struct capfile_reader;

/*
 * Opens @path ("-": standard input), recognises the format and reads the file header, waiting for it if the
 * input is a pipe. On failure *ret is left alone and @errbuf (may be NULL) gets what capfile_error() would
 * have said, cut to @errbuf_len and always terminated.
 */
int capfile_open(const char *path, struct capfile_reader **ret, char *errbuf, size_t errbuf_len);

/*
 * The same for @len bytes at @mem, which must outlive the reader. @buffer_size sets the size of the first
 * buffer (0: 1 MiB); small ones make every record cross a refill, which is what tests and fuzzers want.
 */
int capfile_open_mem(const void *mem, size_t len, size_t buffer_size, struct capfile_reader **ret,
		     char *errbuf, size_t errbuf_len);

/*
 * 1: *ret_packet is the next packet; 0: clean end of the file; -EBADMSG: damaged or cut off; other -errno:
 * could not read. 0 and errors are final: further calls return the same. Signals do not interrupt it.
 */
int capfile_next(struct capfile_reader *r, struct capfile_packet *ret_packet);

/* Object, cause and how far it got, in one line of printable text; "" when there was no error. Owned by @r.
 */
const char *capfile_error(const struct capfile_reader *r);
enum capfile_fault capfile_fault(const struct capfile_reader *r);
const char *capfile_fault_name(enum capfile_fault fault);

/*
 * Interfaces seen so far: 1 for pcap, any number for pcapng. One that is described again in a later section
 * (same place, link type and name) keeps its index. The name is the file's own text (if_name, up to 255
 * bytes, not escaped), or NULL when it has none; owned by @r, valid until capfile_close().
 */
uint32_t capfile_iface_count(const struct capfile_reader *r);
const char *capfile_iface_name(const struct capfile_reader *r, uint32_t iface);

/* For a progress bar, in bytes of the input (compressed ones for gzip). Size 0: not known (pipe). */
uint64_t capfile_offset(const struct capfile_reader *r);
uint64_t capfile_size(const struct capfile_reader *r);

uint64_t capfile_packets(const struct capfile_reader *r); /* handed out so far */

void capfile_close(struct capfile_reader *r); /* NULL is fine */

#endif
