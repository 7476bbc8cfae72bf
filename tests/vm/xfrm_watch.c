// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xfrm_watch IFACE… - the live source and the SADB as the agent has them together, driven by lines on stdin
 *
 *   state   "sa SPI DIR known packets unknown grace duplicate too_old drops32 newcomer", then "unknown N" in sum
 *   kernel  after a dump: "kernel SPI PROTO DIR packets failed_window failed_replay failed_integrity soft"
 *   mirror  "DESTINATION PROTO SPI" of each SA in the datapath's mirror
 *   heard   how often what was heard: "added removed soft hard wanted moved", and of overruns
 *
 * Each answer ends with a line ".". `known` is 1, 0, or - for not decided. Ends with stdin.
 * xfrm_watch send SPI COUNT DESTINATION: so many ESP packets with made-up contents; SPI 0: each another.
 * xfrm_watch grep PID HEX: how often the bytes are in the memory of a process.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "agent/sadb.h"
#include "espial.skel.h"
#include "model/address.h"
#include "source/bpf_internal.h"
#include "source/bpf_sadb.h"
#include "source/xfrm.h"

#define PACE 64 /* packets, then a breath: queues are short */

struct watch {
	struct live *live;
	struct sadb *sadb;
	struct log log;
};

static int print_state(const struct watch *w)
{
	uint64_t unknown = 0;
	struct state state;
	int err = live_sadb_tick(w->live);

	if (!err)
		err = live_state(w->live, &state);
	if (err)
		return err;
	for (size_t i = 0; i < state.sa_count; i++) {
		const struct state_sa *sa = &state.sas[i];

		printf("sa 0x%08x %s %s %llu %llu %llu %llu %llu %llu %d\n", sa->spi,
		       sa->direction == ESP_DIR_OUT ? "out" : "in",
		       sa->known < 0 ? "-"
		       : sa->known   ? "1"
				     : "0",
		       (unsigned long long)sa->packets, (unsigned long long)sa->unknown_packets,
		       (unsigned long long)sa->grace_packets, (unsigned long long)sa->sequence.duplicate,
		       (unsigned long long)sa->sequence.too_old,
		       (unsigned long long)sa->sequence.window_drops[0], sa->newcomer);
		if (sa->newcomer)
			unknown += sa->unknown_packets;
	}
	for (int i = 0; i < ESP_SUMS; i++)
		unknown += state.sums[i].of.unknown;
	printf("unknown %llu\n", (unsigned long long)unknown);
	state_free(&state);
	return 0;
}

/* A dump that begins now, to its end. */
static int refresh(struct watch *w)
{
	uint64_t before = sadb_facts(w->sadb)->synced_ns;
	struct pollfd ready = {.fd = sadb_fd(w->sadb), .events = POLLIN};
	int err = 0;

	while (!sadb_facts(w->sadb)->available || sadb_facts(w->sadb)->synced_ns == before) {
		err = sadb_refresh(w->sadb);
		if (err || poll(&ready, 1, 30000) <= 0)
			return err ? err : -ETIMEDOUT;
		sadb_ready(w->sadb);
	}
	while (poll(&ready, 1, 0) > 0)
		sadb_ready(w->sadb);
	return 0;
}

static int print_kernel(struct watch *w)
{
	int err = refresh(w);
	const struct fact_kernel *facts = sadb_facts(w->sadb);

	for (size_t i = 0; i < facts->sa_count && !err; i++) {
		const struct fact_sa *sa = &facts->sas[i];

		printf("kernel 0x%08x %u %s %llu %llu %llu %llu %d\n", sa->spi, sa->protocol,
		       sa->direction == FACT_IN	   ? "in"
		       : sa->direction == FACT_OUT ? "out"
						   : "-",
		       (unsigned long long)sa->packets, (unsigned long long)sa->failed_window,
		       (unsigned long long)sa->failed_replay, (unsigned long long)sa->failed_integrity,
		       sa->expired_soft);
	}
	return err;
}

static int print_mirror(struct watch *w)
{
	int map = bpf_map__fd(w->live->skel->maps.esp_sadb), err = refresh(w);
	struct esp_sa_key key, *last = NULL, next;
	char text[ADDRESS_TEXT];

	while (!err && !bpf_map_get_next_key(map, last, &next)) {
		key = next;
		last = &key;
		address_text((const uint8_t *)key.dst, text);
		printf("%s %s 0x%08x\n", text, (key.id >> 16 & 0xff) == 51 ? "ah" : "esp",
		       (unsigned int)(key.id >> 32));
	}
	return err;
}

static int print_heard(const struct watch *w)
{
	const uint64_t *c = sadb_facts(w->sadb)->spaces[0].notices;

	printf("heard %llu %llu %llu %llu %llu %llu overruns %llu\n", (unsigned long long)c[XFRM_ADDED],
	       (unsigned long long)c[XFRM_REMOVED], (unsigned long long)c[XFRM_SOFT_EXPIRED],
	       (unsigned long long)c[XFRM_HARD_EXPIRED], (unsigned long long)c[XFRM_WANTED],
	       (unsigned long long)c[XFRM_MOVED], (unsigned long long)sadb_facts(w->sadb)->overruns);
	return 0;
}

