// SPDX-License-Identifier: GPL-2.0-or-later
/* test_capfile_damage.c - pcapng that is cut off, changed, or wrong in one named way */
#include "capfile_build.h"

static void test_skipped_blocks(void **state)
{
	static const uint32_t types[] = {0, 4, 5, 7, 10, 0x0bad, 0x80000001, UINT32_MAX};
	struct capfile_reader *r;
	struct capfile_packet p;
	FILE_AUTO f = {0};

	(void)state;
	ng_section(&f);
	ng_iface(&f, 1, "eth0", 9, 0);
	for (uint32_t i = 0; i < ARRAY_LEN(types); i++) {
		block_begin(&f, types[i]);
		put_content(&f, 99, i * 4);
		block_end(&f);
		ng_packet(&f, i + 1, 0, 5, 60, 60);
	}
	expect_fault(&f, ARRAY_LEN(types), CAPFILE_FAULT_NONE);
	/* Cut off in a block that is passed over: the report still counts from the block's start. */
	r = open_ok(&(struct file){.d = f.d, .len = f.block - 1}, 16);
	while (capfile_next(r, &p) == 1)
		;
	assert_non_null(
		strstr(capfile_error(r), "cut off in a block: 40 bytes needed, 39 left; 7 packets read"));
	capfile_close(r);
	set32(&f, f.block - 4, 1); /* the length behind the last block passed over */
	expect_fault(&f, ARRAY_LEN(types) - 1, CAPFILE_FAULT_BLOCK_TRAILER);
}

/* A section, two interfaces, a block to pass over and three packets; ends[] are the ends of blocks. */
static size_t small_file(struct file *f, size_t *ends)
{
	size_t n = 0;

	ng_section(f);
	ends[n++] = f->len;
	ng_iface(f, 1, "eth0", 9, 0);
	ends[n++] = f->len;
	ng_packet(f, 1, 0, 1, 5, 5);
	ends[n++] = f->len;
	block_begin(f, 5);
	put32(f, 0);
	block_end(f);
	ends[n++] = f->len;
	ng_iface(f, 101, "tun0", 0x8a, 3);
	ends[n++] = f->len;
	ng_packet(f, 2, 1, 2, 7, 70);
	ends[n++] = f->len;
	ng_packet(f, 3, 0, 3, 8, 8);
	ends[n++] = f->len;
	return n;
}

static const uint64_t small_packets[] = {0, 0, 1, 1, 1, 2, 3}; /* complete at each end */

static void test_truncated_everywhere(void **state)
{
	(void)state;
	for (int big = 0; big < 2; big++) {
		FILE_AUTO f = {.big = big};
		size_t ends[8], n = small_file(&f, ends);

		assert_int_equal(n, ARRAY_LEN(small_packets));
		for (size_t cut = 0; cut < f.len; cut++) {
			FILE_AUTO part = {0};
			uint64_t packets = 0;
			bool clean = false;

			put(&part, f.d, cut);
			for (size_t i = 0; i < n && ends[i] <= cut; i++) {
				packets = small_packets[i];
				clean = ends[i] == cut;
			}
			if (cut < ends[0])
				expect_no_open(&part, cut ? "cut off" : "empty");
			else
				expect_fault(&part, packets,
					     clean ? CAPFILE_FAULT_NONE : CAPFILE_FAULT_TRUNCATED);
		}
	}
}

/* Any one byte changed to anything: no crash, and the packets of earlier blocks stay what they were. */
static void test_any_byte_changed(void **state)
{
	FILE_AUTO f = {0};
	size_t ends[8], n = small_file(&f, ends);

	(void)state;
	for (size_t at = 0; at < f.len; at++) {
		uint8_t old = f.d[at];
		uint64_t before = 0;

		for (size_t i = 0; i < n && ends[i] <= at; i++)
			before = small_packets[i];
		for (unsigned int v = 0; v < 256; v++) {
			struct capfile_reader *r = NULL;
			struct capfile_packet p;
			uint64_t got = 0;

			f.d[at] = (uint8_t)v;
			if (capfile_open_mem(f.d, f.len, 64, &r, NULL, 0) == 0)
				while (capfile_next(r, &p) == 1)
					if (++got <= before)
						expect_content(&p, (uint32_t)got, p.caplen);
			/* 4: the block passed over may become a simple packet block. */
			assert_true(got >= before && got <= 4);
			capfile_close(r);
		}
		f.d[at] = old;
	}
}

