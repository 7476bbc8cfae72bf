// SPDX-License-Identifier: GPL-2.0-or-later
/* test_capfile.c - classic pcap, what does not open, error reports, the public captures */
#include <stdio.h>
#include <unistd.h>

#include "capfile_build.h"

#define USEC 0xa1b2c3d4u
#define NSEC 0xa1b23c4du
#define KUZNETZOV 0xa1b2cd34u

static void test_formats(void **state)
{
	static const uint32_t magics[] = {USEC, NSEC, KUZNETZOV};

	(void)state;
	for (size_t m = 0; m < ARRAY_LEN(magics); m++)
		for (int big = 0; big < 2; big++) {
			uint32_t limit = magics[m] == NSEC ? 1000000000 : 1000000;
			FILE_AUTO f = {.big = big};

			pcap_head(&f, magics[m], 0x40000001); /* Ethernet, with the bits for an FCS of 4 */
			for (uint32_t i = 1; i <= 3; i++) {
				put32(&f, 1700000000 + i);
				put32(&f, i == 3 ? limit - 1 : i);
				put32(&f, i * 11);
				put32(&f, i * 100);
				if (magics[m] == KUZNETZOV)
					put64(&f, 0x0102030405060708);
				put_content(&f, i, i * 11);
			}
			for (size_t b = 0; b < ARRAY_LEN(buffer_sizes); b++) {
				struct capfile_reader *r = open_ok(&f, buffer_sizes[b]);
				struct capfile_packet p;

				assert_int_equal(capfile_size(r), f.len);
				for (uint32_t i = 1; i <= 3; i++) {
					uint64_t frac = i == 3 ? limit - 1 : i;

					assert_int_equal(capfile_next(r, &p), 1);
					expect_content(&p, i, i * 11);
					assert_int_equal(p.wirelen, i * 100);
					assert_int_equal(p.linktype, 1);
					assert_int_equal(p.iface, 0);
					assert_true(p.ts_ns == (1700000000 + i) * UINT64_C(1000000000) +
								       frac * (1000000000 / limit));
				}
				assert_int_equal(capfile_offset(r), f.len);
				assert_int_equal(capfile_next(r, &p), 0);
				assert_int_equal(capfile_next(r, &p), 0);
				assert_int_equal(capfile_iface_count(r), 1);
				assert_null(capfile_iface_name(r, 0));
				assert_string_equal(capfile_error(r), "");
				capfile_close(r);
			}
		}
}

static void test_lengths(void **state)
{
	FILE_AUTO f = {0}, none = {0};
	struct capfile_reader *r;
	struct capfile_packet p;

	(void)state;
	/* A header without packets is a capture. */
	pcap_head(&none, USEC, 1);
	expect_fault(&none, 0, CAPFILE_FAULT_NONE);

	pcap_head(&f, USEC, 1);
	pcap_packet(&f, 1, 1, 0, 0, 60);		 /* nothing captured */
	pcap_packet(&f, 2, 1, 0, 60, 14);		 /* claims more captured than sent */
	pcap_packet(&f, 3, 1, 0, CAPFILE_CAPLEN_MAX, 9); /* the largest */
	pcap_packet(&f, 4, UINT32_MAX, 999999, 1, UINT32_MAX);
	r = open_ok(&f, 0);
	assert_int_equal(capfile_next(r, &p), 1);
	expect_content(&p, 1, 0);
	assert_int_equal(p.wirelen, 60);
	assert_int_equal(capfile_next(r, &p), 1);
	assert_int_equal(p.wirelen, 60);
	assert_int_equal(capfile_next(r, &p), 1);
	expect_content(&p, 3, CAPFILE_CAPLEN_MAX);
	assert_int_equal(p.wirelen, CAPFILE_CAPLEN_MAX);
	assert_int_equal(capfile_next(r, &p), 1);
	assert_int_equal(p.wirelen, UINT32_MAX);
	assert_true(p.ts_ns == UINT64_C(4294967295999999000));
	assert_int_equal(capfile_next(r, &p), 0);
	capfile_close(r);

	pcap_packet(&f, 5, 1, 0, CAPFILE_CAPLEN_MAX + 1, CAPFILE_CAPLEN_MAX + 1);
	expect_fault(&f, 4, CAPFILE_FAULT_CAPLEN);
}

