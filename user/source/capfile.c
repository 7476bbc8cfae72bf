// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * capfile.c - capture files: opening, classic pcap, and saying what went wrong
 *
 * Classic pcap: a 24-byte header whose magic tells byte order and unit of the fractions, then records of a
 * 16-byte header and the packet, unaligned. Layout: draft-ietf-opsawg-pcap.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "source/capfile_internal.h"

#define MAGIC_USEC 0xa1b2c3d4u
#define MAGIC_NSEC 0xa1b23c4du
#define MAGIC_KUZNETZOV 0xa1b2cd34u /* Linux libpcap patch of 1999: 8 more bytes per record */
#define MAGIC_PCAPNG 0x0a0d0d0au    /* the same in either byte order */

#define PCAP_HEADER 24u
#define PCAP_RECORD 16u
#define PCAP_RECORD_KUZNETZOV 24u

/* draft-ietf-opsawg-pcap section 4: the upper bits of the link type tell the length of the FCS. */
#define LINKTYPE_MASK 0x03ffffffu

static const char *const fault_names[] = {
#define X(id, name) [CAPFILE_FAULT_##id] = name,
	CAPFILE_FAULTS(X)
#undef X
};

const char *capfile_fault_name(enum capfile_fault fault)
{
	return (size_t)fault < sizeof(fault_names) / sizeof(fault_names[0]) ? fault_names[fault] : "unknown";
}

