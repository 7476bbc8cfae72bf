// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * journal_writer.c - writes journals for the tests of `espial journal`, as the agent does
 *
 *   journal_writer scene PATH EPOCH        a story: tunnels come up, one falls at EPOCH + 3617 s; traffic beside it
 *   journal_writer add PATH COUNT TEXT     entries of now
 *   journal_writer loop PATH               ten entries each 20 ms until SIGTERM: a line with the figures after each
 *   journal_writer bench PATH COUNT BYTES  how fast, how large, and how long the caller was held up at worst
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "export/journal.h"

#define S 1000000000ull

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * S + (uint64_t)t.tv_nsec;
}

static struct journal *open_journal(const char *path, uint32_t batch_ms, uint64_t max_bytes)
{
	/* The stories are old */
	struct journal_options options = {.path = path,
					  .batch_ms = batch_ms,
					  .max_bytes = max_bytes,
					  .max_age_ns = 20 * 365 * 86400 * S};
	struct journal *j = NULL;
	char error[JOURNAL_LINE];

	if (journal_open(&options, &j, error, sizeof(error)) != 0) {
		fprintf(stderr, "%s\n", error);
		exit(3);
	}
	return j;
}

static void print_news(struct journal *j)
{
	char line[JOURNAL_LINE];

	while (journal_tick(j, clock_ns(CLOCK_REALTIME), line))
		fprintf(stderr, "news: %s\n", line);
}

static struct timeline_entry about(uint64_t time_ns, enum timeline_kind kind, const char *tunnel,
				   uint8_t peer, const char *text)
{
	struct timeline_entry e = {.time_ns = time_ns, .kind = kind, .confidence = TIMELINE_CERTAIN};

	snprintf(e.tunnel, sizeof(e.tunnel), "%s", tunnel);
	if (peer) {
		e.local[10] = e.local[11] = e.peer[10] = e.peer[11] = 0xff;
		memcpy(e.local + 12, (uint8_t[]){192, 0, 2, 1}, 4);
		memcpy(e.peer + 12, (uint8_t[]){10, 1, 2, peer}, 4);
	}
	snprintf(e.text, sizeof(e.text), "%s", text);
	return e;
}

static void exchange(struct journal *j, uint64_t time_ns, const char *tunnel, uint8_t peer, uint32_t id)
{
	struct timeline_entry e = about(time_ns, TIMELINE_IKE_EXCHANGE, tunnel, peer, "");

	snprintf(e.text, sizeof(e.text), "INFORMATIONAL %u was answered after 12 ms", id);
	e.initiator_spi = 0x1122334455667788;
	e.responder_spi = 0xffeeddccbbaa9988;
	e.major = 2;
	e.exchange = 37;
	e.message_id = id;
	e.good = true;
	journal_add(j, &e);
}

static void fall(struct journal *j, uint64_t at)
{
	struct timeline_entry e;

	for (uint64_t i = 1; i <= 5; i++) {
		e = about(at - (30 - 5 * i) * S, TIMELINE_IKE_RETRANSMIT, "office", 3, "");
		snprintf(e.text, sizeof(e.text), "INFORMATIONAL 62 was sent again, for the %u. time",
			 (unsigned int)i);
		e.severity = TIMELINE_WARNING;
		journal_add(j, &e);
	}
	e = about(at - 12 * S, TIMELINE_INTERFACE, "", 0, "eth1 lost its carrier");
	e.origin = TIMELINE_FROM_KERNEL;
	journal_add(j, &e);
	e = about(at, TIMELINE_TUNNEL_DOWN, "office", 3,
		  "the peer did not answer a request that was sent 6 times");
	e.severity = TIMELINE_CRITICAL;
	e.confidence = TIMELINE_LIKELY;
	strcpy(e.id, "dpd-timeout");
	timeline_evidence_add(&e, TIMELINE_FROM_WIRE, at - 30 * S, "first request without answer",
			      "INFORMATIONAL 62");
	timeline_evidence_add(&e, TIMELINE_FROM_WIRE, 0, "ESP from the peer since", "none");
	journal_add(j, &e);
	e = about(at + 20 * S, TIMELINE_DAEMON, "office", 3, "vendor \x1b[31mred\x1b[0m \xe2\x80\xaegnp.exe");
	journal_add(j, &e);
}

static void traffic(struct journal *j, uint64_t from)
{
	struct state_tunnel *tunnels = calloc(2, sizeof(*tunnels));

	if (!tunnels)
		exit(1);
	strcpy(tunnels[0].name, "office");
	strcpy(tunnels[1].name, "branch");
	for (int i = 0; i < 2; i++) {
		tunnels[i].remote[10] = tunnels[i].remote[11] = 0xff;
		memcpy(tunnels[i].remote + 12, (uint8_t[]){10, 1, 2, (uint8_t)(3 + i)}, 4);
	}
	for (uint64_t s = 0; s <= 7200; s++) {
		for (int i = 0; i < 2; i++) {
			bool down = i == 0 && s >= 3617 && s < 3700;

			tunnels[i].state = down ? STATE_TUNNEL_DOWN : STATE_TUNNEL_UP;
			if (down)
				continue;
			tunnels[i].in.packets += 100;
			tunnels[i].in.bytes += 100 * 1400;
			tunnels[i].in.lost += i == 0 && s % 10 == 0;
			tunnels[i].out.packets += 50;
			tunnels[i].out.bytes += 50 * 100;
		}
		journal_rollup(j, from + s * S, tunnels, 2);
	}
	free(tunnels);
}

