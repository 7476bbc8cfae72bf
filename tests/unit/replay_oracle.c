// SPDX-License-Identifier: GPL-2.0-or-later
#include "replay_oracle.h"

#include <stdlib.h>
#include <string.h>

/* ---- a set of 64-bit numbers: pages of flags in a hash table, so that a jump of 2^31 is no matter */

#define PAGE_NUMBERS 65536ULL

struct page {
	struct page *next;
	uint64_t index;
	uint8_t flag[PAGE_NUMBERS / 8];
};

struct number_set {
	struct page *bucket[512];
};

static struct page *page_of(const struct number_set *s, uint64_t number)
{
	uint64_t index = number / PAGE_NUMBERS;
	struct page *p = s->bucket[index % 512];

	while (p && p->index != index)
		p = p->next;
	return p;
}

static int contains(const struct number_set *s, uint64_t number)
{
	const struct page *p = page_of(s, number);

	return p && p->flag[number % PAGE_NUMBERS / 8] >> (number % 8) & 1;
}

static void insert(struct number_set *s, uint64_t number)
{
	struct page *p = page_of(s, number);

	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p)
			abort();
		p->index = number / PAGE_NUMBERS;
		p->next = s->bucket[p->index % 512];
		s->bucket[p->index % 512] = p;
	}
	p->flag[number % PAGE_NUMBERS / 8] |= (uint8_t)(1 << number % 8);
}

static void clear(struct number_set *s)
{
	for (int i = 0; i < 512; i++) {
		while (s->bucket[i]) {
			struct page *p = s->bucket[i];

			s->bucket[i] = p->next;
			free(p);
		}
	}
}

/* ---- the rules */

enum { EPOCH = 32, EPOCHS = 64, AHEAD = 2048, NEAR = 16, CONFIRM_AHEAD = 4, CONFIRM_RESTART = 8 };
enum { RESTART_BELOW = 4096, RESTART_BEHIND = 65536 };

void oracle_init(struct oracle *o)
{
	memset(o, 0, sizeof(*o));
	o->seen = calloc(1, sizeof(*o->seen));
	if (!o->seen)
		abort();
	o->shift = 1ULL << 32;
}

void oracle_destroy(struct oracle *o)
{
	clear(o->seen);
	free(o->seen);
	o->seen = NULL;
}

static int bucket_of(uint64_t x)
{
	int bucket = 0;

	while (x >>= 1)
		bucket++;
	return bucket;
}

/* Everything below `edge` leaves the window: each number of it either came or is lost. */
static void judge(struct oracle *o, uint64_t edge)
{
	uint64_t n = o->edge > o->floor ? o->edge : o->floor;

	while (n < edge) {
		if (n % PAGE_NUMBERS == 0 && n + PAGE_NUMBERS <= edge && !page_of(o->seen, n)) {
			o->lost += PAGE_NUMBERS;
			o->run += PAGE_NUMBERS;
			n += PAGE_NUMBERS;
			continue;
		}
		if (!contains(o->seen, n)) {
			o->lost++;
			o->run++;
		} else if (o->run) {
			o->burst_length[bucket_of(o->run)]++;
			o->run = 0;
		}
		n++;
	}
	if (edge > o->edge)
		o->edge = edge;
}

/* The window is cut in epochs of 32: the one of the highest number and the 63 before it. */
static uint64_t edge_of(uint64_t highest)
{
	return (highest / EPOCH - (EPOCHS - 1)) * EPOCH;
}

static void receive(struct oracle *o, uint64_t n)
{
	insert(o->seen, n);
	o->received++;
	if (n > o->highest)
		o->highest = n;
	if (n < o->first) {
		o->first = n;
		o->floor = n;
	}
}