/* The small file with 32 bits changed at @at: packets before, and the fault. */
static void expect_damage(size_t at, uint32_t value, uint64_t packets, enum capfile_fault fault)
{
	for (int big = 0; big < 2; big++) {
		FILE_AUTO f = {.big = big};
		size_t ends[8];

		small_file(&f, ends);
		set32(&f, at, value);
		expect_fault(&f, packets, fault);
	}
}

static void test_damage(void **state)
{
	FILE_AUTO f = {0};
	size_t e[8];

	(void)state;
	small_file(&f, e);
	/* Lengths of a packet block, of one passed over, of an interface block. */
	for (int i = 0; i < 4; i++) {
		static const uint32_t bad[] = {0, 8, 11, 37, (16u << 20) + 4, UINT32_MAX};

		for (size_t b = 0; b < ARRAY_LEN(bad); b++)
			expect_damage(e[i] + 4, bad[b], small_packets[i], CAPFILE_FAULT_BLOCK_LENGTH);
	}
	expect_damage(e[1] + 4, 28, 0, CAPFILE_FAULT_BLOCK_LENGTH);	/* too short for a packet */
	expect_damage(e[0] + 4, 16, 0, CAPFILE_FAULT_BLOCK_LENGTH);	/* too short for an interface */
	expect_damage(e[1] + 4, 16u << 20, 0, CAPFILE_FAULT_TRUNCATED); /* possible, but not there */
	expect_damage(e[2] + 4, 16u << 20, 1, CAPFILE_FAULT_TRUNCATED);
	expect_damage(e[1] + 4, 36, 0, CAPFILE_FAULT_BLOCK_TRAILER);
	expect_damage(e[2] - 4, 44, 0, CAPFILE_FAULT_BLOCK_TRAILER);
	expect_damage(e[1] - 4, 44, 0, CAPFILE_FAULT_BLOCK_TRAILER);
	expect_damage(e[1] + 8, 1, 0, CAPFILE_FAULT_INTERFACE);
	expect_damage(e[4] + 8, 2, 1, CAPFILE_FAULT_INTERFACE);
	expect_damage(e[4] + 8, UINT32_MAX, 1, CAPFILE_FAULT_INTERFACE);
	expect_damage(e[1] + 20, 9, 0, CAPFILE_FAULT_CAPLEN); /* one beyond the padding */
	expect_damage(e[1] + 20, UINT32_MAX, 0, CAPFILE_FAULT_CAPLEN);
	expect_damage(e[4] + 12, UINT32_MAX, 1, CAPFILE_FAULT_TIMESTAMP);
}

static void test_section_headers(void **state)
{
	FILE_AUTO f = {0}, g = {0};

	(void)state;
	ng_section(&f);
	put(&g, f.d, f.len);
	set32(&g, 8, 0x11223344);
	expect_no_open(&g, "byte-order");
	set32(&g, 8, 0x1a2b3c4d);
	set32(&g, 12, 2); /* major 2, minor 0 */
	expect_no_open(&g, "pcapng version 2.0");
	set32(&g, 12, 0x00050001); /* 1.5 */
	expect_fault(&g, 0, CAPFILE_FAULT_NONE);
	set32(&g, 4, 24);
	expect_no_open(&g, "24 bytes");
	set32(&g, 4, UINT32_MAX - 3);
	expect_no_open(&g, "4294967292 bytes");

	/* The same in the middle. */
	file_free(&g);
	put(&g, f.d, f.len);
	ng_iface(&g, 1, NULL, -1, 0);
	ng_packet(&g, 1, 0, 5, 8, 8);
	put(&g, f.d, f.len);
	set32(&g, g.len - f.len + 8, 0x11223344);
	expect_fault(&g, 1, CAPFILE_FAULT_BYTE_ORDER);
	set32(&g, g.len - f.len + 8, 0x1a2b3c4d);
	set32(&g, g.len - f.len + 12, 3);
	expect_fault(&g, 1, CAPFILE_FAULT_VERSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_skipped_blocks),	 cmocka_unit_test(test_truncated_everywhere),
		cmocka_unit_test(test_any_byte_changed), cmocka_unit_test(test_damage),
		cmocka_unit_test(test_section_headers),
	};

	return cmocka_run_group_tests_name("capfile_damage", tests, NULL, NULL);
}