static int answer(struct watch *w, const char *line)
{
	int err = -EINVAL;

	if (!strcmp(line, "state"))
		err = print_state(w);
	else if (!strcmp(line, "kernel"))
		err = print_kernel(w);
	else if (!strcmp(line, "mirror"))
		err = print_mirror(w);
	else if (!strcmp(line, "heard"))
		err = print_heard(w);
	if (err)
		printf("error: %s: %s\n", line, strerror(-err));
	puts(".");
	return fflush(stdout) ? -errno : 0;
}

/* ---- the loop */

static void on_interface(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "%s\n", line);
}

static int run(struct watch *w)
{
	struct pollfd fds[3] = {{.fd = STDIN_FILENO, .events = POLLIN},
				{.fd = sadb_fd(w->sadb), .events = POLLIN},
				{.fd = live_follow_fd(w->live), .events = POLLIN}};
	char line[128];
	int err = 0;

	while (!err) {
		int ready = poll(fds, 3, 1000);

		if (ready < 0 && errno != EINTR)
			return -errno;
		if (!ready)
			sadb_tick(w->sadb);
		if (fds[1].revents)
			sadb_ready(w->sadb);
		if (fds[2].revents)
			(void)live_follow(w->live);
		(void)live_ring_consume(w->live);
		if (!fds[0].revents)
			continue;
		/* One line at a time is there: whoever asks waits for the answer. */
		if (!fgets(line, sizeof(line), stdin))
			return 0;
		line[strcspn(line, "\n")] = 0;
		err = answer(w, line);
	}
	return err;
}

static int watch(char **interfaces, size_t count)
{
	struct live_options options = {.interfaces = (const char *const *)interfaces,
				       .interface_count = count};
	const struct live_sink sink = {.interface = on_interface};
	struct watch w = {.live = NULL};
	struct sadb_options sadb = {.log = &w.log};
	char error[512];
	int err;

	log_init(&w.log);
	err = live_open(&options, &sink, &w.live, error, sizeof(error));
	if (err) {
		fprintf(stderr, "xfrm_watch: %s\n", error);
		return 3;
	}
	sadb.live = w.live;
	err = sadb_open(&sadb, &w.sadb);
	if (!err)
		err = refresh(&w);
	if (!err) {
		puts("ready");
		fflush(stdout);
		err = run(&w);
	}
	sadb_close(w.sadb);
	live_close(w.live);
	return err ? 1 : 0;
}

/* ---- packets that no kernel has made */

static int send_esp(uint32_t spi, uint32_t count, const char *destination)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	uint32_t packet[16] = {0};
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ESP);

	if (fd < 0 || inet_pton(AF_INET, destination, &to.sin_addr) != 1)
		return 3;
	for (uint32_t i = 1; i <= count; i++) {
		packet[0] = htonl(spi ? spi : 0x70000000 + i * 2654435);
		packet[1] = htonl(i);
		if (sendto(fd, packet, sizeof(packet), 0, (struct sockaddr *)&to, sizeof(to)) < 0)
			return 1;
		if (i % PACE == 0)
			usleep(20000);
	}
	close(fd);
	return 0;
}

/* ---- the memory of a process */

static size_t count_in(const uint8_t *data, size_t size, const uint8_t *what, size_t length)
{
	size_t count = 0;

	for (const uint8_t *at = data; (at = memmem(at, (size_t)(data + size - at), what, length)); at++)
		count++;
	return count;
}

static size_t unhex(const char *text, uint8_t *ret, size_t room)
{
	size_t length = 0;
	unsigned int byte;

	for (; length < room && strlen(text) >= 2 && sscanf(text, "%2x", &byte) == 1; text += 2)
		ret[length++] = (uint8_t)byte;
	return length;
}

static int grep_memory(const char *pid, const char *hex)
{
	char path[64], line[512], mode[5];
	unsigned long long from, to;
	size_t found = 0, bytes = 0, length;
	uint8_t what[64];
	FILE *maps;
	int mem;

	length = unhex(hex, what, sizeof(what));
	snprintf(path, sizeof(path), "/proc/%s/maps", pid);
	maps = fopen(path, "re");
	snprintf(path, sizeof(path), "/proc/%s/mem", pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	if (!maps || mem < 0)
		return 3;
	while (fgets(line, sizeof(line), maps)) {
		uint8_t *copy;
		ssize_t size;

		if (sscanf(line, "%llx-%llx %4s", &from, &to, mode) != 3 || *mode != 'r')
			continue;
		copy = malloc(to - from);
		size = copy ? pread(mem, copy, to - from, (off_t)from) : -1;
		if (size > 0) {
			bytes += (size_t)size;
			found += count_in(copy, (size_t)size, what, length);
		}
		free(copy);
	}
	fclose(maps);
	close(mem);
	printf("%zu in %zu\n", found, bytes);
	return bytes ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "send"))
		return send_esp((uint32_t)strtoul(argv[2], NULL, 0), (uint32_t)strtoul(argv[3], NULL, 0),
				argv[4]);
	if (argc == 4 && !strcmp(argv[1], "grep"))
		return grep_memory(argv[2], argv[3]);
	if (argc < 2) {
		fputs("usage: xfrm_watch IFACE… | send SPI COUNT DESTINATION | grep PID HEX\n", stderr);
		return 2;
	}
	return watch(argv + 1, (size_t)argc - 1);
}
