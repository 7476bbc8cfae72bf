// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bench_ike.c - what IKE messages cost: in a capture, in the parser, in the conversation tracker, and live
 *
 *   bench_ike -e ESPIAL -t CAPTURE -d DIRECTORY [-n MESSAGES] [-r ROUNDS]
 *
 * CAPTURE gives the messages (tests/captures/v2rekey.pcap); two captures of a million made of them are written to DIRECTORY:
 * 10 000 tunnels with their exchanges, and a flood of IKE_SA_INIT from addresses that are never seen again.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/ike_traffic.h"
#include "bench/measure.h"
#include "espial/abi.h"
#include "model/conversation.h"
#include "model/event.h"
#include "source/capfile.h"
#include "source/ike_packet.h"

enum {
	TUNNELS = 10000,
	PER_MINUTE = 100000,
	TCPDUMP_MESSAGES = 20000, /* it is slow */
	ETHERNET = 14,
};

/* `espial read` of a file of `messages`, and tcpdump beside it. */
static int bench_read(const char *espial, const char *path, const char *what, uint32_t messages,
		      uint32_t rounds)
{
	char *ours[] = {(char *)espial, "read", (char *)path, NULL};
	char limit[16], *theirs[] = {"tcpdump", "-nn", "-c", limit, "-r", (char *)path, NULL};
	uint32_t other_messages = messages < TCPDUMP_MESSAGES ? messages : TCPDUMP_MESSAGES;
	struct series rate = {0}, other = {0};
	struct cost cost = {0}, theirs_cost;
	char name[96], note[64];
	struct row row;
	int err;

	snprintf(limit, sizeof(limit), "%" PRIu32, other_messages);
	for (uint32_t i = 0; i <= rounds; i++) { /* the first brings the file into the page cache */
		err = cost_of(ours, &cost);
		if (err)
			return err;
		if (i)
			series_add(&rate, messages / cost.processor_s / 1e6);
		if (i && i <= 3 && !cost_of(theirs, &theirs_cost))
			series_add(&other, other_messages / theirs_cost.processor_s / 1e6);
	}
	snprintf(name, sizeof(name), "espial read, %s", what);
	snprintf(note, sizeof(note), "one core; RSS %.1f MiB", cost.rss_mib);
	row = row_of("ike", name, "M messages/s", &rate);
	row.ratio = row.value;
	row.of = "million a second";
	row.must = 1;
	row.better = ROW_MORE;
	row.note = note;
	row_put(&row);
	if (!other.n)
		return 0;
	snprintf(name, sizeof(name), "espial read against tcpdump -nn, %s", what);
	row = row_of("ike", name, "M messages/s", &other);
	row.ratio = series_iqm(&rate) / series_iqm(&other);
	row.of = "times faster";
	row.note = "the value is tcpdump's";
	row_put(&row);
	return 0;
}

/* ---- in this process ---- */

struct loaded {
	uint8_t *bytes; /* each a struct esp_event with its IP packet, at a multiple of 8 */
	size_t used;
	uint32_t count;
};

/* The first `count` messages of the file, as the datapath would give them. */
static int load(const char *path, uint32_t count, struct loaded *ret)
{
	size_t each = sizeof(struct esp_event) + IKE_FRAME_MAX + 8;
	struct loaded l = {.bytes = malloc(count * each)};
	struct capfile_reader *reader;
	struct capfile_packet packet;
	int err = l.bytes ? capfile_open(path, &reader, NULL, 0) : -ENOMEM;

	if (err) {
		free(l.bytes);
		return err;
	}
	while (l.count < count && (err = capfile_next(reader, &packet)) == 1) {
		struct esp_event event = {
			.time = packet.ts_ns,
			.kind = ESP_EVENT_PACKET,
			.cls = packet.data[ETHERNET + 20 + 1] == 0xf4 ? ESP_CLASS_IKE : ESP_CLASS_IKE_NATT,
			.captured = (uint16_t)(packet.caplen - ETHERNET),
			.length = packet.caplen - ETHERNET,
		};

		memcpy(l.bytes + l.used, &event, sizeof(event));
		memcpy(l.bytes + l.used + sizeof(event), packet.data + ETHERNET, event.captured);
		l.used += (sizeof(event) + event.captured + 7) & ~(size_t)7;
		l.count++;
	}
	capfile_close(reader);
	*ret = l;
	return err < 0 ? err : 0;
}

enum step { STEP_PARSE, STEP_DECODE, STEP_TRACK };

static const struct esp_ports ports = {.ike = {500}, .natt = {4500}};

