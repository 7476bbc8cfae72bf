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

static bool read_all(int fd, char *ret, size_t size)
{
	size_t used = 0;
	ssize_t n = 0;

	while (used < size - 1 && (n = read(fd, ret + used, size - 1 - used)) > 0)
		used += (size_t)n;
	ret[used] = '\0';
	return n >= 0;
}

/* The file as text; false: not there. */
static bool read_file(const char *root, const char *path, char *ret, size_t size)
{
	char full[PATH_SIZE];
	bool whole;
	int fd;

	ret[0] = '\0';
	if ((size_t)snprintf(full, sizeof(full), "%s%s", root, path) >= sizeof(full))
		return false;
	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	whole = read_all(fd, ret, size);
	close(fd);
	return whole;
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
	struct host_space *space = arg;
	struct host_counter *c;
	uint64_t value, last;
	char name[40];
	size_t i;

	if (sscanf(line, "%39s %" SCNu64, name, &value) != 2)
		return;
	for (i = 0; i < space->xfrm_count && strcmp(space->xfrm[i].name, name) != 0; i++)
		;
	if (i == HOST_XFRM_COUNTERS)
		return;
	c = &space->xfrm[i];
	if (i == space->xfrm_count) {
		space->xfrm_count++;
		memcpy(c->name, name, sizeof(c->name));
		c->value = value;
	}
	last = c->value - space->xfrm_base[i];
	if (value < last) /* a namespace that was made anew counts from 0 */
		space->xfrm_base[i] += last;
	c->before = c->value;
	c->value = space->xfrm_base[i] + value;
}

/* NULL: not there, and nothing is gained. */
static void take_space(struct host_space *space, char *text)
{
	space->has_xfrm = text != NULL;
	for (size_t i = 0; i < space->xfrm_count; i++)
		space->xfrm[i].before = space->xfrm[i].value;
	if (text)
		each_line(text, xfrm_line, space);
}

void host_stat_space(struct host_space *space, int fd)
{
	char *text = fd >= 0 ? malloc(FILE_SIZE) : NULL;

	take_space(space, text && !lseek(fd, 0, SEEK_SET) && read_all(fd, text, FILE_SIZE) ? text : NULL);
	free(text);
}

static void add_counter(struct host_facts *facts, const struct host_counter *c)
{
	size_t i = 0;

	while (i < facts->xfrm_count && strcmp(facts->xfrm[i].name, c->name) != 0)
		i++;
	if (i == HOST_XFRM_COUNTERS)
		return;
	if (i == facts->xfrm_count) {
		facts->xfrm[facts->xfrm_count++] = *c;
		return;
	}
	facts->xfrm[i].value += c->value;
	facts->xfrm[i].before += c->before;
}

/* Those of a namespace that is gone stay in the sums. */
static void sum_spaces(struct host_facts *facts)
{
	facts->has_xfrm = false;
	facts->xfrm_count = 0;
	for (size_t s = 0; s < facts->space_count; s++) {
		facts->has_xfrm |= facts->spaces[s].has_xfrm;
		for (size_t i = 0; i < facts->spaces[s].xfrm_count; i++)
			add_counter(facts, &facts->spaces[s].xfrm[i]);
	}
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

/* ---- /proc/stat: "cpu  user nice system idle iowait irq softirq steal …", then "cpu0 …" and so on */

#define CPU_TICKS 8
enum { TICKS_IDLE = 3, TICKS_IOWAIT, TICKS_IRQ, TICKS_SOFTIRQ };

/* Ticks behind the name of a line, and their sum. False: fewer of them. */
static bool cpu_ticks(const char *text, uint64_t ret[CPU_TICKS], uint64_t *ret_total)
{
	char *end;

	*ret_total = 0;
	for (unsigned int i = 0; i < CPU_TICKS; i++, text = end) {
		ret[i] = strtoull(text, &end, 10);
		if (end == text)
			return false;
		*ret_total += ret[i];
	}
	return true;
}

static void read_cpus(struct host_facts *facts, const char *text)
{
	const char *at = text;

	facts->cpu_softirq_most = -1;
	while ((at = strstr(at, "\ncpu"))) {
		unsigned long n = strtoul(at + 4, (char **)&at, 10);
		uint64_t v[CPU_TICKS], total, *before;

		if (n >= HOST_CPUS || !cpu_ticks(at, v, &total))
			continue;
		before = facts->cpus_before[n];
		if (facts->before_ns && before[0] && total > before[0] && v[TICKS_SOFTIRQ] >= before[1]) {
			double share = (double)(v[TICKS_SOFTIRQ] - before[1]) / (double)(total - before[0]);

			if (share > facts->cpu_softirq_most)
				facts->cpu_softirq_most = share;
		}
		before[0] = total;
		before[1] = v[TICKS_SOFTIRQ];
	}
}

static void read_cpu(struct host_facts *facts, const char *text)
{
	uint64_t v[CPU_TICKS], total, idle, gained;
	const uint64_t *before = facts->cpu_before;

	facts->cpu_softirq = facts->cpu_busy = facts->cpu_softirq_most = -1;
	if (strncmp(text, "cpu ", 4) != 0 || !cpu_ticks(text + 4, v, &total))
		return;
	idle = v[TICKS_IDLE] + v[TICKS_IOWAIT];
	gained = total - before[0];
	if (facts->before_ns && before[0] && total > before[0] && v[TICKS_SOFTIRQ] >= before[1] &&
	    idle >= before[2]) {
		facts->cpu_softirq = (double)(v[TICKS_SOFTIRQ] - before[1]) / (double)gained;
		facts->cpu_busy = 1 - (double)(idle - before[2]) / (double)gained;
	}
	facts->cpu_before[0] = total;
	facts->cpu_before[1] = v[TICKS_SOFTIRQ];
	facts->cpu_before[2] = idle;
	read_cpus(facts, text);
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
	if (!facts->space_count)
		facts->space_count = 1;
	take_space(&facts->spaces[0], read_file(root, "/proc/net/xfrm_stat", text, FILE_SIZE) ? text : NULL);
	sum_spaces(facts);
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
