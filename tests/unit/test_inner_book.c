// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is seen on inner interfaces, by tunnel: whose network an address is in, by policies and by what daemons say, and from there
 * to findings, each moved across its threshold both ways with near misses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "diagnose/diagnosis.h"
#include "export/export.h"
#include "model/address.h"
#include "model/inner.h"
#include "model/inner_networks.h"

#define SECOND UINT64_C(1000000000)
#define MANY 10000

static struct state_tunnel tunnels[3];
static struct fact_policy policies[8];
static struct fact_child children[2];
static struct fact_kernel kernel;
static struct fact_daemon charon;
static struct inner_facts facts;
static struct state state;
static struct inner_book *book;
static struct diagnosis *d;
static uint64_t now;

static void parse(const char *text, uint8_t ret[static 16])
{
	assert_true(address_parse(text, ret));
}

static void name_tunnel(size_t i, const char *name, const char *local, const char *remote, uint32_t reqid)
{
	snprintf(tunnels[i].name, sizeof(tunnels[i].name), "%s", name);
	parse(local, tunnels[i].local);
	parse(remote, tunnels[i].remote);
	tunnels[i].reqid = reqid;
	tunnels[i].state = STATE_TUNNEL_UP;
}

static struct fact_policy *add_policy(const char *source, unsigned int source_bits, const char *destination,
				      unsigned int destination_bits, size_t tunnel)
{
	struct fact_policy *p = &policies[kernel.policy_count++];

	memset(p, 0, sizeof(*p));
	parse(source, p->selector.source);
	parse(destination, p->selector.destination);
	p->selector.family = address_family(p->selector.destination);
	p->selector.source_prefix = (uint8_t)source_bits;
	p->selector.destination_prefix = (uint8_t)destination_bits;
	p->direction = FACT_OUT;
	p->has_template = true;
	p->mode = FACT_TUNNEL;
	p->reqid = tunnels[tunnel].reqid;
	memcpy(p->source, tunnels[tunnel].local, 16);
	memcpy(p->destination, tunnels[tunnel].remote, 16);
	return p;
}

static int setup(void **unused)
{
	(void)unused;
	memset(tunnels, 0, sizeof(tunnels));
	memset(children, 0, sizeof(children));
	memset(&facts, 0, sizeof(facts));
	memset(&state, 0, sizeof(state));
	memset(&charon, 0, sizeof(charon));
	name_tunnel(0, "paris", "192.0.2.1", "198.51.100.1", 7);
	name_tunnel(1, "rome", "192.0.2.1", "203.0.113.1", 8);
	name_tunnel(2, "rome-guests", "192.0.2.1", "203.0.113.1", 9);
	kernel = (struct fact_kernel){.available = true, .policies = policies};
	state.tunnels = tunnels;
	state.tunnel_count = 3;
	facts.interface_count = 1;
	strcpy(facts.interfaces[0].name, "lan0");
	now = 1000000 * SECOND;
	book = inner_book_new();
	d = diagnosis_new();
	return book && d ? 0 : -1;
}

static int teardown(void **unused)
{
	(void)unused;
	inner_book_free(book);
	diagnosis_free(d);
	return 0;
}

static uint32_t find(struct inner_networks *n, const char *one, const char *other)
{
	uint8_t a[16], b[16];

	parse(one, a);
	parse(other, b);
	return inner_networks_find(n, a, b);
}

