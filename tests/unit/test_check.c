// SPDX-License-Identifier: GPL-2.0-or-later
/* test_check.c - what espial check concludes of hosts that this one is not */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <linux/capability.h>

#include "export/check_json.h"
#include "model/check.h"
#include "ui/check_text.h"

#define BIT(n) (1ULL << (n))

/* One that has everything, with one interface. */
struct sample {
	struct check_host host;
	struct check_interface interface;
};

static void sample(struct sample *s)
{
	memset(s, 0, sizeof(*s));
	s->interface = (struct check_interface){
		.name = "eth0",
		.driver = "mlx5_core",
		.ifindex = 2,
		.mtu = 1500,
		.up = true,
		.ethernet = true,
		.native_xdp = CHECK_YES,
		.xdp_frags = CHECK_YES,
		.features_seen = true,
		.gro = CHECK_FEATURE_ON,
	};
	s->host = (struct check_host){
		.name = "gateway",
		.release = "6.12.1",
		.major = 6,
		.minor = 12,
		.btf = CHECK_YES,
		.tcx = CHECK_YES,
		.jit = 1,
		.bpffs = CHECK_YES,
		.bpffs_writable = true,
		.memlock = UINT64_MAX,
		.capabilities_seen = true,
		.capabilities = UINT64_MAX,
		.probes = {{"XDP programs", CHECK_YES}, {"bpf_loop", CHECK_YES}},
		.probe_count = 2,
		.xfrm = CHECK_YES,
		.xfrm_sas = 4,
		.xfrm_stat = true,
		.interfaces = &s->interface,
		.interface_count = 1,
	};
}

static struct check_rows rows; /* of the latest judge() */

static void judge(const struct sample *s)
{
	check_rows_free(&rows);
	assert_int_equal(check_judge(&s->host, &rows), 0);
	for (size_t i = 0; i < rows.count; i++) {
		const struct check_row *row = &rows.row[i];

		assert_true(*row->value != 0);
		/* Each lack says what it means and what to do */
		if (row->status >= CHECK_LACK)
			assert_true(*row->consequence && (*row->remedy || !strcmp(row->id, "daemon")));
		assert_true(!strcmp(row->area, "interface") == (*row->interface != 0));
		assert_null(strstr(row->remedy, "NAME"));
	}
}

static const struct check_row *find(const char *id)
{
	for (size_t i = 0; i < rows.count; i++)
		if (!strcmp(rows.row[i].id, id))
			return &rows.row[i];
	return NULL;
}

/* The row that there must be. */
static const struct check_row *row_of(const char *id)
{
	const struct check_row *row = find(id);

	if (!row) {
		print_error("no row %s\n", id);
		abort();
	}
	return row;
}

static void assert_row(const char *id, enum check_status status, const char *part)
{
	const struct check_row *row = row_of(id);

	if (row->status != status || !strstr(row->value, part))
		fail_msg("%s: %s, '%s'", id, check_status_name(row->status), row->value);
}

static void assert_plan(const struct sample *s, const char *ingress, const char *egress)
{
	struct check_plan plan = check_plan(&s->host, &s->interface);

	assert_string_equal(plan.ingress, ingress);
	assert_string_equal(plan.egress, egress);
}

static void test_everything(void **state)
{
	struct sample s;

	(void)state;
	sample(&s);
	judge(&s);
	for (size_t i = 0; i < rows.count; i++)
		assert_int_equal(rows.row[i].status, CHECK_OK);
	assert_plan(&s, "xdp native", "tcx");
	assert_row("plan", CHECK_OK, "in by xdp native, out by tcx");
}

static void test_kernel(void **state)
{
	static const struct {
		unsigned int major, minor;
		enum check_status status;
	} versions[] = {{5, 15, CHECK_BLOCK},
			{6, 0, CHECK_BLOCK},
			{6, 1, CHECK_OK},
			{7, 0, CHECK_OK},
			{0, 0, CHECK_NOT_SEEN}};
	struct sample s;

	(void)state;
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		sample(&s);
		s.host.major = versions[i].major;
		s.host.minor = versions[i].minor;
		judge(&s);
		assert_row("kernel", versions[i].status, "6.12.1");
	}
	sample(&s);
	s.host.btf = CHECK_NO;
	s.host.jit = 0;
	s.host.tcx = CHECK_NO;
	s.host.probes[1].seen = CHECK_NO;
	memcpy(s.host.lockdown, "confidentiality", 16);
	judge(&s);
	assert_row("btf", CHECK_LACK, "no ");
	assert_row("jit", CHECK_LACK, "= 0");
	assert_row("tcx", CHECK_NOTE, "clsact");
	assert_row("bpf", CHECK_BLOCK, "without bpf_loop");
	assert_row("plan", CHECK_NOTE, "would not watch it");
	assert_row("lockdown", CHECK_LACK, "confidentiality");
	assert_plan(&s, "xdp native", "clsact");
	memcpy(s.host.lockdown, "integrity", 10);
	s.host.jit = -1;
	judge(&s);
	assert_row("lockdown", CHECK_NOTE, "integrity");
	assert_row("jit", CHECK_NOT_SEEN, "");
}