static void test_damage(void **state)
{
	(void)state;
	for (int big = 0; big < 2; big++) {
		FILE_AUTO f = {.big = big}, n = {.big = big};

		pcap_head(&f, USEC, 1);
		pcap_packet(&f, 1, 1, 0, 9, 9);
		pcap_packet(&f, 2, 1, 1000000, 9, 9);
		expect_fault(&f, 1, CAPFILE_FAULT_TIMESTAMP);
		set32(&f, f.len - 9 - 12, 999999);
		expect_fault(&f, 2, CAPFILE_FAULT_NONE);
		set32(&f, f.len - 9 - 8, 10);
		expect_fault(&f, 1, CAPFILE_FAULT_TRUNCATED);
		set32(&f, f.len - 9 - 8, UINT32_MAX);
		expect_fault(&f, 1, CAPFILE_FAULT_CAPLEN);

		pcap_head(&n, NSEC, 1);
		pcap_packet(&n, 1, 1, 1000000000, 9, 9);
		expect_fault(&n, 0, CAPFILE_FAULT_TIMESTAMP);
	}
}

/* Complete packets in the first @len bytes of the small file; *ret_clean: and nothing else. */
static uint64_t small_packets(size_t len, bool *ret_clean)
{
	static const size_t ends[] = {24, 45, 61, 94};
	uint64_t n = 0;

	*ret_clean = false;
	for (size_t i = 0; i < ARRAY_LEN(ends) && ends[i] <= len; i++) {
		n = i;
		*ret_clean = ends[i] == len;
	}
	return n;
}

static void test_truncated_everywhere(void **state)
{
	FILE_AUTO f = {0};

	(void)state;
	pcap_small_file(&f);
	assert_int_equal(f.len, 94);
	for (size_t cut = 0; cut <= f.len; cut++) {
		FILE_AUTO part = {0};
		bool clean;
		uint64_t n = small_packets(cut, &clean);

		put(&part, f.d, cut);
		if (cut < 24)
			expect_no_open(&part, cut ? "cut off" : "empty");
		else
			expect_fault(&part, n, clean ? CAPFILE_FAULT_NONE : CAPFILE_FAULT_TRUNCATED);
	}
}

static void test_any_byte_changed(void **state)
{
	FILE_AUTO f = {0};

	(void)state;
	pcap_small_file(&f);
	for (size_t at = 0; at < f.len; at++) {
		uint8_t old = f.d[at];
		bool clean;
		uint64_t before = small_packets(at, &clean);

		for (unsigned int v = 0; v < 256; v++) {
			struct capfile_reader *r = NULL;
			struct capfile_packet p;
			uint64_t got = 0;

			f.d[at] = (uint8_t)v;
			if (capfile_open_mem(f.d, f.len, 32, &r, NULL, 0) == 0)
				while (capfile_next(r, &p) == 1)
					if (++got <= before)
						expect_content(&p, (uint32_t)got, p.caplen);
			assert_true(got >= before && got <= f.len / 16);
			capfile_close(r);
		}
		f.d[at] = old;
	}
}

static void test_open_errors(void **state)
{
	static const struct {
		const char *start;
		const char *word;
	} foreign[] = {
		{"#!/bin/sh\n", "neither pcap nor pcapng (starts with 23 21 2f 62)"},
		{"\x28\xb5\x2f\xfd", "zstd -dc"},
		{"\xfd"
		 "7zXZ",
		 "xz -dc"},
		{"BZh9", "bzip2 -dc"},
		{"\x04\x22\x4d\x18", "lz4 -dc"},
		{"PK\x03\x04", "unzip -p"},
		{"snoop", "editcap"},
		{"GMBU", "editcap"},
	};
	struct capfile_reader *r = NULL;
	char err[CAPFILE_ERROR_MAX], tiny[8] = "xxxxxxx", path[1000];
	FILE_AUTO f = {0};

	(void)state;
	assert_int_equal(capfile_open("/nonexistent/a.pcap", &r, err, sizeof(err)), -ENOENT);
	assert_string_equal(err, "/nonexistent/a.pcap: cannot open: No such file or directory");
	assert_int_equal(capfile_open("/", &r, err, sizeof(err)), -EISDIR);
	assert_string_equal(err, "/: cannot read: Is a directory");
	assert_int_equal(capfile_open("/dev/null", &r, err, sizeof(err)), -EBADMSG);
	assert_string_equal(err, "/dev/null: empty: not even a file header");
	assert_int_equal(capfile_open("/dev/null", &r, tiny, sizeof(tiny)), -EBADMSG);
	assert_string_equal(tiny, "/dev/nu");
	/* A long name keeps its end, and leaves room for the cause; nothing reaches a terminal raw. */
	memset(path, 'p', sizeof(path));
	path[0] = '/';
	memcpy(path + 980, "/\x1b[2J\nend.pcap", 15);
	assert_int_equal(capfile_open(path, &r, err, sizeof(err)), -ENAMETOOLONG);
	assert_non_null(strstr(err, "/?[2J?end.pcap: cannot open: File name too long"));
	for (size_t i = 0; i < ARRAY_LEN(foreign); i++) {
		file_free(&f);
		put(&f, foreign[i].start, strlen(foreign[i].start));
		expect_no_open(&f, foreign[i].word);
	}
	file_free(&f);
	pcap_head(&f, USEC, 1);
	f.d[6] = 3;
	expect_no_open(&f, "pcap version 2.3");
	f.d[4] = 1;
	expect_no_open(&f, "pcap version 1.3");
	assert_null(r);
	capfile_close(NULL);
}

