// SPDX-License-Identifier: GPL-2.0-or-later
/* self.c - time, memory and identity of this process */
#include "agent/self.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t rss_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long long pages = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%*u %llu", &pages) != 1)
		pages = 0;
	fclose(file);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

void self_init(struct self *ret)
{
	*ret = (struct self){.started_ns = clock_ns(CLOCK_REALTIME)};
}

void self_polled(struct self *self, uint64_t nanoseconds)
{
	self->polls++;
	self->poll_ns_last = nanoseconds;
}

void self_fill(const struct self *self, struct state *state)
{
	state->kind = STATE_LIVE;
	if (!state->name[0])
		gethostname(state->name, sizeof(state->name) - 1);
	snprintf(state->version, sizeof(state->version), "%s", ESPIAL_VERSION);
	state->self.started_ns = self->started_ns;
	state->self.cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	state->self.rss_bytes = rss_bytes();
	state->self.polls = self->polls;
	state->self.poll_ns_last = self->poll_ns_last;
	state->self.pid = (uint32_t)getpid();
}
