// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_xfrm.c - libFuzzer target of the XFRM messages and of what is folded from them
 *
 * The input is a series of netlink messages; bit 0 of a message's sequence number says that it answers a dump, the port 1
 * begins a dump and 2 ends it. Beside memory safety it asserts that the index and the entries agree.
 */

#include <libmnl/libmnl.h>

#include "fuzz/fuzz.h"
#include "source/xfrm_table.h"

static void check_index(const struct xfrm_index *index)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < index->buckets; i++) {
		CHECK(index->bucket[i] <= index->count);
		used += index->bucket[i] != 0;
	}
	CHECK(used == index->count && index->count <= index->room);
}

static void check_sas(const struct xfrm_table *t)
{
	for (uint32_t i = 0; i < t->sas.count; i++) {
		CHECK(memchr(t->sa[i].aead.name, 0, FACT_ALGORITHM));
		CHECK(memchr(t->sa[i].encryption.name, 0, FACT_ALGORITHM));
		CHECK(memchr(t->sa[i].integrity.name, 0, FACT_ALGORITHM));
		CHECK(t->sa[i].spi && (t->sa[i].family == 4 || t->sa[i].family == 6));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nlmsghdr *copy = malloc(MNL_ALIGN(size) + 1);
	const struct nlmsghdr *header = copy;
	struct xfrm_message message;
	struct xfrm_table table;
	int left = (int)size;

	if (!copy)
		return 0;
	memset(copy, 0, MNL_ALIGN(size) + 1);
	memcpy(copy, data, size);
	xfrm_table_init(&table, NULL, NULL);
	for (; xfrm_fits(header, left); header = mnl_nlmsg_next(header, &left)) {
		if (header->nlmsg_pid == 1)
			xfrm_table_dump_begin(&table);
		if (!xfrm_parse(header, &message))
			CHECK(!xfrm_table_fold(&table, &message, header->nlmsg_seq & 1, 1000));
		if (header->nlmsg_pid == 2 && table.dumping)
			xfrm_table_dump_end(&table, true);
		check_index(&table.sas);
		check_index(&table.policies);
	}
	xfrm_table_directions(&table, NULL, NULL);
	check_sas(&table);
	xfrm_table_free(&table);
	free(copy);
	return 0;
}