static void test_policies(void **unused)
{
	struct inner_networks *n = inner_networks_new();

	(void)unused;
	assert_non_null(n);
	add_policy("10.1.0.0", 16, "10.2.0.0", 16, 0);
	add_policy("10.1.0.0", 16, "10.2.3.0", 24, 1);
	add_policy("10.1.9.0", 24, "10.2.3.0", 24, 2);
	add_policy("fd01::", 64, "fd02::", 48, 1);
	add_policy("10.1.0.0", 16, "10.5.0.0", 16, 0)->block = true;
	add_policy("10.6.0.0", 16, "10.1.0.0", 16, 0)->direction = FACT_IN;
	add_policy("192.0.2.1", 32, "198.51.100.1", 32, 0)->mode = FACT_TRANSPORT;
	assert_int_equal(inner_networks_learn(n, &state, &kernel, NULL, 0), 0);
	assert_int_equal(find(n, "10.1.0.1", "10.2.0.1"), 0);
	assert_int_equal(find(n, "10.2.0.1", "10.1.0.1"), 0); /* the way back */
	/* The longer prefix, and of those with the same the longer one at the near end: by reqid two of one pair of gateways. */
	assert_int_equal(find(n, "10.1.0.1", "10.2.3.1"), 1);
	assert_int_equal(find(n, "10.2.3.1", "10.1.9.1"), 2);
	assert_int_equal(find(n, "fd01::1", "fd02:0:0:7::1"), 1);
	assert_int_equal(find(n, "fd01::1", "fd02:0:1::1"), STATE_NO_TUNNEL);
	/* One end alone is not enough; what is blocked, comes in or is not tunnelled is none. */
	assert_int_equal(find(n, "10.7.0.1", "10.2.0.1"), STATE_NO_TUNNEL);
	assert_int_equal(find(n, "10.1.0.1", "8.8.8.8"), STATE_NO_TUNNEL);
	assert_int_equal(find(n, "10.1.0.1", "10.5.0.1"), STATE_NO_TUNNEL);
	assert_int_equal(find(n, "10.6.0.1", "10.1.0.1"), STATE_NO_TUNNEL);
	assert_int_equal(find(n, "192.0.2.1", "198.51.100.1"), STATE_NO_TUNNEL);
	/* Without facts there is nothing. */
	kernel.available = false;
	assert_int_equal(inner_networks_learn(n, &state, &kernel, NULL, 0), 0);
	assert_int_equal(find(n, "10.1.0.1", "10.2.0.1"), STATE_NO_TUNNEL);
	inner_networks_free(n);
}

static void test_everything(void **unused)
{
	struct inner_networks *n = inner_networks_new();
	struct fact_policy *p;

	(void)unused;
	assert_non_null(n);
	add_policy("10.1.0.0", 16, "10.2.0.0", 16, 1);
	/* 0.0.0.0/0, as a kernel tells it: no address at all */
	p = add_policy("10.1.0.0", 16, "10.0.0.0", 0, 0);
	memset(p->selector.destination, 0, 16);
	assert_int_equal(inner_networks_learn(n, &state, &kernel, NULL, 0), 0);
	assert_int_equal(find(n, "10.1.0.1", "8.8.8.8"), 0);
	assert_int_equal(find(n, "8.8.8.8", "10.1.0.1"), 0);
	assert_int_equal(find(n, "10.1.0.1", "10.2.0.1"), 1);
	assert_int_equal(find(n, "fd01::1", "fd02::1"), STATE_NO_TUNNEL);
	inner_networks_free(n);
}

static void test_daemons(void **unused)
{
	struct inner_networks *n = inner_networks_new();

	(void)unused;
	assert_non_null(n);
	charon.children = children;
	charon.child_count = 2;
	strcpy(children[0].connection, "paris");
	strcpy(children[0].local_ts, "10.1.0.0/16,10.7.7.7");
	strcpy(children[0].remote_ts, "10.2.0.0..10.2.0.9, 10.3.0.0/16[tcp/80] fd02::/48");
	children[0].mode = FACT_TUNNEL;
	strcpy(children[1].connection, "nobody");
	strcpy(children[1].local_ts, "10.1.0.0/16");
	strcpy(children[1].remote_ts, "10.9.0.0/16");
	children[1].mode = FACT_TUNNEL;
	assert_int_equal(inner_networks_learn(n, &state, NULL, &charon, 1), 0);
	assert_int_equal(find(n, "10.1.0.1", "10.3.0.1"), 0);
	assert_int_equal(find(n, "10.7.7.7", "10.3.0.1"), 0);
	assert_int_equal(find(n, "10.7.7.8", "10.3.0.1"), STATE_NO_TUNNEL);
	assert_int_equal(find(n, "10.1.0.1", "10.2.0.1"), STATE_NO_TUNNEL); /* a range is left out */
	assert_int_equal(find(n, "10.1.0.1", "10.9.0.1"), STATE_NO_TUNNEL); /* of no tunnel */
	children[0].mode = FACT_TRANSPORT;
	assert_int_equal(inner_networks_learn(n, &state, NULL, &charon, 1), 0);
	assert_int_equal(find(n, "10.1.0.1", "10.3.0.1"), STATE_NO_TUNNEL);
	inner_networks_free(n);
}

