// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/nic_stat.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "source/ethtool.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define COUNTERS_MOST 8192
#define QUEUES_MOST 4096 /* what has a larger number is no queue */

/* ---- names: "rx_queue_0_drops" (most), "rx0_packets" (mlx5, virtio), "rx-0.bytes" (i40e), "queue_0_rx_cnt" (ena),
 * "[0]: rx_discards" (bnxt), "rx_packets[0]" (gve) */

/* "rx" or "tx" as a word of its own, digits may follow. */
static const char *find_direction(const char *name)
{
	for (const char *at = name; *at; at++)
		if ((at[0] == 'r' || at[0] == 't') && at[1] == 'x' && (at == name || !isalnum(at[-1])) &&
		    !isalpha(at[2]))
			return at;
	return NULL;
}

/* The digits at `at`, and where they end; false: none, or too many. */
static bool read_number(const char *at, uint16_t *ret, const char **ret_end)
{
	unsigned long n;
	char *end;

	if (!isdigit(*at))
		return false;
	n = strtoul(at, &end, 10);
	if (n >= QUEUES_MOST)
		return false;
	*ret = (uint16_t)n;
	*ret_end = end;
	return true;
}

static bool skip(const char **at, const char *word)
{
	size_t length = strlen(word);

	if (strncmp(*at, word, length) != 0)
		return false;
	*at += length;
	return true;
}

/* The number of the queue, and what of it is counted, in `word`. */
static bool read_queue(const char *name, const char *direction, uint16_t *ret, char word[ETH_GSTRING_LEN])
{
	const char *at = direction + 2, *end;
	size_t length;

	if (read_number(at, ret, &end) && skip(&end, "_")) {
		snprintf(word, ETH_GSTRING_LEN, "%s", end);
		return true;
	}
	end = at;
	if (skip(&end, "_queue_") && read_number(end, ret, &end) && skip(&end, "_")) {
		snprintf(word, ETH_GSTRING_LEN, "%s", end);
		return true;
	}
	end = at;
	if (skip(&end, "-") && read_number(end, ret, &end) && skip(&end, ".")) {
		snprintf(word, ETH_GSTRING_LEN, "%s", end);
		return true;
	}
	if (!skip(&at, "_"))
		return false;
	length = strcspn(at, "[");
	end = at + length + 1;
	if (at[length] && read_number(end, ret, &end) && strcmp(end, "]") == 0) {
		snprintf(word, ETH_GSTRING_LEN, "%.*s", (int)length, at);
		return true;
	}
	end = name;
	if ((skip(&end, "queue_") && read_number(end, ret, &end) && skip(&end, "_") && end == direction) ||
	    (skip(&end, "[") && read_number(end, ret, &end) && skip(&end, "]: ") && end == direction)) {
		snprintf(word, ETH_GSTRING_LEN, "%s", at);
		return true;
	}
	return false;
}

bool nic_stat_name(const char *name, struct nic_name *ret)
{
	static const struct {
		const char *word;
		enum nic_count what;
	} words[] = {
		{"packets", NIC_PACKETS},
		{"cnt", NIC_PACKETS},
		{"ucast_packets", NIC_PACKETS},
		{"mcast_packets", NIC_PACKETS},
		{"bcast_packets", NIC_PACKETS},
		{"xdp_packets", NIC_XDP_PACKETS},
		{"bytes", NIC_BYTES},
		{"ucast_bytes", NIC_BYTES},
		{"mcast_bytes", NIC_BYTES},
		{"bcast_bytes", NIC_BYTES},
		{"xdp_bytes", NIC_XDP_BYTES},
		{"drops", NIC_DROPPED},
		{"dropped", NIC_DROPPED},
		{"discards", NIC_DROPPED},
		{"overruns", NIC_DROPPED},
		{"alloc_failed", NIC_NO_BUFFER},
		{"alloc_fail", NIC_NO_BUFFER},
		{"buff_alloc_err", NIC_NO_BUFFER},
		{"page_alloc_fail", NIC_NO_BUFFER},
		{"skb_alloc_fail", NIC_NO_BUFFER},
		{"buf_alloc_fail", NIC_NO_BUFFER},
		{"refil_partial", NIC_NO_BUFFER},
	};
	static const char *const rings[] = {"rx_missed_errors",	   "rx_fifo_errors",	 "rx_no_buffer_count",
					    "rx_no_dma_resources", "rx_out_of_buffer",	 "rx_discards_phy",
					    "rx_over_errors",	   "rx_resource_errors", "rx_no_bufs"};
	const char *direction = find_direction(name);
	char word[ETH_GSTRING_LEN];

	for (size_t i = 0; i < COUNT(rings); i++)
		if (strcmp(name, rings[i]) == 0) {
			*ret = (struct nic_name){.what = NIC_RING};
			return true;
		}
	if (!direction || !read_queue(name, direction, &ret->queue, word))
		return false;
	ret->tx = *direction == 't';
	for (size_t i = 0; i < COUNT(words); i++)
		if (strcmp(word, words[i].word) == 0) {
			ret->what = words[i].what;
			return true;
		}
	return false;
}

/* ---- values */