/* Object, cause, how far. */
static void test_report(void **state)
{
	struct capfile_reader *r = NULL;
	struct capfile_packet p;
	FILE_AUTO f = {0}, z = {0};

	(void)state;
	pcap_small_file(&f);
	f.len--;
	r = open_ok(&f, 0);
	while (capfile_next(r, &p) == 1)
		;
	assert_string_equal(
		capfile_error(r),
		"memory: cut off in a packet: 33 bytes needed, 32 left; 2 packets read, stopped at byte 61");
	capfile_close(r);
	put_gzip(&z, f.d, f.len);
	r = open_ok(&z, 0);
	while (capfile_next(r, &p) == 1)
		;
	assert_string_equal(capfile_error(r), "memory: cut off in a packet: 33 bytes needed, 32 left; "
					      "2 packets read, stopped at byte 61 (decompressed)");
	capfile_close(r);
	z.len -= 4;
	r = open_ok(&z, 0);
	while (capfile_next(r, &p) == 1)
		;
	assert_string_equal(capfile_error(r), "memory: the gzip data is cut off; "
					      "2 packets read, stopped at byte 61 (decompressed)");
	capfile_close(r);
	assert_string_equal(capfile_fault_name(CAPFILE_FAULT_GZIP_TRUNCATED), "gzip-truncated");
	assert_string_equal(capfile_fault_name((enum capfile_fault)1000), "unknown");
}

/* The public captures: as many packets as capinfos counts. */
static void test_public_captures(void **state)
{
	static const struct {
		const char *name;
		uint64_t packets;
		uint32_t linktype;
	} files[] = {
		{"02-sunrise-sunset-esp.pcap", 8, 1},
		{"08-sunrise-sunset-esp2.pcap", 8, 1},
		{"ISAKMP_sa_setup.pcap", 9, 1},
		{"esp_truncated.pcap", 1, 1},
		{"espudp1.pcap", 8, 1},
		{"ikev2four.pcap", 21, 0},
		{"ikev2pI2-segfault.pcapng", 1, 0},
		{"ikev2pI2.pcap", 2, 0},
		{"isakmp-3948-oobr-2.pcap", 1, 1},
		{"isakmp-delete-segfault.pcap", 1, 1},
		{"isakmp-identification-segfault.pcap", 1, 0},
		{"isakmp-pointer-loop.pcap", 1, 1},
		{"isakmp-rfc3948-oobr.pcap", 23, 1},
		{"isakmp-various-oobr.pcap", 2, 1},
		{"isakmp4500.pcap", 35, 1},
	};
	const char *env = getenv("ESPIAL_CAPTURES");
	const char *dirs[] = {env, "../shared/captures", "/work/shared/captures"};
	const char *dir = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(dirs) && !dir; i++)
		if (dirs[i] && !access(dirs[i], R_OK))
			dir = dirs[i];
	if (!dir) {
		print_message("SKIP: no public captures here (set ESPIAL_CAPTURES to their directory)\n");
		skip();
	}
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct capfile_reader *r = NULL;
		struct capfile_packet p;
		char path[512], err[CAPFILE_ERROR_MAX] = "";
		uint64_t n = 0;

		snprintf(path, sizeof(path), "%s/%s", dir, files[i].name);
		if (capfile_open(path, &r, err, sizeof(err)))
			fail_msg("%s", err);
		while (capfile_next(r, &p) == 1) {
			n++;
			assert_int_equal(p.linktype, files[i].linktype);
		}
		assert_string_equal(capfile_error(r), "");
		assert_int_equal(n, files[i].packets);
		assert_int_equal(capfile_offset(r), capfile_size(r));
		capfile_close(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),		 cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_damage),		 cmocka_unit_test(test_truncated_everywhere),
		cmocka_unit_test(test_any_byte_changed), cmocka_unit_test(test_open_errors),
		cmocka_unit_test(test_report),		 cmocka_unit_test(test_public_captures),
	};

	return cmocka_run_group_tests_name("capfile", tests, NULL, NULL);
}