static void test_bpffs(void **state)
{
	struct sample s;

	(void)state;
	sample(&s);
	s.host.bpffs = CHECK_NO;
	s.host.bpffs_writable = false;
	judge(&s);
	assert_row("bpffs", CHECK_LACK, "not mounted");
	assert_string_equal(row_of("bpffs")->remedy, "mount -t bpf bpf /sys/fs/bpf");
	s.host.bpffs = CHECK_YES;
	judge(&s);
	assert_row("bpffs", CHECK_LACK, "read-only");
	s.host.uid = 1000;
	judge(&s);
	assert_row("bpffs", CHECK_NOTE, "user 1000");
}

/* Exactly the sets of check_features.def, each without one of its capabilities. */
static void test_privileges(void **state)
{
	static const struct {
		uint64_t set;
		enum check_status run, sas, probe, foreign;
	} rows_[] = {
		{0, CHECK_BLOCK, CHECK_LACK, CHECK_LACK, CHECK_NOTE},
		{BIT(CAP_BPF) | BIT(CAP_NET_ADMIN) | BIT(CAP_PERFMON), CHECK_OK, CHECK_OK, CHECK_LACK,
		 CHECK_NOTE},
		{BIT(CAP_BPF) | BIT(CAP_NET_ADMIN), CHECK_BLOCK, CHECK_OK, CHECK_LACK, CHECK_NOTE},
		{BIT(CAP_BPF) | BIT(CAP_PERFMON), CHECK_BLOCK, CHECK_LACK, CHECK_LACK, CHECK_NOTE},
		{BIT(CAP_NET_ADMIN) | BIT(CAP_PERFMON), CHECK_BLOCK, CHECK_OK, CHECK_LACK, CHECK_NOTE},
		{BIT(CAP_SYS_ADMIN) | BIT(CAP_NET_ADMIN), CHECK_OK, CHECK_OK, CHECK_LACK, CHECK_OK},
		{BIT(CAP_SYS_ADMIN), CHECK_BLOCK, CHECK_LACK, CHECK_LACK, CHECK_OK},
		{BIT(CAP_NET_RAW), CHECK_BLOCK, CHECK_LACK, CHECK_OK, CHECK_NOTE},
	};
	struct sample s;

	(void)state;
	for (size_t i = 0; i < sizeof(rows_) / sizeof(rows_[0]); i++) {
		sample(&s);
		s.host.capabilities = rows_[i].set;
		judge(&s);
		assert_int_equal(row_of("run")->status, rows_[i].run);
		assert_int_equal(row_of("kernel-sas")->status, rows_[i].sas);
		assert_int_equal(row_of("probe")->status, rows_[i].probe);
		assert_int_equal(row_of("foreign")->status, rows_[i].foreign);
	}
	sample(&s);
	s.host.capabilities = BIT(CAP_NET_ADMIN);
	s.host.memlock = 8 << 20;
	judge(&s);
	assert_row("run", CHECK_BLOCK, "without CAP_BPF, CAP_PERFMON");
	assert_string_equal(
		row_of("run")->remedy,
		"run as root, or as a service with AmbientCapabilities=CAP_BPF CAP_NET_ADMIN CAP_PERFMON");
	assert_row("memlock", CHECK_OK, "8192 KiB");
	s.host.capabilities_seen = false;
	judge(&s);
	assert_row("run", CHECK_NOT_SEEN, "needs CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON");
}

