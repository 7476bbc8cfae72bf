/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_tunnel_hidden.c - SAs that the datapath does not see: the kernel's counters stand for them, and nothing counts twice */
#include "tunnel_build.h"

#include <jansson.h>

#include "export/export.h"
#include "model/host.h"
#include "model/observable.h"

#define IN 0x11
#define OUT 0x22

static struct fact_kernel kernel;
static struct fact_sa kernel_sas[2]; /* in, out */
static struct host_facts host;
static struct state_interface interface;

static int hidden_start(void **unused)
{
	tunnel_start(unused);
	memset(&host, 0, sizeof(host));
	memset(kernel_sas, 0, sizeof(kernel_sas));
	interface = (struct state_interface){.name = "eth0", .ingress = "xdp native", .egress = "tcx"};
	state.interfaces = &interface;
	state.interface_count = 1;
	state.host = &host;
	for (int i = 0; i < 2; i++) {
		kernel_sas[i].family = 4;
		kernel_sas[i].protocol = 50;
		kernel_sas[i].spi = i ? OUT : IN;
		kernel_sas[i].direction = i ? FACT_OUT : FACT_IN;
		memcpy(kernel_sas[i].source, ends[i ? LEFT : RIGHT].address, 16);
		memcpy(kernel_sas[i].destination, ends[i ? RIGHT : LEFT].address, 16);
		kernel_sas[i].added_ns = now;
	}
	kernel = (struct fact_kernel){.available = true, .sas = kernel_sas, .sa_count = 2};
	input.kernel = &kernel;
	look();
	return 0;
}

static void look_again(void)
{
	after(SECOND);
	look();
}

/* The kernel counts packets of 60 bytes inside; the datapath sees those of 100 outside. */
static void kernel_counts(int which, uint64_t packets)
{
	kernel_sas[which].packets += packets;
	kernel_sas[which].bytes += 60 * packets;
}

static void expect_in(uint64_t packets, uint64_t bytes)
{
	assert_int_equal(state.tunnel_count, 1);
	assert_int_equal(state.tunnels[0].in.packets, packets);
	assert_int_equal(state.tunnels[0].in.bytes, bytes);
}