static int scene(const char *path, uint64_t epoch)
{
	uint64_t from = epoch * S, at = from + 3617 * S;
	struct journal *j = open_journal(path, 1, 0);
	struct timeline_entry e;

	e = about(from, TIMELINE_AGENT_START, "", 0, "espial begins to watch eth0");
	e.origin = TIMELINE_FROM_SELF;
	journal_add(j, &e);
	e = about(from + S, TIMELINE_TUNNEL_UP, "office", 3, "IKE SA established, ESP passes both ways");
	journal_add(j, &e);
	e = about(from + 2 * S, TIMELINE_TUNNEL_UP, "branch", 4, "IKE SA established, ESP passes both ways");
	journal_add(j, &e);
	for (uint32_t i = 0; i < 61; i++) {
		exchange(j, from + (10 + 58 * (uint64_t)i) * S, "office", 3, i + 1);
		exchange(j, from + (20 + 58 * (uint64_t)i) * S, "branch", 4, i + 1);
	}
	fall(j, at);
	traffic(j, from);
	if (journal_flush(j) != 0)
		return 1;
	print_news(j);
	return journal_close(j) ? 1 : 0;
}

static int add(const char *path, unsigned long count, const char *text)
{
	struct journal *j = open_journal(path, 1, 0);
	struct timeline_entry e;

	for (unsigned long i = 0; i < count; i++) {
		e = about(clock_ns(CLOCK_REALTIME), TIMELINE_DAEMON, "added", 9, text);
		journal_add(j, &e);
	}
	return journal_close(j) ? 1 : 0;
}

static int loop(const char *path)
{
	struct timespec pause = {.tv_nsec = 20000000};
	struct journal *j = open_journal(path, 10, 0);
	unsigned int number = 0;
	struct journal_stats stats;
	uint64_t lost;

	signal(SIGTERM, stop);
	while (!stopped) {
		for (int i = 0; i < 10; i++) {
			struct timeline_entry e =
				about(clock_ns(CLOCK_REALTIME), TIMELINE_DAEMON, "loop", 9, "");

			e.message_id = number;
			snprintf(e.text, sizeof(e.text), "number %u %0150d", number++, 0);
			journal_add(j, &e);
		}
		print_news(j);
		journal_stats(j, &stats);
		printf("written %llu lost %llu failing %d\n", (unsigned long long)stats.written,
		       (unsigned long long)stats.lost, stats.failing);
		fflush(stdout);
		nanosleep(&pause, NULL);
	}
	lost = journal_close(j);
	printf("end: lost %llu of %u\n", (unsigned long long)lost, number);
	return 0;
}

static int bench(const char *path, uint32_t count, uint64_t bytes)
{
	struct journal *j = open_journal(path, 0, bytes);
	uint64_t begun = clock_ns(CLOCK_MONOTONIC), worst = 0, before, took;
	struct timeline_entry e;
	struct journal_stats stats;
	struct stat st;

	for (uint32_t i = 0; i < count; i++) {
		e = about(clock_ns(CLOCK_REALTIME), TIMELINE_IKE_EXCHANGE, "a-tunnel-with-a-name", 3, "");
		e.message_id = i;
		e.major = 2;
		e.exchange = 37;
		e.initiator_spi = 0x1122334455667788;
		e.responder_spi = 0xffeeddccbbaa9988;
		snprintf(e.text, sizeof(e.text), "INFORMATIONAL %u was answered after 12 ms", i);
		timeline_evidence_add(&e, TIMELINE_FROM_WIRE, e.time_ns, "round-trip time", "12.3 ms");
		before = clock_ns(CLOCK_MONOTONIC);
		journal_add(j, &e);
		took = clock_ns(CLOCK_MONOTONIC) - before;
		worst = took > worst ? took : worst;
		if (i % 2048 == 2047)
			journal_flush(j); /* as fast as it can be written, without loss */
	}
	journal_flush(j);
	took = clock_ns(CLOCK_MONOTONIC) - begun;
	journal_stats(j, &stats);
	print_news(j);
	if (stat(path, &st) != 0)
		return 1;
	printf("%u entries in %.2f s: %.0f a second; %llu lost, %llu expired; file %.1f MB; worst "
	       "journal_add %.3f ms; worst "
	       "batch %.1f ms\n",
	       count, (double)took / 1e9, count / ((double)took / 1e9), (unsigned long long)stats.lost,
	       (unsigned long long)stats.expired, (double)st.st_size / 1e6, (double)worst / 1e6,
	       (double)stats.max_commit_us / 1e3);
	printf("%.0f bytes per entry while none expired\n", (double)st.st_size / count);
	journal_close(j);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "scene") == 0)
		return scene(argv[2], strtoull(argv[3], NULL, 10));
	if (argc == 5 && strcmp(argv[1], "add") == 0)
		return add(argv[2], strtoul(argv[3], NULL, 10), argv[4]);
	if (argc == 3 && strcmp(argv[1], "loop") == 0)
		return loop(argv[2]);
	if (argc == 5 && strcmp(argv[1], "bench") == 0)
		return bench(argv[2], (uint32_t)strtoul(argv[3], NULL, 10), strtoull(argv[4], NULL, 10));
	fputs("usage: journal_writer scene|add|loop|bench PATH ...\n", stderr);
	return 2;
}