static void test_ipsec(void **state)
{
	struct sample s;

	(void)state;
	sample(&s);
	s.host.daemon_count = 4;
	s.host.daemons[0] = (struct check_daemon){.kind = "strongSwan",
						  .socket = "/run/charon.vici",
						  .version = "strongSwan 5.9.8",
						  .exists = true,
						  .available = true,
						  .connections = 3,
						  .ikes = 2};
	s.host.daemons[1] = (struct check_daemon){.kind = "strongSwan", .socket = "/run/b"};
	s.host.daemons[2] = (struct check_daemon){
		.kind = "strongSwan", .socket = "/run/c", .exists = true, .why = "permission denied"};
	s.host.daemons[3] =
		(struct check_daemon){.kind = "libreswan", .socket = "/run/pluto/pluto.ctl", .exists = true};
	judge(&s);
	assert_row("xfrm", CHECK_OK, "4 now");
	assert_row("netns", CHECK_OK, "0 others, none has SAs");
	s.host.other_spaces = 3;
	s.host.unseen_spaces = 1;
	judge(&s);
	assert_row("netns", CHECK_NOT_SEEN, "1 of 3 others cannot be looked into");
	s.host.unseen_spaces = 0;
	s.host.spaces_hidden = true;
	judge(&s);
	assert_row("netns", CHECK_NOT_SEEN, "nor those of other users' processes");
	s.host.spaces[0] = (struct check_space){.name = "/proc/7/ns/net", .held_by = "charon", .sas = 12};
	s.host.space_count = 1;
	judge(&s);
	assert_row("netns", CHECK_NOTE, "/proc/7/ns/net (charon): 12 SAs");
	s.host.spaces_hidden = false;
	assert_row("daemon", CHECK_OK, "strongSwan 5.9.8 at /run/charon.vici: 3 connections, 2 IKE SAs");
	for (size_t i = 0, n = 0; i < rows.count; i++)
		if (!strcmp(rows.row[i].id, "daemon")) {
			static const enum check_status wanted[] = {CHECK_OK, CHECK_NOTE, CHECK_LACK,
								   CHECK_NOTE};

			assert_int_equal(rows.row[i].status, wanted[n++]);
		}
	s.host.xfrm_refused = true;
	judge(&s);
	assert_row("xfrm", CHECK_NOT_SEEN, "refuses");
	s.host.xfrm = CHECK_NO;
	s.host.xfrm_stat = false;
	judge(&s);
	assert_row("xfrm", CHECK_LACK, "no XFRM");
	assert_row("xfrm-stat", CHECK_LACK, "no /proc");
}

static size_t esp_gro_rows(void)
{
	size_t found = 0;

	for (size_t i = 0; i < rows.count; i++)
		if (!strcmp(rows.row[i].area, "interface") && !strcmp(rows.row[i].id, "esp-gro")) {
			assert_int_equal(rows.row[i].status, CHECK_LACK);
			found++;
		}
	return found;
}

/* ESP in GRO hides packets from tc ingress, and from XDP of what is on top of the device that receives. */
static void test_esp_offload(void **state)
{
	struct sample s;

	(void)state;
	sample(&s);
	s.host.esp4_offload = true;
	judge(&s);
	assert_row("esp-gro", CHECK_NOTE, "esp4_offload loaded");
	assert_string_equal(row_of("esp-gro")->area, "IPsec");
	assert_int_equal(esp_gro_rows(), 0);

	s.interface.native_xdp = CHECK_NO;
	judge(&s);
	assert_plan(&s, "xdp generic", "tcx");
	assert_int_equal(esp_gro_rows(), 0);
	strcpy(s.interface.stack, "part of bond0");
	judge(&s);
	assert_int_equal(esp_gro_rows(), 0);
	strcpy(s.interface.stack, "on top of eth0");
	judge(&s);
	assert_int_equal(esp_gro_rows(), 1);

	s.interface.stack[0] = '\0';
	s.interface.xdp_mode = CHECK_XDP_NATIVE;
	strcpy(s.interface.xdp_name, "other");
	judge(&s);
	assert_plan(&s, "tcx", "tcx");
	assert_int_equal(esp_gro_rows(), 1);
	s.interface.gro = CHECK_FEATURE_OFF;
	judge(&s);
	assert_int_equal(esp_gro_rows(), 0);
	s.interface.gro = CHECK_FEATURE_ON;

	memcpy(s.interface.xdp_name, "esp_xdp_in", 11);
	judge(&s);
	assert_int_equal(esp_gro_rows(), 0);
}