/* Ten thousand of each, in the time of a look. */
static void test_many(void **unused)
{
	struct state_tunnel *many = calloc(MANY, sizeof(*many));
	struct fact_policy *all = calloc(MANY, sizeof(*all));
	struct inner_networks *n = inner_networks_new();
	uint8_t one[16], other[16];

	(void)unused;
	assert_non_null(many);
	assert_non_null(all);
	assert_non_null(n);
	for (size_t i = 0; i < MANY; i++) {
		parse("192.0.2.1", many[i].local);
		parse("10.200.0.0", many[i].remote);
		many[i].remote[14] = (uint8_t)(i >> 8);
		many[i].remote[15] = (uint8_t)i;
		many[i].reqid = (uint32_t)i + 1;
		kernel.policies = all;
		memcpy(all[i].source, many[i].local, 16);
		memcpy(all[i].destination, many[i].remote, 16);
		all[i].selector.family = 4;
		parse("10.1.0.0", all[i].selector.source);
		all[i].selector.source_prefix = 16;
		parse("172.16.0.0", all[i].selector.destination);
		all[i].selector.destination[13] = (uint8_t)(16 + (i >> 8));
		all[i].selector.destination[14] = (uint8_t)i;
		all[i].selector.destination_prefix = 24;
		all[i].direction = FACT_OUT;
		all[i].has_template = true;
		all[i].mode = FACT_TUNNEL;
		all[i].reqid = (uint32_t)i + 1;
	}
	state.tunnels = many;
	state.tunnel_count = kernel.policy_count = MANY;
	assert_int_equal(inner_networks_learn(n, &state, &kernel, NULL, 0), 0);
	parse("10.1.2.3", one);
	for (size_t i = 0; i < MANY; i++) {
		memcpy(other, all[i].selector.destination, 16);
		other[15] = 9;
		assert_int_equal(inner_networks_find(n, other, one), i);
	}
	inner_networks_free(n);
	free(many);
	free(all);
}

/* ---- events and findings */

static void see(enum esp_direction direction, enum esp_inner_kind kind, unsigned int flags, uint32_t value,
		const char *from, const char *to)
{
	struct esp_inner_event event = {
		.direction = (uint8_t)direction,
		.packet = {.kind = (uint8_t)kind, .flags = (uint8_t)flags, .value = value},
	};
	uint8_t address[16];

	parse(from, address);
	memcpy(event.packet.src, address, 16);
	event.packet.family = address_family(address);
	parse(to, address);
	memcpy(event.packet.dst, address, 16);
	inner_book_event(book, &event, now);
}

/* A SYN-ACK to an inner host. */
static void told(uint32_t mss)
{
	see(ESP_DIR_OUT, ESP_INNER_SYN, ESP_INNER_ACK | ESP_INNER_TOLD, mss, "10.2.0.1", "10.1.0.1");
}

static const struct finding *look(enum finding_id id)
{
	struct diagnose_input input = {.now_ns = now, .live = true, .state = &state, .kernel = &kernel};
	const struct findings *list;

	assert_int_equal(inner_book_look(book, &state, &kernel, NULL, 0), 0);
	state.inner = inner_book_show(book, &facts, &state);
	assert_int_equal(diagnosis_update(d, &input), 0);
	now += SECOND;
	list = diagnosis_raised(d);
	for (size_t i = 0; i < list->count; i++)
		if (list->list[i]->id == id)
			return list->list[i];
	return NULL;
}

static const struct finding *seconds(unsigned int count, enum finding_id id)
{
	const struct finding *f = NULL;

	while (count--)
		f = look(id);
	return f;
}

