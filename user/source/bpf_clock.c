/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf_clock.c - the datapath counts in jiffies, which cost it 3 ns to read; here they become nanoseconds
 *
 * The kernel tells nobody its HZ. It advances jiffies at whole multiples of a tick on the CLOCK_MONOTONIC scale, so the two
 * clocks differ by a constant, and two edges some ticks apart tell the tick.
 */
#include "source/bpf_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "espial.skel.h"

#define CLOCK_SPAN_NS 40000000ULL  /* four ticks of the slowest */
#define CLOCK_SPIN_NS 200000000ULL /* an edge must come within; the slowest tick has 10 ms */
#define CLOCK_TRIES 4

int live_clock_read(struct live *live, struct esp_clock *ret)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	if (bpf_prog_test_run_opts(bpf_program__fd(live->skel->progs.esp_read_clock), &opts))
		return -errno;
	*ret = live->skel->bss->esp_clock_now;
	return 0;
}

/* Reads until a jiffy has just begun. */
static int wait_for_edge(struct live *live, struct esp_clock *ret)
{
	struct esp_clock start = {0}, now;
	int err = live_clock_read(live, &start);

	for (now = start; !err; err = live_clock_read(live, &now)) {
		if (now.jiffies != start.jiffies) {
			*ret = now;
			return 0;
		}
		if (now.monotonic - start.monotonic > CLOCK_SPIN_NS)
			return -ETIME;
	}
	return err;
}

static uint32_t nearest_hz(double measured)
{
	static const uint32_t known[] = {100, 250, 300, 1000}; /* kernel/Kconfig.hz */
	uint32_t nearest = known[0];

	for (size_t i = 1; i < sizeof(known) / sizeof(*known); i++)
		if (measured > (known[i - 1] + known[i]) / 2.0)
			nearest = known[i];
	return nearest;
}

int live_clock_calibrate(struct live *live)
{
	struct live_clock *clock = &live->clock;
	double off = 1;

	/* A preempted reading shifts an edge: the best of a few tries. */
	for (int i = 0; i < CLOCK_TRIES && off > 0.03; i++) {
		const struct timespec span = {.tv_nsec = CLOCK_SPAN_NS};
		struct esp_clock first, last;
		double measured, error;
		int err = wait_for_edge(live, &first);

		nanosleep(&span, NULL);
		if (!err)
			err = wait_for_edge(live, &last);
		if (err)
			return err;
		measured = (double)(last.jiffies - first.jiffies) * LIVE_NS_PER_S /
			   (double)(last.monotonic - first.monotonic);
		error = measured / nearest_hz(measured) - 1;
		if (error < 0)
			error = -error;
		if (error < off) {
			off = error;
			clock->hz = nearest_hz(measured);
		}
		clock->offset = (int64_t)(last.monotonic - last.jiffies * (LIVE_NS_PER_S / clock->hz));
	}
	return 0;
}

void live_clock_follow(struct live_clock *clock, const struct esp_clock *reading)
{
	const int64_t tick = LIVE_NS_PER_S / clock->hz;
	int64_t offset = (int64_t)(reading->monotonic - reading->jiffies * (uint64_t)tick);

	/*
	 * A reading is from 0 to 1 tick after its jiffy's edge: the least offset is the truest. One that is far off says that the
	 * two have parted.
	 */
	if (offset < clock->offset || offset - clock->offset > 10 * tick)
		clock->offset = offset;
}

uint64_t live_clock_monotonic(const struct live_clock *clock, uint64_t jiffies)
{
	return jiffies * (LIVE_NS_PER_S / clock->hz) + (uint64_t)clock->offset;
}
