// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bench_live.c - on a veth pair, in a network namespace of its own that ends with it
 *
 *   bench_live [-n PACKETS] [-r ROUNDS]          cost per packet: nothing, empty XDP, espial's XDP
 *   bench_live -a ESPIAL [-s SAS] [-t SECONDS]   memory and CPU of the agent that watches that many SAs
 *
 * Packets are sent through a packet socket on one end; veth delivers them in the sender's own context or softirq, on the
 * CPU to which this is pinned, so that the sender's time per packet is that of the whole way.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/if.h>

#include "bench/measure.h"
#include "bench/rig.h"

#define BATCH 64
#define SMALL 64

struct sender {
	int fd;
	uint8_t frame[BATCH][SMALL];
	struct iovec iov[BATCH];
	struct mmsghdr message[BATCH];
	uint32_t sas, at;
	uint32_t *sequence;
};

static int shell(const char *command)
{
	int status = system(command); /* fixed strings, no input in them */

	return status ? -EIO : 0;
}

/* The frames are for another station, so that the stack drops them early: the cost of XDP shows best beside little else. */
static int make_pair(void)
{
	if (unshare(CLONE_NEWNET))
		return -errno;
	return shell("ip link set lo up && ip link add bench0 type veth peer name bench1 && "
		     "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 && ip link set bench0 up && ip link set "
		     "bench1 up");
}

static int sender_open(struct sender *s, uint32_t sas)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex("bench0")};
	uint16_t length = htons(SMALL - 14);
	uint8_t frame[RIG_FRAME];
	int one = 1;

	memset(s, 0, sizeof(*s));
	s->sas = sas;
	s->sequence = calloc(sas, sizeof(*s->sequence));
	s->fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (!s->sequence || s->fd < 0 || bind(s->fd, (struct sockaddr *)&to, sizeof(to)))
		return -errno;
	setsockopt(s->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	rig_frame(RIG_ESP, frame);
	memcpy(frame + 16, &length, 2);
	for (int i = 0; i < BATCH; i++) {
		memcpy(s->frame[i], frame, SMALL);
		s->iov[i] = (struct iovec){s->frame[i], SMALL};
		s->message[i].msg_hdr = (struct msghdr){.msg_iov = &s->iov[i], .msg_iovlen = 1};
	}
	return 0;
}

/* The next `BATCH` packets, `in_a_row` of each SA before the next. */
static int send_batch(struct sender *s, uint32_t in_a_row)
{
	for (int i = 0; i < BATCH; i++) {
		uint32_t sa = s->at++ / in_a_row % s->sas, spi_be = htonl(RIG_SPI + sa);
		uint32_t sequence_be = htonl(++s->sequence[sa]);

		memcpy(s->frame[i] + 34, &spi_be, 4);
		memcpy(s->frame[i] + 38, &sequence_be, 4);
	}
	return sendmmsg(s->fd, s->message, BATCH, 0) == BATCH ? 0 : -EIO;
}

static double send_many(struct sender *s, uint32_t packets)
{
	double begin = now_ns();

	for (uint32_t i = 0; i < packets; i += BATCH)
		if (send_batch(s, 1))
			return NAN;
	return (now_ns() - begin) / packets;
}

static int attach(const char *ifname, int program)
{
	int err = bpf_xdp_attach((int)if_nametoindex(ifname), program, XDP_FLAGS_DRV_MODE, NULL);

	return err;
}

static int bench_cost(uint32_t packets, uint32_t rounds)
{
	static const char *const programs[] = {"bx_pass", "esp_xdp_in", NULL};
	static const char *const names[] = {"veth, no program", "veth, empty XDP", "veth, espial"};
	const struct rig_options options = {
		.programs = programs, .slots = 8192, .sets = 1024, .hash_entries = 1};
	struct series cost[3] = {0};
	struct sender sender;
	struct rig rig;
	int err = rig_open(&options, &rig), program[3] = {-1};
	struct row row;

	if (err)
		return err;
	program[1] = rig_program(&rig, "bx_pass");
	program[2] = rig_program(&rig, "esp_xdp_in");
	err = rig_watch(&rig, if_nametoindex("bench1"));
	if (!err)
		err = sender_open(&sender, 1);
	for (uint32_t round = 0; round <= rounds && !err; round++)
		for (int i = 0; i < 3 && !err; i++) {
			double ns;

			err = i ? attach("bench1", program[i]) : 0;
			if (err)
				break;
			send_many(&sender, packets / 8 + BATCH);
			ns = send_many(&sender, packets);
			if (i)
				attach("bench1", -1);
			if (isnan(ns))
				err = -EIO;
			else if (round)
				series_add(&cost[i], ns);
		}
	if (err)
		return err;
	row_head("live on veth");
	for (int i = 0; i < 3; i++) {
		row = row_of("live", names[i], "ns per packet", &cost[i]);
		if (i == 2) {
			row.ratio = row.value / series_iqm(&cost[1]);
			row.of = "empty XDP";
			row.must = 1.08;
			row.aim = 1.04;
			row.better = ROW_LESS;
		}
		row_put(&row);
	}
	if (rig_admitted(&rig) != 1)
		fprintf(stderr, "bench_live: espial did not see the packets\n");
	rig_close(&rig);
	return 0;
}

