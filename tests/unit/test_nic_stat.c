// SPDX-License-Identifier: GPL-2.0-or-later
/* test_nic_stat.c - the names that drivers give to their counters, and what is lost in a card */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "source/nic_stat.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void understood(void **state)
{
	static const struct {
		const char *name;
		enum nic_count what;
		bool tx;
		uint16_t queue;
	} rows[] = {
		{"rx_queue_0_packets", NIC_PACKETS, false, 0},	       /* igb, ixgbe, hv_netvsc */
		{"tx_queue_15_bytes", NIC_BYTES, true, 15},	       /* ixgbe */
		{"rx_queue_3_drops", NIC_DROPPED, false, 3},	       /* igb, veth */
		{"rx_queue_3_alloc_failed", NIC_NO_BUFFER, false, 3},  /* igb */
		{"rx_queue_1_xdp_packets", NIC_XDP_PACKETS, false, 1}, /* veth */
		{"rx_queue_1_xdp_bytes", NIC_XDP_BYTES, false, 1},
		{"rx0_packets", NIC_PACKETS, false, 0},		   /* mlx5, virtio_net */
		{"rx12_buff_alloc_err", NIC_NO_BUFFER, false, 12}, /* mlx5 */
		{"tx3_dropped", NIC_DROPPED, true, 3},		   /* mlx5 */
		{"rx1_drops", NIC_DROPPED, false, 1},		   /* virtio_net */
		{"rx-7.packets", NIC_PACKETS, false, 7},	   /* i40e, iavf */
		{"tx-7.bytes", NIC_BYTES, true, 7},
		{"queue_4_rx_cnt", NIC_PACKETS, false, 4}, /* ena */
		{"queue_4_tx_bytes", NIC_BYTES, true, 4},
		{"queue_2_rx_page_alloc_fail", NIC_NO_BUFFER, false, 2},
		{"[5]: rx_discards", NIC_DROPPED, false, 5}, /* bnxt_en */
		{"[5]: rx_ucast_packets", NIC_PACKETS, false, 5},
		{"rx_packets[9]", NIC_PACKETS, false, 9}, /* gve */
		{"tx_bytes[0]", NIC_BYTES, true, 0},
		{"rx_missed_errors", NIC_RING, false, 0},
		{"rx_out_of_buffer", NIC_RING, false, 0},
		{"rx_no_dma_resources", NIC_RING, false, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct nic_name name = {.tx = false};

		if (!nic_stat_name(rows[i].name, &name))
			fail_msg("%s is not understood", rows[i].name);
		if (name.what != rows[i].what || name.tx != rows[i].tx ||
		    (name.what != NIC_RING && name.queue != rows[i].queue))
			fail_msg("%s: what %d tx %d queue %u", rows[i].name, name.what, name.tx, name.queue);
	}
}

/* Sizes of packets, priorities, sums and what nobody knows are no queues. */
static void passed_over(void **state)
{
	static const char *const names[] = {"",
					    "rx",
					    "rx_",
					    "tx0",
					    "tx0_",
					    "rx_packets",
					    "rx_64_byte_packets",
					    "rx_65_to_127_byte_packets",
					    "rx_1024_to_1522_byte_packets",
					    "rx_prio3_packets",
					    "rx0_xdp_drop",
					    "rx_queue_0_xdp_drops",
					    "rx_queue_x_packets",
					    "rx_queue_99999999999999999999_packets",
					    "rx4096_packets",
					    "rx_packets[",
					    "rx_packets[]",
					    "rx_packets[1",
					    "rx_packets[1]x",
					    "[1] rx_packets",
					    "[: rx_packets",
					    "queue_rx_cnt",
					    "queue_1_xrx_cnt",
					    "ch0_events",
					    "port.rx_bytes",
					    "extra0_packets",
					    "peer_ifindex",
					    "rx-0_packets",
					    "rx-.packets",
					    "prefix0_packets"};
	struct nic_name name;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		if (nic_stat_name(names[i], &name))
			fail_msg("%s is taken for what %d queue %u", names[i], name.what, name.queue);
}

/* Whatever bytes a driver hands over: nothing is read beyond their end. */
static void any_bytes(void **state)
{
	static const char pieces[][8] = {"rx", "tx", "_queue_", "[",  "]",   "]: ", "_",
					 "-",  ".",  "0",	"77", "cnt", ""};
	uint32_t random = 1;

	(void)state;
	for (int n = 0; n < 200000; n++) {
		char text[33] = "";
		struct nic_name name;

		for (size_t used = 0; used < 24;) {
			const char *piece;

			random = random * 1664525U + 1013904223U;
			piece = pieces[(random >> 16) % COUNT(pieces)];
			if (!*piece)
				break;
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s", piece);
		}
		if (nic_stat_name(text, &name) && name.what != NIC_RING)
			assert_true(name.queue < 4096);
	}
}

static void lost(void **state)
{
	static struct host_facts host;
	struct host_nic *nic = &host.nics[0];

	(void)state;
	strcpy(nic->name, "eth0");
	host.nic_count = 1;
	assert_int_equal(host_nic_lost(&host, nic), 0);
	nic->rx_missed = 17;
	nic->rx_missed_before = 10;
	assert_int_equal(host_nic_lost(&host, nic), 7);
	nic->ring[0] = (struct host_counter){"rx_missed_errors", 17, 10};
	nic->ring[1] = (struct host_counter){"rx_out_of_buffer", 30, 20};
	nic->ring_count = 2;
	assert_int_equal(host_nic_lost(&host, nic), 10);
	host.queues[0] = (struct host_queue){.interface = "eth0", .dropped = 8};
	host.queues[1] =
		(struct host_queue){.interface = "eth0", .number = 1, .dropped = 9, .dropped_before = 2};
	host.queues[2] = (struct host_queue){.interface = "eth0", .tx = true, .dropped = 1000};
	host.queues[3] = (struct host_queue){.interface = "eth1", .dropped = 1000};
	host.queue_count = 4;
	assert_int_equal(host_nic_lost(&host, nic), 15);
}

/* A look gains once: what was gained is not gained again until the next one. Interfaces without a driver have nothing. */
static void gains_once(void **state)
{
	static struct host_facts host;

	(void)state;
	strcpy(host.nics[0].name, "nosuchdev0");
	host.nic_count = 1;
	host.queues[0] = (struct host_queue){.interface = "nosuchdev0", .name = "rx-0", .dropped = 5};
	host.queue_count = 1;
	host.nics[0].ring[0] = (struct host_counter){"rx_missed_errors", 9, 1};
	host.nics[0].ring_count = 1;
	assert_int_equal(host_nic_lost(&host, &host.nics[0]), 8);
	nic_stat_read(&host, 1000);
	assert_int_equal(host_nic_lost(&host, &host.nics[0]), 0);
	assert_int_equal(host.queues[0].dropped, 5);
	assert_int_equal(host.queue_count, 1);
	assert_int_equal(host.queues_taken_ns, 1000);
	nic_stat_read(&host, 1000 + NIC_STAT_EVERY - 1);
	assert_int_equal(host.queues_taken_ns, 1000);
	nic_stat_read(&host, 1000 + NIC_STAT_EVERY);
	assert_int_equal(host.queues_taken_ns, 1000 + NIC_STAT_EVERY);
	nic_stat_read(&host, 5); /* the clock was set back */
	assert_int_equal(host.queues_taken_ns, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(understood), cmocka_unit_test(passed_over), cmocka_unit_test(any_bytes),
		cmocka_unit_test(lost),	      cmocka_unit_test(gains_once),
	};

	return cmocka_run_group_tests_name("nic_stat", tests, NULL, NULL);
}