static void remember_far(struct oracle *o, uint32_t wire, int ahead)
{
	uint32_t low = 0, high = 0; /* span of the far numbers with this one, relative to it */
	int fits = o->far_count > 0 && o->far_highest == o->highest;

	for (int i = 0; fits && i < o->far_count; i++) {
		int32_t d = (int32_t)(o->far[i].wire - wire);

		if (o->far[i].ahead != ahead)
			fits = 0; /* on the other side of the window */
		if (d == 0 && fits)
			return; /* once more the same: no news */
		if (d >= NEAR || d <= -NEAR)
			fits = 0;
		else if (d < 0 && (uint32_t)-d > low)
			low = (uint32_t)-d;
		else if (d > 0 && (uint32_t)d > high)
			high = (uint32_t)d;
	}
	if (!fits || low + high >= NEAR)
		o->far_count = 0;
	o->far_highest = o->highest;
	o->far[o->far_count].wire = wire;
	o->far[o->far_count].ahead = ahead;
	o->far_count++;
}

/* The far numbers are real: those that were counted when they came are received after all. */
static void believe(struct oracle *o, uint64_t shift, int restart)
{
	uint64_t low = ~0ULL, high = 0;

	for (int i = 0; i < o->far_count; i++) {
		/* The high half of each: the one that is nearest to the last of them. */
		uint64_t last = o->far[o->far_count - 1].wire + shift;
		uint64_t n = last + (uint64_t)(int64_t)(int32_t)(o->far[i].wire - (uint32_t)(last - shift));

		if (n < low)
			low = n;
		if (n > high)
			high = n;
	}
	if (restart) {
		judge(o, o->highest + 1);
		clear(o->seen);
		o->restarts++;
		o->shift = shift;
		o->first = low;
		o->floor = low;
		o->edge = edge_of(high);
		o->highest = high;
	} else {
		/* What lies between is lost as far as it left the window; the far numbers themselves stay in it. */
		judge(o, edge_of(high));
	}
	for (int i = 0; i < o->far_count; i++) {
		receive(o, high - (uint32_t)((uint32_t)(high - shift) - o->far[i].wire));
		if (i < o->far_count - 1)
			(*(o->far[i].ahead ? &o->outlier : &o->too_old))--;
	}
	o->far_count = 0;
}

void oracle_packet(struct oracle *o, uint32_t wire)
{
	uint64_t reference, n;
	int64_t ahead;

	o->packets++;
	if (!o->any) {
		o->any = 1;
		n = wire + o->shift;
		o->first = n;
		o->floor = n;
		o->highest = n;
		o->edge = edge_of(n);
		receive(o, n);
		return;
	}
	reference = o->highest / EPOCH * EPOCH;
	n = reference + (uint64_t)(int64_t)(int32_t)(wire - (uint32_t)(reference - o->shift));
	ahead = (int64_t)(n - o->highest);
	if (ahead > AHEAD) {
		remember_far(o, wire, 1);
		if (o->far_count >= CONFIRM_AHEAD)
			believe(o, n - wire, 0);
		else
			o->outlier++;
		return;
	}
	if (n < o->edge) {
		if (wire < RESTART_BELOW || ahead <= -RESTART_BEHIND) {
			remember_far(o, wire, 0);
			if (o->far_count >= CONFIRM_RESTART) {
				/* Numbers go on, well beyond the old ones, with the wire's alignment. */
				uint32_t low = wire;

				for (int i = 0; i < o->far_count; i++)
					if ((int32_t)(o->far[i].wire - low) < 0)
						low = o->far[i].wire;
				believe(o,
					(o->highest / EPOCH + 2ULL * EPOCHS) * EPOCH + low % EPOCH +
						(wire - low) - wire,
					1);
				return;
			}
		}
		o->too_old++;
		return;
	}
	if (contains(o->seen, n)) {
		o->duplicate++;
		return;
	}
	if (ahead < 0) {
		uint64_t distance = (uint64_t)-ahead;

		o->late++;
		o->late_distance[bucket_of(distance)]++;
		if (distance > o->late_max)
			o->late_max = distance;
	} else {
		judge(o, edge_of(n));
	}
	receive(o, n);
}

uint64_t oracle_pending(const struct oracle *o)
{
	uint64_t pending = 0, n = o->edge > o->floor ? o->edge : o->floor;

	for (; n < o->highest; n++)
		pending += !contains(o->seen, n);
	return pending;
}
