// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/host_stat.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_SIZE 256
#define FILE_SIZE 65536 /* the largest of them, /proc/modules and softnet_stat of hundreds of CPUs */

/* The file as text; false: not there. */
static bool read_file(const char *root, const char *path, char *ret, size_t size)
{
	char full[PATH_SIZE];
	size_t used = 0;
	ssize_t n = 0;
	int fd;

	ret[0] = '\0';
	if ((size_t)snprintf(full, sizeof(full), "%s%s", root, path) >= sizeof(full))
		return false;
	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (used < size - 1 && (n = read(fd, ret + used, size - 1 - used)) > 0)
		used += (size_t)n;
	close(fd);
	ret[used] = '\0';
	return n >= 0;
}

/* Calls back for each line, which it may cut up. */
static void each_line(char *text, void (*line)(void *arg, char *line), void *arg)
{
	char *save, *at;

	for (at = strtok_r(text, "\n", &save); at; at = strtok_r(NULL, "\n", &save))
		line(arg, at);
}

/* ---- /proc/net/xfrm_stat: "XfrmInError   0" */

static void xfrm_line(void *arg, char *line)
{
	struct host_facts *facts = arg;
	struct host_counter *c;
	uint64_t value;
	char name[40];
	size_t i;

	if (sscanf(line, "%39s %" SCNu64, name, &value) != 2)
		return;
	for (i = 0; i < facts->xfrm_count && strcmp(facts->xfrm[i].name, name) != 0; i++)
		;
	if (i == HOST_XFRM_COUNTERS)
		return;
	c = &facts->xfrm[i];
	if (i == facts->xfrm_count) {
		facts->xfrm_count++;
		memcpy(c->name, name, sizeof(c->name));
		c->value = value;
	}
	c->before = c->value;
	c->value = value;
}

/* ---- /proc/net/softnet_stat: hexadecimal, a line for each CPU: processed, dropped, squeezed … */

static void softnet_line(void *arg, char *line)
{
	struct host_facts *facts = arg;
	unsigned int processed, dropped, squeezed;

	if (sscanf(line, "%x %x %x", &processed, &dropped, &squeezed) != 3)
		return;
	facts->softnet_processed += processed;
	facts->softnet_dropped += dropped;
	facts->softnet_squeezed += squeezed;
}

/* ---- /proc/stat: "cpu  user nice system idle iowait irq softirq steal …" */

static void read_cpu(struct host_facts *facts, const char *text)
{
	uint64_t v[8] = {0}, total = 0, softirq, idle, gained;
	const uint64_t *before = facts->cpu_before;

	facts->cpu_softirq = facts->cpu_busy = -1;
	if (sscanf(text,
		   "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		   " %" SCNu64,
		   &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) != 8)
		return;
	for (int i = 0; i < 8; i++)
		total += v[i];
	idle = v[3] + v[4];
	softirq = v[6];
	gained = total - before[0];
	if (facts->before_ns && before[0] && total > before[0] && softirq >= before[1] && idle >= before[2]) {
		facts->cpu_softirq = (double)(softirq - before[1]) / (double)gained;
		facts->cpu_busy = 1 - (double)(idle - before[2]) / (double)gained;
	}
	facts->cpu_before[0] = total;
	facts->cpu_before[1] = softirq;
	facts->cpu_before[2] = idle;
}

/* ---- /sys/class/net/NAME/statistics */

static uint64_t nic_counter(const char *root, const char *interface, const char *counter)
{
	char path[PATH_SIZE], text[32];

	snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/%s", interface, counter);
	return read_file(root, path, text, sizeof(text)) ? strtoull(text, NULL, 10) : 0;
}

static void read_nic(struct host_facts *facts, const char *root, const char *name)
{
	struct host_nic *nic;
	bool known;
	size_t i;

	for (i = 0; i < facts->nic_count && strcmp(facts->nics[i].name, name) != 0; i++)
		;
	if (i == HOST_NICS || strlen(name) >= sizeof(nic->name))
		return;
	known = i < facts->nic_count;
	nic = &facts->nics[i];
	if (!known) {
		memcpy(nic->name, name, strlen(name) + 1);
		facts->nic_count++;
	}
	nic->rx_dropped_before = nic->rx_dropped;
	nic->rx_missed_before = nic->rx_missed;
	nic->rx_dropped = nic_counter(root, name, "rx_dropped");
	nic->rx_missed = nic_counter(root, name, "rx_missed_errors");
	nic->rx_errors = nic_counter(root, name, "rx_errors");
	nic->tx_dropped = nic_counter(root, name, "tx_dropped");
	nic->tx_errors = nic_counter(root, name, "tx_errors");
	/* A device that was made anew counts from 0. */
	if (!known || nic->rx_dropped < nic->rx_dropped_before)
		nic->rx_dropped_before = nic->rx_dropped;
	if (!known || nic->rx_missed < nic->rx_missed_before)
		nic->rx_missed_before = nic->rx_missed;
}

/* ---- modules */

static bool has_module(const char *modules, const char *name)
{
	size_t length = strlen(name);
	const char *at = modules;

	while (at && *at) {
		if (strncmp(at, name, length) == 0 && at[length] == ' ')
			return true;
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	return false;
}

void host_stat_read(struct host_facts *facts, const char *root, const char *const *interfaces,
		    size_t interface_count, uint64_t now_ns)
{
	char *text = malloc(FILE_SIZE);

	if (!text)
		return;
	facts->before_ns = facts->taken_ns;
	facts->taken_ns = now_ns;
	facts->has_xfrm = read_file(root, "/proc/net/xfrm_stat", text, FILE_SIZE);
	each_line(text, xfrm_line, facts);
	if (read_file(root, "/proc/net/softnet_stat", text, FILE_SIZE)) {
		facts->softnet_dropped_before = facts->softnet_dropped;
		facts->softnet_squeezed_before = facts->softnet_squeezed;
		facts->softnet_processed = facts->softnet_dropped = facts->softnet_squeezed = 0;
		each_line(text, softnet_line, facts);
		if (!facts->has_softnet || facts->softnet_dropped < facts->softnet_dropped_before)
			facts->softnet_dropped_before = facts->softnet_dropped;
		if (!facts->has_softnet || facts->softnet_squeezed < facts->softnet_squeezed_before)
			facts->softnet_squeezed_before = facts->softnet_squeezed;
		facts->has_softnet = true;
	} else {
		facts->has_softnet = false;
	}
	if (read_file(root, "/proc/stat", text, FILE_SIZE))
		read_cpu(facts, text);
	for (size_t i = 0; i < interface_count; i++)
		read_nic(facts, root, interfaces[i]);
	read_file(root, "/proc/modules", text, FILE_SIZE);
	facts->esp4_offload = has_module(text, "esp4_offload");
	facts->esp6_offload = has_module(text, "esp6_offload");
	free(text);
}
