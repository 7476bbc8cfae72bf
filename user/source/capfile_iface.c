// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * capfile_iface.c - interfaces of a capture: names, and how their clock ticks become nanoseconds
 *
 * A packet names its interface by number within its section; the reader's caller wants one list for the whole
 * file. Two tables: r->local, emptied by each section header, with what is needed per packet, and r->iface,
 * with what a caller may ask for. Both are bounded, however many sections a file has.
 */
#include <errno.h>
#include <stdlib.h>

#include "source/capfile_internal.h"

enum option_code {
	OPTION_END = 0,
	OPTION_IF_NAME = 2,
	OPTION_IF_TSRESOL = 9,
	OPTION_IF_TSOFFSET = 14,
};

#define NSEC_PER_SEC UINT64_C(1000000000)

/* Room for one more element, doubling. @cap counts elements. */
static int array_reserve(void **array, uint32_t *cap, uint32_t count, size_t size)
{
	uint32_t want = *cap ? *cap * 2 : 4;
	void *p;

	if (count < *cap)
		return 0;
	p = realloc(*array, want * size);
	if (!p)
		return -ENOMEM;
	*array = p;
	*cap = want;
	return 0;
}

static bool iface_is(const struct capfile_iface *i, uint32_t local, uint32_t linktype, const char *name,
		     size_t name_len)
{
	if (i->local != local || i->linktype != linktype)
		return false;
	if (!i->name || !name_len)
		return !i->name && !name_len;
	return strlen(i->name) == name_len && !memcmp(i->name, name, name_len);
}

int capfile_iface_add(struct capfile_reader *r, uint32_t local, uint32_t linktype, const char *name,
		      size_t name_len, uint32_t *ret_iface)
{
	struct capfile_iface *i;
	void *array = r->iface;
	char *copy = NULL;
	int err;

	for (uint32_t n = 0; n < r->iface_count; n++)
		if (iface_is(&r->iface[n], local, linktype, name, name_len)) {
			*ret_iface = n;
			return 0;
		}
	if (r->iface_count == CAPFILE_IFACE_MAX)
		return -ENOSPC;
	err = array_reserve(&array, &r->iface_cap, r->iface_count, sizeof(*i));
	if (err)
		return err;
	r->iface = array;
	if (name_len) {
		copy = strndup(name, name_len);
		if (!copy)
			return -ENOMEM;
	}
	i = &r->iface[r->iface_count];
	i->name = copy;
	i->linktype = linktype;
	i->local = local;
	*ret_iface = r->iface_count++;
	return 0;
}

/* if_tsresol: a power of ten, or of two with the top bit set, of which one tick is the negative. */
static bool set_resolution(struct capfile_local *l, uint8_t tsresol)
{
	unsigned int exp = tsresol & 0x7f;

	if (tsresol & 0x80) {
		l->unit = CAPFILE_UNIT_SHIFT;
		l->factor = exp;
		return exp <= 63;
	}
	l->unit = exp <= 9 ? CAPFILE_UNIT_MUL : CAPFILE_UNIT_DIV;
	l->factor = 1;
	for (unsigned int i = exp <= 9 ? 9 - exp : exp - 9; i && exp <= 19; i--)
		l->factor *= 10;
	return exp <= 19;
}

/* ticks * 10^9 / 2^shift, rounded down, without a wider type; false when it does not fit. */
static bool shift_to_ns(uint64_t ticks, unsigned int shift, uint64_t *ret_ns)
{
	uint64_t frac = ticks & ((UINT64_C(1) << shift) - 1);
	uint64_t ns, frac_ns;

	if (shift <= 32)
		frac_ns = frac * NSEC_PER_SEC >> shift;
	else
		frac_ns = ((frac >> 32) * NSEC_PER_SEC + ((frac & UINT32_MAX) * NSEC_PER_SEC >> 32)) >>
			  (shift - 32);
	return !__builtin_mul_overflow(ticks >> shift, NSEC_PER_SEC, &ns) &&
	       !__builtin_add_overflow(ns, frac_ns, ret_ns);
}