/* The end of a long path is what tells files apart. Control characters must not reach a terminal or a log. */
static void set_name(struct capfile_reader *r, const char *name)
{
	const size_t max = 200;
	size_t len = strlen(name);

	if (len > max)
		snprintf(r->name, sizeof(r->name), "...%s", name + len - max);
	else
		snprintf(r->name, sizeof(r->name), "%s", name);
	for (char *c = r->name; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
}

static void set_error(struct capfile_reader *r, const char *cause)
{
	if (!r->next) {
		snprintf(r->error, sizeof(r->error), "%s: %s", r->name, cause);
		return;
	}
	snprintf(r->error, sizeof(r->error), "%s: %s; %llu packet%s read, stopped at byte %llu%s", r->name,
		 cause, (unsigned long long)r->packets, r->packets == 1 ? "" : "s",
		 (unsigned long long)r->record, r->in.gzip ? " (decompressed)" : "");
}

int capfile_fail(struct capfile_reader *r, enum capfile_fault fault, const char *fmt, ...)
{
	char cause[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cause, sizeof(cause), fmt, ap);
	va_end(ap);
	set_error(r, cause);
	r->fault = fault;
	r->state = -EBADMSG;
	return r->state;
}

int capfile_fail_system(struct capfile_reader *r, int err, const char *what)
{
	char cause[160];

	snprintf(cause, sizeof(cause), "%s: %s", what, strerror(-err));
	set_error(r, cause);
	r->fault = CAPFILE_FAULT_SYSTEM;
	r->state = err;
	return r->state;
}

int capfile_fail_input(struct capfile_reader *r, const char *what, size_t need)
{
	const struct capfile_input *in = &r->in;

	if (in->fault == CAPFILE_FAULT_GZIP)
		return capfile_fail(r, in->fault, "the gzip data is damaged");
	if (in->fault == CAPFILE_FAULT_GZIP_TRUNCATED)
		return capfile_fail(r, in->fault, "the gzip data is cut off");
	if (in->err)
		return capfile_fail_system(r, in->err, "cannot read on");
	return capfile_fail(r, CAPFILE_FAULT_TRUNCATED, "cut off in a %s: %zu bytes needed, %zu left", what,
			    need, (size_t)(in->base + in->end - r->record));
}

static int pcap_next(struct capfile_reader *r, struct capfile_packet *ret_packet)
{
	struct capfile_input *in = &r->in;
	uint32_t frac, caplen, wirelen;
	const uint8_t *p;

	r->record = capfile_input_tell(in);
	if (!capfile_input_have(in, r->header_len)) {
		if (!in->err && !capfile_input_left(in))
			return r->state = 0;
		return capfile_fail_input(r, "record header", r->header_len);
	}
	p = capfile_input_at(in);
	frac = capfile_get32(p + 4, r->swap);
	caplen = capfile_get32(p + 8, r->swap);
	wirelen = capfile_get32(p + 12, r->swap);
	if (caplen > CAPFILE_CAPLEN_MAX)
		return capfile_fail(r, CAPFILE_FAULT_CAPLEN,
				    "damaged record: it claims %u captured bytes, above %u", caplen,
				    CAPFILE_CAPLEN_MAX);
	if (frac >= r->frac_limit)
		return capfile_fail(r, CAPFILE_FAULT_TIMESTAMP,
				    "damaged record: its time has a fraction of %u/%u second", frac,
				    r->frac_limit);
	if (!capfile_input_have(in, r->header_len + caplen))
		return capfile_fail_input(r, "packet", r->header_len + caplen);

	p = capfile_input_at(in);
	in->pos += r->header_len + caplen;
	ret_packet->ts_ns = capfile_get32(p, r->swap) * UINT64_C(1000000000) + (uint64_t)frac * r->frac_ns;
	ret_packet->data = p + r->header_len;
	ret_packet->caplen = caplen;
	ret_packet->wirelen = wirelen > caplen ? wirelen : caplen;
	ret_packet->linktype = r->linktype;
	ret_packet->iface = 0;
	ret_packet->number = ++r->packets;
	return 1;
}

/* Units and record layout by magic; false when it is none of pcap in this byte order. */
static bool pcap_magic(struct capfile_reader *r, uint32_t magic)
{
	r->header_len = magic == MAGIC_KUZNETZOV ? PCAP_RECORD_KUZNETZOV : PCAP_RECORD;
	r->frac_limit = magic == MAGIC_NSEC ? 1000000000 : 1000000;
	r->frac_ns = magic == MAGIC_NSEC ? 1 : 1000;
	return magic == MAGIC_USEC || magic == MAGIC_NSEC || magic == MAGIC_KUZNETZOV;
}

static int pcap_header(struct capfile_reader *r)
{
	struct capfile_input *in = &r->in;
	uint32_t iface;
	const uint8_t *p;
	unsigned int major, minor;
	int err;

	if (!capfile_input_have(in, PCAP_HEADER))
		return capfile_fail_input(r, "file header", PCAP_HEADER);
	p = capfile_input_at(in);
	major = capfile_get16(p + 4, r->swap);
	minor = capfile_get16(p + 6, r->swap);
	/* Before 2.4 the two lengths of a record could be swapped; such files are from before 1998. */
	if (major != 2 || minor < 4)
		return capfile_fail(r, CAPFILE_FAULT_VERSION,
				    "pcap version %u.%u, only 2.4 is known; "
				    "tcpdump -r FILE -w NEW may convert it",
				    major, minor);
	r->linktype = capfile_get32(p + 20, r->swap) & LINKTYPE_MASK;
	in->pos += PCAP_HEADER;
	err = capfile_iface_add(r, 0, r->linktype, NULL, 0, &iface);
	if (err)
		return capfile_fail_system(r, err, "cannot read it");
	r->next = pcap_next;
	return 0;
}

/* What else people hand to a capture reader, and what helps. */
static const struct {
	uint8_t magic[4];
	uint8_t len;
	enum capfile_fault fault;
	const char *text;
} foreign[] = {
	{{0x28, 0xb5, 0x2f, 0xfd}, 4, CAPFILE_FAULT_COMPRESSION, "zstd-compressed: pipe it through zstd -dc"},
	{{0xfd, '7', 'z', 'X'}, 4, CAPFILE_FAULT_COMPRESSION, "xz-compressed: pipe it through xz -dc"},
	{{'B', 'Z', 'h'}, 3, CAPFILE_FAULT_COMPRESSION, "bzip2-compressed: pipe it through bzip2 -dc"},
	{{0x04, 0x22, 0x4d, 0x18}, 4, CAPFILE_FAULT_COMPRESSION, "lz4-compressed: pipe it through lz4 -dc"},
	{{'P', 'K', 3, 4}, 4, CAPFILE_FAULT_COMPRESSION, "a zip archive: pipe it through unzip -p"},
	{{'s', 'n', 'o', 'o'}, 4, CAPFILE_FAULT_FORMAT, "a snoop capture: convert it with editcap"},
	{{'G', 'M', 'B', 'U'}, 4, CAPFILE_FAULT_FORMAT, "a Network Monitor capture: convert it with editcap"},
	{{0x1f, 0x8b}, 2, CAPFILE_FAULT_COMPRESSION, "compressed twice: pipe it through gzip -dc"},
};

static int not_a_capture(struct capfile_reader *r, const uint8_t *p)
{
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if (!memcmp(p, foreign[i].magic, foreign[i].len))
			return capfile_fail(r, foreign[i].fault, "%s", foreign[i].text);
	return capfile_fail(r, CAPFILE_FAULT_FORMAT,
			    "not a capture: neither pcap nor pcapng (starts with %02x %02x %02x %02x)", p[0],
			    p[1], p[2], p[3]);
}

/* Recognise the format and read its header. */
static int begin(struct capfile_reader *r)
{
	struct capfile_input *in = &r->in;
	const uint8_t *p;
	uint32_t magic;
	int err;

	err = capfile_input_detect_gzip(in);
	if (err)
		return capfile_fail_system(r, err, "cannot read it");
	if (!capfile_input_have(in, 4)) {
		if (!in->err && !capfile_input_left(in))
			return capfile_fail(r, CAPFILE_FAULT_EMPTY, "empty: not even a file header");
		return capfile_fail_input(r, "file header", PCAP_HEADER);
	}
	p = capfile_input_at(in);
	magic = capfile_get32(p, false);
	if (magic == MAGIC_PCAPNG)
		return capfile_ng_begin(r);
	r->swap = !pcap_magic(r, magic);
	if (r->swap && !pcap_magic(r, __builtin_bswap32(magic)))
		return not_a_capture(r, p);
	return pcap_header(r);
}

/* Ends every way of opening: with the reader in *ret, or with its error in @errbuf. */
static int finish_open(struct capfile_reader *r, int err, struct capfile_reader **ret, char *errbuf,
		       size_t errbuf_len)
{
	if (!err)
		err = begin(r);
	if (!err) {
		*ret = r;
		return 0;
	}
	if (errbuf && errbuf_len)
		snprintf(errbuf, errbuf_len, "%s", r->error);
	capfile_close(r);
	return err;
}

static struct capfile_reader *new_reader(const char *name, char *errbuf, size_t errbuf_len)
{
	struct capfile_reader *r = calloc(1, sizeof(*r));

	if (!r) {
		if (errbuf && errbuf_len)
			snprintf(errbuf, errbuf_len, "out of memory");
		return NULL;
	}
	r->in.fd = -1;
	r->state = 1;
	set_name(r, name);
	return r;
}

int capfile_open(const char *path, struct capfile_reader **ret, char *errbuf, size_t errbuf_len)
{
	bool is_stdin = !strcmp(path, "-");
	struct capfile_reader *r = new_reader(is_stdin ? "standard input" : path, errbuf, errbuf_len);
	int fd = STDIN_FILENO, err;

	if (!r)
		return -ENOMEM;
	if (!is_stdin)
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		err = capfile_fail_system(r, -errno, "cannot open");
	else if (is_stdin && isatty(fd))
		err = capfile_fail(r, CAPFILE_FAULT_FORMAT,
				   "a terminal: pipe a capture into it, or name a file");
	else if ((err = capfile_input_fd(&r->in, fd, !is_stdin, 0)) < 0)
		err = capfile_fail_system(r, err, "cannot read");
	return finish_open(r, err, ret, errbuf, errbuf_len);
}

int capfile_open_mem(const void *mem, size_t len, size_t buffer_size, struct capfile_reader **ret,
		     char *errbuf, size_t errbuf_len)
{
	struct capfile_reader *r = new_reader("memory", errbuf, errbuf_len);
	int err;

	if (!r)
		return -ENOMEM;
	err = capfile_input_mem(&r->in, mem, len, buffer_size);
	if (err)
		err = capfile_fail_system(r, err, "cannot read");
	return finish_open(r, err, ret, errbuf, errbuf_len);
}

void capfile_close(struct capfile_reader *r)
{
	if (!r)
		return;
	for (uint32_t i = 0; i < r->iface_count; i++)
		free(r->iface[i].name);
	free(r->iface);
	free(r->local);
	capfile_input_close(&r->in);
	free(r);
}

int capfile_next(struct capfile_reader *r, struct capfile_packet *ret_packet)
{
	return r->state == 1 ? r->next(r, ret_packet) : r->state;
}

const char *capfile_error(const struct capfile_reader *r)
{
	return r->error;
}

enum capfile_fault capfile_fault(const struct capfile_reader *r)
{
	return r->fault;
}

uint32_t capfile_iface_count(const struct capfile_reader *r)
{
	return r->iface_count;
}

const char *capfile_iface_name(const struct capfile_reader *r, uint32_t iface)
{
	return iface < r->iface_count ? r->iface[iface].name : NULL;
}

uint64_t capfile_offset(const struct capfile_reader *r)
{
	return r->in.gzip ? r->in.raw - r->in.z.avail_in : capfile_input_tell(&r->in);
}

uint64_t capfile_size(const struct capfile_reader *r)
{
	return r->in.size;
}

uint64_t capfile_packets(const struct capfile_reader *r)
{
	return r->packets;
}