/* User and system time in ticks, or -1. */
static long cpu_ticks(pid_t pid)
{
	char path[64], line[1024], *p;
	unsigned long user, system_time;
	FILE *file;
	long ret = -1;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	if (!file)
		return -1;
	p = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
	if (p &&
	    sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system_time) == 2)
		ret = (long)(user + system_time);
	fclose(file);
	return ret;
}

/* "VmRSS:", "RssAnon:" … of /proc/PID/status, in MiB; NAN: not there. */
static double memory_mib(pid_t pid, const char *key)
{
	char path[64], line[256];
	double ret = NAN;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "r");
	if (!file)
		return NAN;
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)))
			ret = strtod(line + strlen(key), NULL) / 1024;
	fclose(file);
	return ret;
}

/* One GET /metrics, as Prometheus does: milliseconds until the answer's end, NAN when there is none. */
static double scrape(const char *path)
{
	static const char request[] = "GET /metrics HTTP/1.0\r\n\r\n";
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	double begin = now_ns();
	size_t total = 0;
	char buffer[65536];
	ssize_t n = -1;

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	if (fd >= 0 && !connect(fd, (struct sockaddr *)&to, sizeof(to)) &&
	    write(fd, request, sizeof(request) - 1) == (ssize_t)sizeof(request) - 1)
		while ((n = read(fd, buffer, sizeof(buffer))) > 0)
			total += (size_t)n;
	if (fd >= 0)
		close(fd);
	return n == 0 && total ? (now_ns() - begin) / 1e6 : NAN;
}

static pid_t start_agent(const char *espial, const char *socket, uint32_t sas)
{
	char capacity[32];
	pid_t pid;

	snprintf(capacity, sizeof(capacity), "%" PRIu32, sas);
	pid = fork();
	if (!pid) {
		execl(espial, espial, "run", "-i", "bench1", "--journal", "none", "--socket", socket,
		      "--sa-capacity", capacity, (char *)NULL);
		_exit(127);
	}
	return pid;
}

static int bench_agent(const char *espial, uint32_t sas, uint32_t seconds)
{
	struct series cpu = {0}, rss = {0}, anon = {0}, scrapes = {0};
	struct sender sender;
	char socket[64];
	struct row row;
	pid_t pid;
	int err = sender_open(&sender, sas), status;

	if (err)
		return err;
	snprintf(socket, sizeof(socket), "/tmp/espial-bench.%d", getpid());
	pid = start_agent(espial, socket, sas);
	if (pid < 0)
		return -errno;
	sleep(3); /* it loads and attaches; packets before that would only not be counted */
	for (uint32_t i = 0; i < sas * 8 / BATCH + 1 && !err; i++)
		err = send_batch(&sender, 8);
	for (uint32_t i = 0; i < seconds && !err; i++) {
		long before = cpu_ticks(pid);
		double ms;

		/* Every SA has a packet each second, so that every poll finds all of them changed. */
		for (uint32_t k = 0; k < sas / BATCH + 1 && !err; k++)
			err = send_batch(&sender, 1);
		sleep(1);
		ms = scrape(socket);
		if (before < 0 || isnan(ms)) {
			err = -ESRCH;
			break;
		}
		series_add(&scrapes, ms);
		series_add(&cpu, (double)(cpu_ticks(pid) - before) / (double)sysconf(_SC_CLK_TCK) * 100);
		series_add(&rss, memory_mib(pid, "VmRSS:"));
		series_add(&anon, memory_mib(pid, "RssAnon:"));
	}
	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	if (err)
		return err;
	row_head("agent");
	row = row_of("agent", "RSS, mapped tables included", "MiB", &rss);
	row_put(&row);
	row = row_of("agent", "RSS, of its own", "MiB", &anon);
	row_put(&row);
	row = row_of("agent", "a scrape of /metrics", "ms", &scrapes);
	row_put(&row);
	row = row_of("agent", "CPU, one scrape a second", "% of one", &cpu);
	row_put(&row);
	return 0;
}

int main(int argc, char **argv)
{
	uint32_t packets = 400000, rounds = 7, sas = 10000, seconds = 7;
	const char *espial = NULL;
	int c, err;

	while ((c = getopt(argc, argv, "a:n:r:s:t:")) != -1) {
		if (c == 'a')
			espial = optarg;
		else if (c == 'n')
			packets = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'r')
			rounds = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 's')
			sas = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 't')
			seconds = (uint32_t)strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	if (!packets || !rounds || !sas || !seconds)
		return 2;
	err = make_pair();
	if (!err && !espial)
		err = pin_to((unsigned)libbpf_num_possible_cpus() - 1);
	if (!err)
		err = espial ? bench_agent(espial, sas, seconds) : bench_cost(packets, rounds);
	if (err)
		fprintf(stderr, "bench_live: %s\n", strerror(-err));
	return err ? 3 : 0;
}