static void know_paris(void)
{
	add_policy("10.1.0.0", 16, "10.2.0.0", 16, 0);
	add_policy("fd01::", 64, "fd02::", 48, 0);
	tunnels[0].path_mtu = 1500;
	tunnels[0].inner_mtu = 1438;
	tunnels[0].mss4 = 1398;
	tunnels[0].mss6 = 1378;
	strcpy(tunnels[0].mtu_source, "icmp");
	assert_null(look(FINDING_MSS_TOO_HIGH));
}

static void test_mss_too_high(void **unused)
{
	const struct finding *f;

	(void)unused;
	know_paris();
	/* What inner hosts announce may be clamped here; what fits, fits; what has no MSS says nothing. */
	for (int i = 0; i < 40; i++) {
		see(ESP_DIR_IN, ESP_INNER_SYN, ESP_INNER_TOLD, 1460, "10.1.0.1", "10.2.0.1");
		told(1398);
		see(ESP_DIR_OUT, ESP_INNER_SYN, ESP_INNER_GARBLED, 0, "10.2.0.1", "10.1.0.1");
		see(ESP_DIR_OUT, ESP_INNER_SYN, ESP_INNER_TOLD, 9000, "8.8.8.8", "10.1.0.1");
	}
	assert_null(look(FINDING_MSS_TOO_HIGH));
	assert_int_equal(state.inner->matched, 120);
	assert_int_equal(state.inner->unmatched, 40);
	assert_int_equal(state.inner->tunnels[0].side[ESP_DIR_OUT].without, 40);
	told(1399);
	told(1460);
	assert_null(look(FINDING_MSS_TOO_HIGH));
	told(1420);
	f = look(FINDING_MSS_TOO_HIGH);
	assert_non_null(f);
	assert_string_equal(f->tunnel, "paris");
	assert_string_equal(f->meaning,
			    "Inner TCP connections agree on segments that do not fit (1460 bytes where 1398 "
			    "fit) the path to 198.51.100.1.");
	assert_non_null(strstr(f->remedies[0].command, "--set-mss 1398"));
	assert_int_equal(f->evidence[0].number, 1460);
	assert_int_equal(f->evidence[1].number, 3);
	/* Somebody clamps: eight that fit, and a minute of calm. */
	for (int i = 0; i < INNER_FIT - 1; i++)
		told(1398);
	assert_non_null(seconds(70, FINDING_MSS_TOO_HIGH));
	told(1398);
	assert_null(seconds(62, FINDING_MSS_TOO_HIGH));
	/* A narrower path makes the same MSS too high. */
	tunnels[0].mss4 = 1358;
	assert_non_null(look(FINDING_MSS_TOO_HIGH));
	/* Of ten minutes ago nobody speaks any more. */
	assert_null(seconds(662, FINDING_MSS_TOO_HIGH));
}

static void test_mss_by_family(void **unused)
{
	(void)unused;
	know_paris();
	for (int i = 0; i < 3; i++)
		told(1390); /* too much for IPv6 only */
	assert_null(look(FINDING_MSS_TOO_HIGH));
	for (int i = 0; i < 3; i++)
		see(ESP_DIR_OUT, ESP_INNER_SYN, ESP_INNER_TOLD, 1390, "fd02::1", "fd01::1");
	assert_non_null(look(FINDING_MSS_TOO_HIGH));
}

static void test_mss_unknown_limit(void **unused)
{
	(void)unused;
	know_paris();
	tunnels[0].mss4 = tunnels[0].inner_mtu = 0;
	for (int i = 0; i < 8; i++)
		told(65535);
	assert_null(look(FINDING_MSS_TOO_HIGH));
}

static void too_big(unsigned int flags)
{
	see(ESP_DIR_OUT, ESP_INNER_TOO_BIG, flags | ESP_INNER_TOLD, 1438, "10.1.0.5", "10.2.0.1");
}

