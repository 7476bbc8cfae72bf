// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_capfile.c - any bytes as a capture file
 *
 * The last byte of the input picks the buffer size, so that refills fall anywhere; the rest is the file, in
 * an allocation of its own length. Reads it twice, with that buffer and with one that holds everything:
 * both must give the same packets and end for the same reason.
 */
#include <errno.h>

#include "fuzz/fuzz.h"
#include "source/capfile.h"

struct result {
	uint64_t packets, sum;
	int rc;
	enum capfile_fault fault;
	char error[CAPFILE_ERROR_MAX];
};

static void mix(struct result *res, uint64_t v)
{
	res->sum = (res->sum ^ v) * UINT64_C(0x100000001b3);
}

static void check_packet(const struct capfile_reader *r, const struct capfile_packet *p, size_t size,
			 struct result *res)
{
	const char *name = capfile_iface_name(r, p->iface);

	CHECK(p->number == ++res->packets);
	CHECK(p->caplen <= CAPFILE_CAPLEN_MAX && p->wirelen >= p->caplen);
	CHECK(p->iface < capfile_iface_count(r));
	CHECK(capfile_offset(r) <= size && capfile_size(r) == size);
	mix(res, p->ts_ns);
	mix(res, p->wirelen);
	mix(res, (uint64_t)p->linktype << 32 | p->iface);
	mix(res, name ? strlen(name) : 4711);
	for (uint32_t i = 0; i < p->caplen; i++)
		mix(res, p->data[i]);
}

static struct result read_all(const uint8_t *data, size_t size, size_t buffer_size)
{
	struct result res = {0};
	struct capfile_reader *r = NULL;
	struct capfile_packet p;

	res.rc = capfile_open_mem(data, size, buffer_size, &r, res.error, sizeof(res.error));
	if (res.rc) {
		CHECK(res.rc == -EBADMSG && !r && res.error[0]);
		return res;
	}
	while ((res.rc = capfile_next(r, &p)) == 1)
		check_packet(r, &p, size, &res);
	CHECK(capfile_next(r, &p) == res.rc);
	CHECK(res.packets == capfile_packets(r));
	res.fault = capfile_fault(r);
	CHECK((res.rc < 0) == (res.fault != CAPFILE_FAULT_NONE));
	memcpy(res.error, capfile_error(r), sizeof(res.error));
	capfile_close(r);
	return res;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct result small, large;
	uint8_t *copy;

	if (!size)
		return 0;
	size--;
	copy = fuzz_copy(data, size);
	small = read_all(copy, size, 1 + data[size]);
	large = read_all(copy, size, 1 << 16);
	CHECK(small.rc == large.rc && small.fault == large.fault);
	CHECK(small.packets == large.packets && small.sum == large.sum);
	CHECK(!strcmp(small.error, large.error));
	free(copy);
	return 0;
}