static void expect_hidden(size_t count, enum observable reason)
{
	assert_int_equal(state.hidden_count, count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(state.hidden[i].reason, reason);
}

static void packet_offload(void **unused)
{
	(void)unused;
	kernel_sas[0].offload = kernel_sas[1].offload = FACT_OFFLOAD_PACKET;
	kernel_counts(0, 3);
	kernel_counts(1, 5);
	look_again();
	expect_hidden(2, NOT_OBSERVABLE_PACKET_OFFLOAD);
	expect_in(3, 180);
	assert_int_equal(state.tunnels[0].out.packets, 5);
	assert_int_equal(state.tunnels[0].state, STATE_TUNNEL_UP);
	look_again();
	expect_in(3, 180);
	kernel_counts(0, 100);
	look_again();
	expect_in(103, 103 * 60);
	assert_int_equal(state.tunnels[0].in.lost, 0);
}

/* The device only encrypts: everything passes the hooks, as the kernel counts it. */
static void crypto_offload_is_seen(void **unused)
{
	(void)unused;
	kernel_sas[0].offload = kernel_sas[1].offload = FACT_OFFLOAD_CRYPTO;
	host.esp4_offload = true;
	for (uint64_t i = 1; i <= 10; i++) {
		kernel_counts(0, 50);
		kernel_counts(1, 50);
		both(IN, OUT, 50);
		look_again();
		expect_hidden(0, OBSERVABLE);
		expect_in(50 * i, 5000 * i);
		assert_int_equal(state.tunnels[0].out.packets, 50 * i);
	}
}

/* esp4_offload is loaded and XDP is generic: GRO takes all that comes in; what goes out is seen. */
static void gro_below_generic_xdp(void **unused)
{
	(void)unused;
	strcpy(interface.ingress, "xdp generic");
	host.esp4_offload = true;
	for (uint64_t i = 1; i <= 10; i++) {
		kernel_counts(0, 40);
		kernel_counts(1, 30);
		esp(LEFT, OUT, 30);
		look_again();
		expect_hidden(1, NOT_OBSERVABLE_GRO);
		assert_int_equal(state.hidden[0].spi, IN);
		assert_int_equal(state.hidden[0].side, 1);
		assert_int_equal(state.hidden[0].packets, 40 * i);
		expect_in(40 * i, 40 * i * 60);
		assert_int_equal(state.tunnels[0].out.packets, 30 * i);
		assert_int_equal(state.tunnels[0].out.bytes, 3000 * i);
	}
	assert_int_equal(state.tunnels[0].state, STATE_TUNNEL_UP);
}

/* Dumps come every ten looks, and what they say is of then: traffic that goes on until a little after one is seen all the same. */
static void stops_after_a_dump(void **unused)
{
	uint64_t sent = 0;

	(void)unused;
	for (uint64_t round = 0; round < 20; round++) {
		for (uint64_t second = 0; second < 10; second++) {
			uint64_t now_sent = second < 3 ? 100 : 0;

			sent += now_sent;
			if (now_sent)
				esp(RIGHT, IN, now_sent);
			look_again();
			expect_hidden(0, OBSERVABLE);
			expect_in(sent, sent * 100);
		}
		/* The dump was made in the middle of a second: half of it had come */
		kernel_counts(0, sent - kernel_sas[0].packets);
		esp(RIGHT, IN, 150);
		kernel_counts(0, 50);
		sent += 150;
		look_again();
		expect_hidden(0, OBSERVABLE);
		expect_in(sent, sent * 100);
	}
}

/* The same module, but GRO is off on the interface: the hook sees everything, and is believed. */
static void loaded_but_seen(void **unused)
{
	(void)unused;
	strcpy(interface.ingress, "tcx");
	host.esp4_offload = true;
	for (uint64_t i = 1; i <= 10; i++) {
		kernel_counts(0, 40);
		esp(RIGHT, IN, 41); /* one of them does not authenticate */
		look_again();
		expect_hidden(0, OBSERVABLE);
		expect_in(41 * i, 4100 * i);
	}
}

/* A few that GRO leaves alone, such as fragments, are seen: their gaps are no losses, and they are not added. */
static void what_slips_through_is_not_added(void **unused)
{
	struct state_sa *sa;

	(void)unused;
	strcpy(interface.ingress, "clsact");
	host.esp4_offload = true;
	kernel_counts(0, 100);
	look_again();
	expect_in(100, 6000);
	for (uint64_t i = 1; i <= 10; i++) {
		kernel_counts(0, 100);
		sa = esp(RIGHT, IN, 5);
		sa->sequence.lost += 95;
		look_again();
		expect_hidden(1, NOT_OBSERVABLE_GRO);
		expect_in(100 + 100 * i, 6000 + 6000 * i);
		assert_int_equal(state.tunnels[0].in.lost, 0);
		assert_int_equal(sas[0].not_observable, NOT_OBSERVABLE_GRO);
	}
}

/*
 * The module comes and goes while packets flow: each packet is counted at most once, by one or the other. When it comes, those of one
 * look may have been seen or not, and are left out.
 */
static void back_and_forth(void **unused)
{
	uint64_t total = 0, left_out = 0;

	(void)unused;
	strcpy(interface.ingress, "xdp generic");
	for (int round = 0; round < 4; round++) {
		bool blind = round % 2;

		host.esp4_offload = blind;
		for (int i = 0; i < 5; i++) {
			kernel_counts(0, 20);
			if (!blind)
				esp(RIGHT, IN, 20);
			total += 20;
			look_again();
			assert_in_range(state.tunnels[0].in.packets, total - left_out - (blind ? 40 : 0),
					total);
		}
		left_out += blind ? 20 : 0;
		assert_int_equal(state.tunnels[0].in.packets, total - left_out);
		expect_hidden(blind ? 1 : 0, blind ? NOT_OBSERVABLE_GRO : OBSERVABLE);
	}
}

/* It comes in over an interface that nobody watches; so what goes out unseen does it there, too. */
static void unhooked(void **unused)
{
	(void)unused;
	kernel_counts(0, 50);
	kernel_counts(1, 60);
	look_again();
	look_again();
	expect_hidden(2, NOT_OBSERVABLE_UNHOOKED);
	expect_in(50, 3000);
	assert_int_equal(state.tunnels[0].out.packets, 60);
	kernel_counts(1, 10);
	look_again();
	assert_int_equal(state.tunnels[0].out.packets, 70);
}

/* What the kernel sent and nobody saw may have been dropped here: of an SA that is seen otherwise nothing is concluded. */
static void sent_and_not_seen(void **unused)
{
	(void)unused;
	kernel_counts(0, 50);
	esp(RIGHT, IN, 50);
	kernel_counts(1, 50);
	look_again();
	look_again();
	expect_hidden(0, OBSERVABLE);
	assert_int_equal(state.tunnels[0].out.packets, 0);
}

/* What the kernel had counted before the agent began is not of its time; and another SA with that SPI begins anew. */
static void begins_with_the_agent(void **unused)
{
	(void)unused;
	kernel.sa_count = 0;
	look_again();
	kernel.sa_count = 2;
	kernel_sas[0].spi = 0x33;
	kernel_sas[0].added_ns = 1;
	kernel_sas[0].offload = FACT_OFFLOAD_PACKET;
	kernel_counts(0, 1000);
	look_again();
	expect_in(0, 0);
	kernel_counts(0, 10);
	look_again();
	expect_in(10, 600);
	kernel_sas[0].packets = kernel_sas[0].bytes = 0;
	kernel_sas[0].added_ns = now;
	look_again();
	kernel_counts(0, 7);
	look_again();
	expect_in(17, 1020);
}

static void json(void **unused)
{
	const char *reason, *direction, *destination, *spi, *told;
	json_int_t packets;
	json_t *d;
	char *text;

	(void)unused;
	kernel_sas[0].offload = FACT_OFFLOAD_PACKET;
	kernel_counts(0, 3);
	esp(LEFT, OUT, 4);
	look_again();
	text = export_state_json(&state, NULL);
	d = json_loads(text, 0, NULL);
	free(text);
	assert_non_null(d);
	assert_int_equal(json_unpack(d, "{s:[{s:s, s:s, s:s, s:s, s:s, s:I}]}", "not_observable", "reason",
				     &reason, "direction", &direction, "destination", &destination, "spi",
				     &spi, "text", &told, "packets", &packets),
			 0);
	assert_string_equal(reason, "packet_offload");
	assert_string_equal(direction, "in");
	assert_string_equal(destination, "10.0.0.1");
	assert_string_equal(spi, "0x00000011");
	assert_non_null(strstr(told, "loss cannot be told"));
	assert_int_equal(packets, 3);
	assert_int_equal(json_unpack(d, "{s:[{s:n}]}", "sas", "not_observable"), 0);
	json_decref(d);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, hidden_start, tunnel_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(packet_offload),
		TEST(crypto_offload_is_seen),
		TEST(gro_below_generic_xdp),
		TEST(stops_after_a_dump),
		TEST(loaded_but_seen),
		TEST(what_slips_through_is_not_added),
		TEST(back_and_forth),
		TEST(unhooked),
		TEST(sent_and_not_seen),
		TEST(begins_with_the_agent),
		TEST(json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