/* What one look found of a queue. */
struct found {
	bool packets, bytes; /* others than XDP's */
	struct host_queue queue;
};

static struct found *place_of(struct found *found, size_t *count, const struct nic_name *name)
{
	for (size_t i = 0; i < *count; i++)
		if (found[i].queue.tx == name->tx && found[i].queue.number == name->queue)
			return &found[i];
	if (*count == HOST_QUEUES)
		return NULL;
	found[*count] = (struct found){.queue = {.tx = name->tx, .number = name->queue}};
	return &found[(*count)++];
}

/* Packets of unicast, multicast and broadcast are counted apart by some: they add up. */
static void add(struct found *f, enum nic_count what, uint64_t value)
{
	struct host_queue *q = &f->queue;

	switch (what) {
	case NIC_PACKETS:
		q->packets = value + (f->packets ? q->packets : 0);
		f->packets = true;
		break;
	case NIC_XDP_PACKETS:
		q->packets = f->packets ? q->packets : value;
		break;
	case NIC_BYTES:
		q->bytes = value + (f->bytes ? q->bytes : 0);
		f->bytes = true;
		break;
	case NIC_XDP_BYTES:
		q->bytes = f->bytes ? q->bytes : value;
		break;
	case NIC_DROPPED:
		q->dropped += value;
		break;
	case NIC_NO_BUFFER:
		q->no_buffer += value;
		break;
	case NIC_RING:
		break;
	}
}

static void take_queue(struct host_facts *facts, const char *interface, const struct host_queue *now)
{
	struct host_queue *q = facts->queues, *end = facts->queues + facts->queue_count;

	while (q < end &&
	       (q->tx != now->tx || q->number != now->number || strcmp(q->interface, interface) != 0))
		q++;
	if (q == end) {
		if (facts->queue_count == HOST_QUEUES) {
			facts->queues_rest++;
			return;
		}
		*q = *now;
		snprintf(q->interface, sizeof(q->interface), "%s", interface);
		snprintf(q->name, sizeof(q->name), "%cx-%u", now->tx ? 't' : 'r', now->number & 0xfffU);
		q->dropped_before = now->dropped;
		facts->queue_count++;
		return;
	}
	q->dropped_before = q->dropped <= now->dropped ? q->dropped : now->dropped;
	q->packets = now->packets;
	q->bytes = now->bytes;
	q->dropped = now->dropped;
	q->no_buffer = now->no_buffer;
}

static void take_ring(struct host_nic *nic, const char *name, uint64_t value)
{
	struct host_counter *c = nic->ring, *end = nic->ring + nic->ring_count;

	while (c < end && strcmp(c->name, name) != 0)
		c++;
	if (c == nic->ring + HOST_RINGS)
		return;
	if (c == end) {
		snprintf(c->name, sizeof(c->name), "%s", name);
		c->value = value;
		nic->ring_count++;
	}
	/* A device that was made anew counts from 0. */
	c->before = c->value <= value ? c->value : value;
	c->value = value;
}

static void read_nic(int fd, struct host_facts *facts, struct host_nic *nic, struct found *found)
{
	struct ethtool_gstrings *names = ethtool_names(fd, nic->name, ETH_SS_STATS, COUNTERS_MOST);
	struct ethtool_stats *values =
		names ? ethtool_counters(fd, nic->name, names->len, COUNTERS_MOST) : NULL;
	size_t count = 0;

	for (uint32_t i = 0; values && i < values->n_stats; i++) {
		char text[ETH_GSTRING_LEN + 1] = "";
		struct nic_name name;
		struct found *f;

		memcpy(text, names->data + (size_t)i * ETH_GSTRING_LEN, ETH_GSTRING_LEN);
		if (!nic_stat_name(text, &name))
			continue;
		if (name.what == NIC_RING) {
			take_ring(nic, text, values->data[i]);
			continue;
		}
		f = place_of(found, &count, &name);
		if (f)
			add(f, name.what, values->data[i]);
	}
	for (size_t i = 0; i < count; i++)
		take_queue(facts, nic->name, &found[i].queue);
	free(values);
	free(names);
}

void nic_stat_read(struct host_facts *facts, uint64_t now_ns)
{
	bool due = !facts->queues_taken_ns || now_ns < facts->queues_taken_ns ||
		   now_ns - facts->queues_taken_ns >= NIC_STAT_EVERY;
	struct found *found;
	int fd;

	for (size_t i = 0; i < facts->queue_count; i++)
		facts->queues[i].dropped_before = facts->queues[i].dropped;
	for (size_t n = 0; n < facts->nic_count; n++)
		for (size_t i = 0; i < facts->nics[n].ring_count; i++)
			facts->nics[n].ring[i].before = facts->nics[n].ring[i].value;
	if (!due)
		return;
	fd = ethtool_open();
	found = malloc(HOST_QUEUES * sizeof(*found));
	if (fd >= 0 && found) {
		facts->queues_taken_ns = now_ns;
		facts->queues_rest = 0;
		for (size_t n = 0; n < facts->nic_count; n++)
			read_nic(fd, facts, &facts->nics[n], found);
	}
	free(found);
	if (fd >= 0)
		close(fd);
}