static void test_hooks(void **state)
{
	struct sample s;

	(void)state;
	sample(&s);
	s.interface.xdp_mode = CHECK_XDP_NATIVE;
	s.interface.xdp_id = 77;
	memcpy(s.interface.xdp_name, "cil_xdp", 8);
	s.interface.tc_count = 3;
	s.interface.tc[0] =
		(struct check_tc){.egress = true, .tcx = true, .id = 5, .kind = "bpf", .name = "cil_to"};
	s.interface.tc[1] = (struct check_tc){.egress = false, .priority = 10, .kind = "u32"};
	s.interface.tc[2] = (struct check_tc){.egress = false, .id = 9, .kind = "bpf", .name = "esp_tc_in"};
	judge(&s);
	assert_row("xdp", CHECK_LACK, "taken by program 77 (cil_xdp), native");
	assert_string_equal(row_of("xdp")->remedy, "if nobody needs it: ip link set dev eth0 xdp off");
	assert_row("tc-ingress", CHECK_NOTE, "shared with filter u32, priority 10");
	assert_row("tc-egress", CHECK_NOTE, "shared with TCX program 5 (cil_to)");
	assert_plan(&s, "tcx", "tcx");

	/* Without a name it is somebody's; with ours it is ours. */
	*s.interface.xdp_name = 0;
	judge(&s);
	assert_row("xdp", CHECK_LACK, "taken by program 77, native");
	memcpy(s.interface.xdp_name, "esp_xdp_in", 11);
	s.interface.tc_count = 0;
	judge(&s);
	assert_row("xdp", CHECK_OK, "held by program 77 (esp_xdp_in)");
	assert_row("tc-ingress", CHECK_OK, "free");
	assert_plan(&s, "xdp native", "tcx");
}

static void test_devices(void **state)
{
	struct sample s;

	(void)state;
	sample(&s);
	s.interface.ethernet = false;
	s.host.tcx = CHECK_UNSEEN;
	s.host.minor = 1;
	judge(&s);
	assert_plan(&s, "clsact", "clsact");
	assert_row("xdp", CHECK_NOTE, "without a link header");

	sample(&s);
	s.interface.native_xdp = CHECK_UNSEEN;
	judge(&s);
	assert_row("plan", CHECK_OK, "xdp native, out by tcx (else xdp generic)");
	s.interface.native_xdp = CHECK_NO;
	judge(&s);
	assert_row("xdp", CHECK_NOTE, "generic only");
	assert_plan(&s, "xdp generic", "tcx");

	sample(&s);
	s.interface.mtu = 9000;
	judge(&s);
	assert_null(find("xdp-mtu"));
	s.interface.xdp_frags = CHECK_NO;
	judge(&s);
	assert_row("xdp-mtu", CHECK_NOTE, "MTU 9000");

	sample(&s);
	memcpy(s.interface.stack, "on top of eth9", 15);
	s.interface.lro = CHECK_FEATURE_ON;
	s.interface.esp_hw_offload = CHECK_FEATURE_ON;
	judge(&s);
	assert_row("device", CHECK_NOTE, "on top of eth9");
	assert_row("lro", CHECK_NOTE, "on");
	assert_row("offload", CHECK_NOTE, "ESP on, ESP checksum absent, GRO on");
	assert_non_null(strstr(row_of("offload")->remedy, "ethtool -K eth0 esp-hw-offload off"));

	sample(&s);
	s.interface.loopback = true;
	judge(&s);
	assert_row("plan", CHECK_OK, "not watched unless named");
}

/* Names of others' programs and what daemons say reach neither terminal nor JSON as they are. */
static void test_output(void **state)
{
	struct ui_options options = {0};
	char *text = NULL, *json;
	struct sample s;
	json_t *document;
	size_t length;
	FILE *out;

	(void)state;
	sample(&s);
	s.interface.xdp_mode = CHECK_XDP_GENERIC;
	s.interface.xdp_id = 3;
	memcpy(s.interface.xdp_name, "\033[2J\"\xff", 7);
	s.host.daemon_count = 1;
	s.host.daemons[0] = (struct check_daemon){.kind = "strongSwan", .exists = true, .why = "\033]0;x\a"};
	judge(&s);
	out = open_memstream(&text, &length);
	assert_non_null(out);
	ui_print_check(out, &s.host, &rows, &options);
	assert_int_equal(fclose(out), 0);
	assert_null(strchr(text, '\033'));
	assert_non_null(strstr(text, "\\x1b[2J"));
	assert_non_null(strstr(text, "espial run works here, with less"));
	assert_non_null(strstr(text, "\ninterface eth0\n"));
	free(text);

	json = check_json(&s.host, &rows, false, &length);
	assert_non_null(json);
	document = json_loadb(json, length, 0, NULL);
	assert_non_null(document);
	assert_int_equal(json_array_size(json_object_get(document, "checks")), rows.count);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(document, "summary"), "lacks")),
			 2);
	assert_int_equal(json_array_size(json_object_get(document, "interfaces")), 1);
	json_decref(document);
	free(json);
	check_rows_free(&rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything), cmocka_unit_test(test_kernel),
		cmocka_unit_test(test_bpffs),	   cmocka_unit_test(test_privileges),
		cmocka_unit_test(test_ipsec),	   cmocka_unit_test(test_esp_offload),
		cmocka_unit_test(test_hooks),	   cmocka_unit_test(test_devices),
		cmocka_unit_test(test_output),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