static void test_df_told(void **unused)
{
	const struct finding *f;

	(void)unused;
	know_paris();
	/* Those of others, and two a minute: path MTU discovery as it should be. */
	for (int i = 0; i < 8; i++)
		too_big(0);
	too_big(ESP_INNER_OWN);
	seconds(61, FINDING_DF_DROP);
	too_big(ESP_INNER_OWN);
	too_big(ESP_INNER_OWN);
	assert_null(look(FINDING_DF_DROP));
	too_big(ESP_INNER_OWN);
	f = look(FINDING_DF_DROP);
	assert_non_null(f);
	assert_string_equal(f->tunnel, "paris");
	assert_int_equal(f->evidence[0].number, 4);
	assert_int_equal(f->evidence[1].number, 1438);
	assert_string_equal(f->evidence[2].text, "10.1.0.5");
	assert_int_equal(state.inner->tunnels[0].passed.count, 8);
	/* Its cause speaks for it. */
	for (int i = 0; i < 3; i++)
		told(1460);
	f = look(FINDING_MSS_TOO_HIGH);
	assert_non_null(f);
	assert_int_equal(f->explains_count, 1);
	assert_int_equal(f->explains[0], FINDING_DF_DROP);
	assert_null(look(FINDING_DF_DROP));
}

static void test_df_told_ends(void **unused)
{
	(void)unused;
	know_paris();
	for (int i = 0; i < 4; i++)
		too_big(ESP_INNER_OWN);
	assert_non_null(look(FINDING_DF_DROP));
	assert_null(seconds(125, FINDING_DF_DROP));
}

/* Tunnels come, go and change places; their counters stay theirs. */
static void test_order(void **unused)
{
	struct state_tunnel other;

	(void)unused;
	know_paris();
	told(1460);
	assert_null(look(FINDING_MSS_TOO_HIGH));
	other = tunnels[0];
	tunnels[0] = tunnels[1];
	tunnels[1] = other;
	assert_null(look(FINDING_MSS_TOO_HIGH));
	assert_int_equal(state.inner->tunnels[0].tunnel, 1);
	told(1460);
	assert_int_equal(state.inner->tunnels[0].side[ESP_DIR_OUT].syn_acks, 2);
	state.tunnel_count = 1;
	assert_null(look(FINDING_MSS_TOO_HIGH));
	assert_int_equal(state.inner->tunnels[0].tunnel, STATE_NO_TUNNEL);
	told(1460);
	assert_int_equal(state.inner->unmatched, 1);
	state.tunnel_count = 3;
	look(FINDING_MSS_TOO_HIGH);
	told(1460);
	assert_int_equal(state.inner->tunnels[0].side[ESP_DIR_OUT].syn_acks, 3);
}

static void test_without(void **unused)
{
	struct diagnose_input input = {.now_ns = now, .live = true, .state = &state};
	size_t length;
	char *text;

	(void)unused;
	assert_int_equal(diagnosis_update(d, &input), 0);
	text = export_state_json(&state, &length);
	assert_non_null(text);
	assert_non_null(strstr(text, "\"inner\":null"));
	free(text);
}

static void test_json(void **unused)
{
	size_t length;
	char *text;

	(void)unused;
	know_paris();
	told(1460);
	too_big(ESP_INNER_OWN);
	facts.interfaces[0].stats[ESP_DIR_OUT].seen = 5;
	look(FINDING_MSS_TOO_HIGH);
	text = export_state_json(&state, &length);
	assert_non_null(text);
	assert_non_null(strstr(
		text, "\"out\":{\"syn\":0,\"syn_ack\":1,\"without_mss\":0,\"max\":1460,\"latest\":1460,"));
	assert_non_null(strstr(text, "\"recent\":1,\"recent_above\":1}"));
	assert_non_null(strstr(
		text,
		"\"too_big\":{\"packets\":1,\"mtu\":1438,\"host\":\"10.1.0.5\",\"target\":\"10.2.0.1\","));
	assert_non_null(strstr(text, "\"too_big_forwarded\":null"));
	free(text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(policies),	    TEST(everything),	 TEST(daemons),		  TEST(many),
		TEST(mss_too_high), TEST(mss_by_family), TEST(mss_unknown_limit), TEST(df_told),
		TEST(df_told_ends), TEST(order),	 TEST(without),		  TEST(json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