/* Of this process, because others may run, too */
static double processor_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Nanoseconds per message of one step over all of them; the tracker is a new one each time. */
static double pass(const struct loaded *l, enum step step, struct conversations *c)
{
	double begin = processor_ns();
	uint64_t good = 0;
	size_t at = 0;

	while (at < l->used) {
		const struct esp_event *raw = (const void *)(l->bytes + at);
		struct conversation_packet packet;
		struct ike_message m;
		struct event event;
		uint32_t offset;

		if (step == STEP_DECODE) {
			good += event_decode(raw, sizeof(*raw) + raw->captured, 0, "eth0", &ports, &event) ==
					0 &&
				!event.fault;
		} else if (ike_packet_find(&ports, raw->data, raw->captured, raw->length, raw->time,
					   &packet)) {
			good += (step == STEP_PARSE ? ike_parse(packet.message, packet.captured,
								packet.length, &m, &offset)
						    : conversation_packet(c, &packet)) == IKE_OK;
		}
		at += (sizeof(*raw) + raw->captured + 7) & ~(size_t)7;
	}
	if (good != l->count) {
		fprintf(stderr, "bench_ike: %" PRIu64 " of %u messages are good\n", good, l->count);
		exit(3);
	}
	return (processor_ns() - begin) / l->count;
}

static void put_step(const char *what, const struct series *ns)
{
	struct row row = row_of("ike", what, "ns", ns);

	row.ratio = row.value * PER_MINUTE / 60 / 1e9 * 100;
	row.of = "% of a core at 100 000 a minute";
	row.must = 5;
	row.better = ROW_LESS;
	row_put(&row);
}

static int bench_steps(const char *path, uint32_t messages, const char *what, uint32_t rounds)
{
	static const char *const names[] = {"parse", "event decode", "tracker"};
	struct series series[3] = {0}, whole = {0};
	struct loaded l;
	char name[96];
	int err = load(path, messages, &l);

	if (err)
		return err;
	for (uint32_t i = 0; i <= rounds; i++) {
		double sum = 0;

		for (enum step step = STEP_PARSE; step <= STEP_TRACK; step++) {
			struct conversations *c = conversation_new(NULL);
			double ns;

			if (!c)
				return -ENOMEM;
			ns = pass(&l, step, c);
			conversation_free(c);
			if (i)
				series_add(&series[step], ns);
			sum += step == STEP_PARSE ? 0 : ns; /* the others parse, too */
		}
		if (i)
			series_add(&whole, sum);
	}
	free(l.bytes);
	for (enum step step = STEP_PARSE; step <= STEP_TRACK; step++) {
		snprintf(name, sizeof(name), "%s, %s", names[step], what);
		put_step(name, &series[step]);
	}
	snprintf(name, sizeof(name), "live: event decode and tracker, %s", what);
	put_step(name, &whole);
	return 0;
}

int main(int argc, char **argv)
{
	const char *espial = NULL, *capture = NULL, *directory = NULL;
	uint32_t messages = 1000000, rounds = 7;
	struct ike_samples samples;
	char tunnels[512], flood[512];
	int c, err;

	while ((c = getopt(argc, argv, "e:t:d:n:r:")) != -1) {
		if (c == 'e')
			espial = optarg;
		else if (c == 't')
			capture = optarg;
		else if (c == 'd')
			directory = optarg;
		else if (c == 'n')
			messages = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'r')
			rounds = (uint32_t)strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	if (!espial || !capture || !directory || !messages || !rounds || rounds > MEASURE_MAX)
		return 2;
	snprintf(tunnels, sizeof(tunnels), "%s/ike-tunnels.pcap", directory);
	snprintf(flood, sizeof(flood), "%s/ike-flood.pcap", directory);
	err = ike_samples_read(capture, &samples);
	if (!err)
		err = ike_traffic_tunnels(tunnels, &samples, messages, TUNNELS);
	if (!err)
		err = ike_traffic_flood(flood, &samples, messages);
	row_head("IKE messages");
	if (!err)
		err = bench_read(espial, tunnels, "10 000 tunnels", messages, rounds);
	if (!err)
		err = bench_read(espial, flood, "flood of IKE_SA_INIT", messages, rounds);
	if (!err)
		err = bench_steps(tunnels, messages < 300000 ? messages : 300000, "10 000 tunnels", rounds);
	if (!err)
		err = bench_steps(flood, messages < 100000 ? messages : 100000, "flood of IKE_SA_INIT",
				  rounds);
	if (err)
		fprintf(stderr, "bench_ike: %s\n", strerror(-err));
	return err ? 3 : 0;
}