bool capfile_ticks_to_ns_slow(const struct capfile_local *l, uint64_t ticks, uint64_t *ret_ns)
{
	uint64_t ns;

	if (l->unit == CAPFILE_UNIT_DIV)
		ns = ticks / l->factor;
	else if (!shift_to_ns(ticks, (unsigned int)l->factor, &ns))
		return false;
	return !__builtin_add_overflow(ns, l->offset_ns, ret_ns);
}

struct iface_options {
	const char *name;
	size_t name_len;
};

/* One option of an interface description; 0 or failed. */
static int interface_option(struct capfile_reader *r, struct capfile_local *l, struct iface_options *o,
			    const uint8_t *value, unsigned int code, unsigned int len)
{
	switch (code) {
	case OPTION_IF_NAME:
		/* Not terminated by the format, but by some writers. */
		o->name = (const char *)value;
		o->name_len = strnlen(o->name, len < CAPFILE_NAME_MAX ? len : CAPFILE_NAME_MAX);
		return 0;
	case OPTION_IF_TSRESOL:
		if (len != 1)
			break;
		if (set_resolution(l, value[0]))
			return 0;
		return capfile_fail(r, CAPFILE_FAULT_OPTION,
				    "interface %u has an impossible time unit (0x%02x)", r->local_count,
				    value[0]);
	case OPTION_IF_TSOFFSET:
		if (len != 8)
			break;
		if (!__builtin_mul_overflow((int64_t)capfile_get64(value, r->swap), (int64_t)NSEC_PER_SEC,
					    &l->offset_ns))
			return 0;
		return capfile_fail(r, CAPFILE_FAULT_OPTION, "interface %u has an impossible time offset",
				    r->local_count);
	default:
		return 0;
	}
	return capfile_fail(r, CAPFILE_FAULT_OPTION, "interface %u: option %u has a length of %u",
			    r->local_count, code, len);
}

int capfile_iface_block(struct capfile_reader *r, const uint8_t *p, uint32_t len)
{
	const uint8_t *end = p + len - 4;
	struct iface_options o = {0};
	struct capfile_local l = {0};
	void *array = r->local;
	int err;

	if (r->local_count == CAPFILE_IFACE_MAX)
		return capfile_fail(r, CAPFILE_FAULT_INTERFACES, "more than %u interfaces",
				    CAPFILE_IFACE_MAX);
	p += CAPFILE_BLOCK_HEADER;
	l.linktype = capfile_get16(p, r->swap);
	l.snaplen = capfile_get32(p + 4, r->swap);
	set_resolution(&l, 6); /* microseconds unless told */
	for (p += CAPFILE_IFACE_BODY; end - p >= 4;) {
		unsigned int code = capfile_get16(p, r->swap);
		unsigned int olen = capfile_get16(p + 2, r->swap);

		if (code == OPTION_END)
			break;
		p += 4;
		if (olen > (size_t)(end - p))
			return capfile_fail(r, CAPFILE_FAULT_OPTION,
					    "interface %u: option %u exceeds its block", r->local_count,
					    code);
		err = interface_option(r, &l, &o, p, code, olen);
		if (err)
			return err;
		p += (olen + 3u) & ~3u; /* stays inside: blocks are multiples of 4 */
	}
	err = array_reserve(&array, &r->local_cap, r->local_count, sizeof(l));
	if (err)
		return capfile_fail_system(r, err, "interface list");
	r->local = array;
	err = capfile_iface_add(r, r->local_count, l.linktype, o.name, o.name_len, &l.iface);
	if (err == -ENOSPC)
		return capfile_fail(r, CAPFILE_FAULT_INTERFACES, "more than %u interfaces",
				    CAPFILE_IFACE_MAX);
	if (err)
		return capfile_fail_system(r, err, "interface list");
	r->local[r->local_count++] = l;
	return 0;
}
