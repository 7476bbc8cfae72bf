/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * replay.h - the shadow replay window: lock-free, exact, pure
 *
 * The numbers of an SA are cut into epochs of 32. Of the ESP_WINDOW_EPOCHS newest epochs each has a word
 * {frozen, epoch, 32 seen flags} in a ring, so that a packet is one compare-and-exchange on one word, and a word can
 * never be mistaken for that of another epoch.
 *
 * `top` is the newest epoch. It leads: whoever brings a number beyond it moves it first, at most ESP_AHEAD numbers.
 * `carry` follows: it names the next epoch to retire. An epoch is retired, strictly in order, before its slot in the
 * ring is given to a newer one:
 *
 *   1. freeze: the word gets its frozen bit (a slot that was never given to that epoch gets {frozen, epoch, none});
 *      from now on a late packet of the epoch is `too_old`;
 *   2. carry moves to the next epoch, by compare-and-exchange. The CPU that wins counts what the epoch never got
 *      (lost) and the runs that ended in it, whose open end travels in `carry`.
 *
 * Any CPU can do any step for any other, so nobody waits. Each number is counted exactly once: received by the CPU
 * that set its flag, or lost by the one that retired its epoch. Loss and burst lengths do not depend on alignment
 * or on the interleaving.
 *
 * Numbers below the first one received are no loss: `carry` says `started` once an epoch with a flag was retired, and
 * before that nothing is missing. The first number of an SA is thus the lowest flag ever set.
 *
 * All of this sees packets before they are authenticated. A number more than ESP_AHEAD beyond the highest moves
 * nothing until ESP_CONFIRM consistent ones came while the highest stood still; then what lies between is lost.
 * The same far below, near the start of the numbers, is a restart: internal numbers always move forward, by a new `delta`,
 * and nothing between the old numbers and the new is missing.
 */
#ifndef ESPIAL_REPLAY_H
#define ESPIAL_REPLAY_H

#include "abi.h"

#define ESP_CONFIRM_AHEAD 4	 /* consistent numbers that make a jump forward real */
#define ESP_CONFIRM_RESTART 8	 /* and backward */
#define ESP_RESTART_BELOW 4096	 /* a restart begins below this number … */
#define ESP_RESTART_BEHIND 65536 /* … or so far behind the highest that no path delays a packet so long */

/* What became of one sequence number. */
enum esp_verdict {
	ESP_RECEIVED,
	ESP_DUPLICATE,
	ESP_TOO_OLD,
	ESP_OUTLIER,
	ESP_CONTENDED,
};

#define ESP_FROZEN (1ULL << 63)
#define ESP_EPOCH_MASK 0x7fffffffU
#define ESP_STARTED (1ULL << 31)
#define ESP_RUN_MASK 0x7fffffffU

ESP_INLINE __u32 esp_word_epoch(__u64 word)
{
	return (__u32)(word >> 32) & ESP_EPOCH_MASK;
}

ESP_INLINE __u64 esp_word(__u64 epoch, __u32 seen)
{
	return (epoch & ESP_EPOCH_MASK) << 32 | seen;
}

/* a - b in the 31 bits of a word's epoch. */
ESP_INLINE __s32 esp_epoch_diff(__u32 a, __u32 b)
{
	return (__s32)((a - b) << 1) >> 1;
}

/* The 64-bit epoch near `top` that carry's 32 bits stand for. */
ESP_INLINE __u64 esp_carry_epoch(__u64 carry, __u64 top)
{
	return top + (__u64)(__s64)(__s32)((__u32)(carry >> 32) - (__u32)top);
}

/* Highest number received, internal. While another CPU has moved the top but not yet set its flag: the one below. */
ESP_INLINE __u64 esp_highest(const struct esp_sa *sa, __u64 top)
{
	__u64 word = ESP_READ(sa->word[top % ESP_WINDOW_EPOCHS]);

	if (esp_word_epoch(word) != (top & ESP_EPOCH_MASK) || !(__u32)word)
		return (top << ESP_EPOCH_BITS) - 1;
	return (top << ESP_EPOCH_BITS) + esp_fls32((__u32)word);
}

ESP_SLOW int esp_count_burst(struct esp_sa_rare *rare, __u64 length)
{
	__u32 bucket;

	if (!rare || !length)
		return 0;
	bucket = esp_log2(length);
	ESP_OPAQUE(bucket); /* clang 19 knows that it is small, and drops the check that the verifier needs */
	if (bucket < ESP_HISTOGRAM)
		ESP_ADD(&rare->burst_length[bucket], 1);
	return 1;
}

/* Runs of lost numbers: the state of a walk over the flags of one epoch. */
struct esp_runs {
	struct esp_sa_rare *rare; /* where ended runs are counted; NULL: only follow the open one */
	__u32 seen, expected;	  /* numbers outside `expected` neither extend nor end a run */
	__u64 open;
};

static long esp_runs_step(__u32 i, void *arg)
{
	struct esp_runs *r = arg;
	__u32 bit = 1U << (i & 31);

	if (!(r->expected & bit))
		return 0;
	if (!(r->seen & bit)) {
		r->open++;
		return 0;
	}
	if (r->open && r->rare)
		esp_count_burst(r->rare, r->open);
	r->open = 0;
	return 0;
}

/* Counts the runs that end in the epoch, unless `rare` is NULL; returns the run that is open at its end. */
ESP_SLOW __u64 esp_runs(struct esp_sa_rare *rare, __u32 seen, __u32 expected, __u64 open)
{
	struct esp_runs r = {.rare = rare, .seen = seen, .expected = expected, .open = open};

	ESP_LOOP(32, esp_runs_step, &r);
	return r.open;
}

/* ---- retiring ---- */

ESP_INLINE __u64 esp_saturate(__u64 run)
{
	return run < ESP_RUN_MASK ? run : ESP_RUN_MASK;
}

struct esp_retire {
	struct esp_sa *sa;
	struct esp_sa_rare *rare;
	__u64 target; /* the carry shall reach this epoch */
	__u32 done;
	__u32 spoiled; /* a leap met a flag */
};

/*
 * Takes the carry to the epoch `next`, with the run of lost numbers that is open there. One CPU wins, and counts.
 */
ESP_INLINE int esp_carry_on(struct esp_retire *r, __u64 carry, __u64 next, __u64 run, int started)
{
	__u64 value = next << 32 | (started ? ESP_STARTED : 0) | esp_saturate(run);

	return ESP_CMPXCHG(&r->sa->carry, carry, value) == carry;
}

/*
 * The rest of a jump: all that the ring holds is retired, so that nothing came of the epochs from the carry to the
 * target. The slots are marked with the newest epochs below the target first, lest a slow CPU give one to an epoch that
 * the leap counts as lost. Returns 0 when a slot is still in use: then it goes epoch by epoch.
 */
static long esp_leap_step(__u32 i, void *arg)
{
	struct esp_retire *r = arg;
	__u64 last = r->target - ESP_WINDOW_EPOCHS + i, *slot = &r->sa->word[last % ESP_WINDOW_EPOCHS],
	      word = ESP_READ(*slot);
	__u32 next = (__u32)(ESP_READ(r->sa->carry) >> 32);

	/* Live, or frozen with flags that the carry has not passed: no leap. A lost race: another try. */
	if ((!(word & ESP_FROZEN) || (__u32)word) && esp_epoch_diff(esp_word_epoch(word), next) >= 0)
		r->spoiled = 1;
	else if (ESP_CMPXCHG(slot, word, ESP_FROZEN | esp_word(last, 0)) != word)
		r->spoiled = 1;
	return r->spoiled != 0;
}

ESP_INLINE int esp_retire_leap(struct esp_retire *r, __u64 carry, __u64 epoch)
{
	r->spoiled = 0;
	ESP_LOOP(ESP_WINDOW_EPOCHS, esp_leap_step, r);
	if (r->spoiled)
		return 0;
	{
		__u64 missing = (r->target - epoch) << ESP_EPOCH_BITS;
		int started = !!(carry & ESP_STARTED);

		if (!started)
			missing = 0;
		if (esp_carry_on(r, carry, r->target, (carry & ESP_RUN_MASK) + missing, started) && missing)
			ESP_ADD(&r->rare->lost, missing);
	}
	return 1;
}

static long esp_retire_step(__u32 i, void *arg)
{
	struct esp_retire *r = arg;
	__u64 carry = ESP_READ(r->sa->carry), top = ESP_READ(r->sa->top), epoch = esp_carry_epoch(carry, top),
	      *slot, word;
	__u32 seen = 0, expected, first = 0, missing;
	int mixed, started = !!(carry & ESP_STARTED);
	__s32 diff;
	__u64 run;

	(void)i;
	if ((__s64)(epoch - r->target) >= 0) {
		r->done = 1;
		return 1;
	}
	if (r->target - epoch > 2 * ESP_WINDOW_EPOCHS && esp_retire_leap(r, carry, epoch))
		return 0;
	slot = &r->sa->word[epoch % ESP_WINDOW_EPOCHS];
	word = ESP_READ(*slot);
	diff = esp_epoch_diff(esp_word_epoch(word), (__u32)epoch);
	if (diff == 0) {
		if (!(word & ESP_FROZEN) && ESP_CMPXCHG(slot, word, word | ESP_FROZEN) != word)
			return 0; /* a late packet got in: once more */
		seen = (__u32)word;
	} else if (diff < 0) {
		if (ESP_CMPXCHG(slot, word, ESP_FROZEN | esp_word(epoch, 0)) != word)
			return 0;
	} /* else: marked by a leap, or the carry has moved on and the exchange below fails */
	expected = 0xffffffffU;
	if (!started) {
		if (seen) {
			first = esp_ctz32(seen);
			expected &= 0xffffffffU << first;
		} else {
			expected = 0;
		}
	}
	/* Complete and no run open, the common case; or nothing of it came. */
	run = carry & ESP_RUN_MASK;
	missing = esp_popcount32(expected & ~seen);
	mixed = seen && (missing || run);
	if (mixed)
		run = esp_runs(0, seen, expected, run);
	else
		run += missing;
	if (esp_carry_on(r, carry, epoch + 1, run, started || seen)) {
		if (!started && seen)
			ESP_WRITE(r->rare->first, (epoch << ESP_EPOCH_BITS) + first);
		if (missing)
			ESP_ADD(&r->rare->lost, missing);
		if (mixed)
			esp_runs(r->rare, seen, expected, carry & ESP_RUN_MASK);
	}
	return 0;
}

/*
 * Retires all epochs below `target`. The bound covers the ring twice, the marks of a leap, and interference; only
 * then is 0 returned.
 */
ESP_SLOW int esp_retire(struct esp_sa *sa, struct esp_sa_rare *rare, __u64 target)
{
	struct esp_retire r = {.sa = sa, .rare = rare, .target = target};

	if (!sa || !rare)
		return 0;
	ESP_LOOP(16 * ESP_WINDOW_EPOCHS, esp_retire_step, &r);
	return r.done;
}

/* ---- marking a number as seen ---- */

/*
 * Sets the flag of `number`. The slot must be the epoch's, or free for it: esp_retire() up to the epoch that had it before.
 * A failed exchange means that another CPU set one of the 31 other flags, froze the word or gave the slot away: it
 * happens 33 times at most, so that the bound is never the reason to stop.
 */
ESP_SLOW int esp_mark(struct esp_sa *sa, __u64 number)
{
	__u64 epoch = number >> ESP_EPOCH_BITS, *slot;
	__u32 bit = 1U << (number & 31);

	if (!sa)
		return ESP_CONTENDED;
	slot = &sa->word[epoch % ESP_WINDOW_EPOCHS];
#if defined(__bpf__)
#pragma clang loop unroll(disable)
#endif
	for (int i = 0; i < 40; i++) {
		__u64 word = ESP_READ(*slot), next;
		__s32 diff = esp_epoch_diff(esp_word_epoch(word), (__u32)epoch & ESP_EPOCH_MASK);

		if (diff > 0 || (diff == 0 && word & ESP_FROZEN))
			return ESP_TOO_OLD;
		if (diff == 0) {
			if ((__u32)word & bit)
				return ESP_DUPLICATE;
			next = word | bit;
		} else {
			__u32 carry = (__u32)(ESP_READ(sa->carry) >> 32);

			if ((__s32)(carry - (__u32)(epoch - ESP_WINDOW_EPOCHS + 1)) < 0)
				return ESP_CONTENDED;
			next = esp_word(epoch, bit);
		}
		if (ESP_CMPXCHG(slot, word, next) == word)
			return ESP_RECEIVED;
	}
	return ESP_CONTENDED;
}

/* ---- moving the top ---- */

struct esp_raise {
	struct esp_sa *sa;
	__u64 epoch;
};

static long esp_raise_step(__u32 i, void *arg)
{
	struct esp_raise *r = arg;
	__u64 top = ESP_READ(r->sa->top);

	(void)i;
	return (__s64)(r->epoch - top) <= 0 || ESP_CMPXCHG(&r->sa->top, top, r->epoch) == top;
}

/* Moves the top to `epoch` or leaves it where another CPU has moved it beyond. */
ESP_INLINE void esp_raise_top(struct esp_sa *sa, __u64 epoch)
{
	struct esp_raise r = {.sa = sa, .epoch = epoch};
	__u64 top = ESP_READ(sa->top);

	if ((__s64)(epoch - top) <= 0 || ESP_LIKELY(ESP_CMPXCHG(&sa->top, top, epoch) == top))
		return;
	ESP_LOOP(1024, esp_raise_step, &r);
}

/* ---- a number that is not the next in order ---- */

enum esp_plan_kind {
	ESP_PLAN_MARK,	  /* in reach of the window */
	ESP_PLAN_JUMP,	  /* tentative numbers ahead are confirmed */
	ESP_PLAN_RESTART, /* tentative numbers behind are confirmed */
};

/* For numbers far from the window: is the jump confirmed by this one? Then the plan says which numbers it is made of. */
ESP_INLINE int esp_tentative(struct esp_sa *sa, __u32 wire, __u64 top, struct esp_plan *plan)
{
	__u64 highest = esp_highest(sa, top), old = ESP_READ(sa->tentative), next;
	__u32 base = (__u32)(old >> 32), seen = (__u32)(old >> 16) & 0xffff, side = plan->ahead > 0;
	__u32 mark = ((__u32)highest & 0x7fff) << 1 | side; /* candidates of both sides are no flow */
	__u32 need = plan->ahead > 0 ? ESP_CONFIRM_AHEAD : ESP_CONFIRM_RESTART, offset = wire - base;

	if (plan->ahead < 0 && wire >= ESP_RESTART_BELOW && plan->ahead > -ESP_RESTART_BEHIND)
		return 0;
	if (seen && ((__u32)old & 0xffff) == mark && offset < 16) {
		seen |= 1U << offset;
	} else if (seen && ((__u32)old & 0xffff) == mark && -offset < 16 && seen >> (16 - -offset) == 0) {
		seen = (seen << -offset & 0xffff) | 1; /* a little earlier than the first that came */
		base = wire;
	} else {
		seen = 1;
		base = wire;
	}
	if (esp_popcount32(seen) < need) {
		next = (__u64)base << 32 | seen << 16 | mark;
		if (next != old)
			(void)ESP_CMPXCHG(&sa->tentative, old,
					  next); /* losing a race only delays the confirmation */
		return 0;
	}
	if (ESP_CMPXCHG(&sa->tentative, old, 0) != old)
		return 0;
	plan->seen = seen;
	if (plan->ahead > 0) {
		plan->kind = ESP_PLAN_JUMP;
		plan->base = plan->number - (wire - base);
		return 1;
	}
	plan->kind = ESP_PLAN_RESTART;
	plan->base = base;
	return 1;
}

/*
 * The numbers start over: the old ones end with the highest, whose epoch is the last to be retired, and the new ones begin
 * as those of a new SA do, in internal numbers well beyond the old and with the alignment that the wire's have. Returns
 * the internal number of plan->base, or 0 when the old ones went on meanwhile.
 */
ESP_INLINE __u64 esp_restart(struct esp_sa *sa, struct esp_sa_rare *rare, const struct esp_plan *plan)
{
	__u64 *slot = &sa->word[plan->retire % ESP_WINDOW_EPOCHS], word = ESP_READ(*slot),
	      carry = ESP_READ(sa->carry);
	__u64 fresh = ((plan->retire + 2 * ESP_WINDOW_EPOCHS) << ESP_EPOCH_BITS) + ((__u32)plan->base & 31);
	__u32 seen = (__u32)word, expected = 0, missing;
	__u64 next;

	if (ESP_READ(sa->top) != plan->retire || (__u32)(carry >> 32) != (__u32)plan->retire ||
	    (__u32)(word >> 32) != ((__u32)plan->retire & ESP_EPOCH_MASK) || !seen)
		return 0;
	if (ESP_CMPXCHG(slot, word, word | ESP_FROZEN) != word)
		return 0;
	expected = 0xffffffffU >> (31 - esp_fls32(seen));
	if (!(carry & ESP_STARTED))
		expected &= 0xffffffffU << esp_ctz32(seen);
	next = (fresh + esp_fls32(plan->seen)) >> ESP_EPOCH_BITS;
	if (ESP_CMPXCHG(&sa->carry, carry, (next - ESP_WINDOW_EPOCHS + 1) << 32) != carry)
		return 0;
	missing = esp_popcount32(expected & ~seen);
	if (missing)
		ESP_ADD(&rare->lost, missing);
	esp_runs(rare, seen, expected, carry & ESP_RUN_MASK);
	ESP_ADD(&rare->restarts, 1);
	(void)ESP_XCHG(&sa->delta, fresh - (__u32)plan->base);
	esp_raise_top(sa, next);
	return fresh;
}

/*
 * First of three steps, which are functions of their own because BPF's stack is short: esp_plan() decides what to do with
 * the number and moves the top, esp_retire() makes room up to plan->retire, esp_execute() sets the flags. Returns 0 when
 * plan->verdict is final.
 */
ESP_SLOW int esp_plan(struct esp_sa *sa, struct esp_sa_rare *rare, __u32 wire, struct esp_plan *plan)
{
	__u64 top, reference;

	if (!sa || !rare || !plan)
		return 0;
	top = ESP_READ(sa->top);
	reference = top << ESP_EPOCH_BITS;
	/* The high half: the nearest number that ends in these 32 bits (RFC 4303 Appendix A2, with half the range each way). */
	plan->number =
		reference + (__u64)(__s64)(__s32)(wire + (__u32)ESP_READ(sa->delta) - (__u32)reference);
	plan->ahead = (__s64)(plan->number - esp_highest(sa, top));
	if (plan->ahead > ESP_AHEAD ||
	    (__s64)((plan->number >> ESP_EPOCH_BITS) - top) <= -ESP_WINDOW_EPOCHS) {
		plan->verdict = plan->ahead > 0 ? ESP_OUTLIER : ESP_TOO_OLD;
		if (!esp_tentative(sa, wire, top, plan))
			return 0;
		plan->retire = top; /* a restart: all but the last of the old numbers' epochs */
		if (plan->kind == ESP_PLAN_RESTART)
			return 1;
		esp_raise_top(sa, (plan->base + esp_fls32(plan->seen)) >> ESP_EPOCH_BITS);
		plan->retire = ESP_READ(sa->top) - ESP_WINDOW_EPOCHS + 1;
		return 1;
	}
	plan->kind = ESP_PLAN_MARK;
	plan->base = plan->number;
	plan->seen = 1;
	esp_raise_top(sa, plan->number >> ESP_EPOCH_BITS);
	plan->retire = (plan->number >> ESP_EPOCH_BITS) - ESP_WINDOW_EPOCHS + 1;
	return 1;
}

ESP_INLINE void esp_count_late(struct esp_sa_rare *rare, __u64 distance)
{
	__u64 max = ESP_READ(rare->late_max);

	ESP_ADD(&rare->late, 1);
	ESP_ADD(&rare->late_distance[esp_log2(distance) & (ESP_LATE_BUCKETS - 1)], 1);
	for (int i = 0; i < 8 && distance > max; i++) {
		__u64 got = ESP_CMPXCHG(&rare->late_max, max, distance);

		if (got == max)
			break;
		max = got;
	}
}

/* Third step: sets the flags. Returns the verdict on the number that was planned; the caller counts it. */
ESP_SLOW int esp_execute(struct esp_sa *sa, struct esp_sa_rare *rare, struct esp_plan *plan)
{
	__u32 received = 0, kind;
	__u64 base;
	int verdict;

	if (!sa || !rare || !plan)
		return ESP_CONTENDED;
	kind = plan->kind;
	if (kind == ESP_PLAN_MARK) {
		verdict = esp_mark(sa, plan->number);
		if (verdict == ESP_RECEIVED && plan->ahead < 0)
			esp_count_late(rare, (__u64)-plan->ahead);
		return verdict;
	}
	base = plan->base;
	if (kind == ESP_PLAN_RESTART) {
		base = esp_restart(sa, rare, plan);
		if (!base)
			return plan->verdict;
	}
#if defined(__bpf__)
#pragma clang loop unroll(disable)
#endif
	for (int i = 0; i < 16; i++)
		if (plan->seen >> i & 1 && esp_mark(sa, base + i) == ESP_RECEIVED)
			received++;
	if (!received)
		return plan->verdict;
	if (received > 1) {
		/* They were counted when they came; now it is known what they were. The caller counts this one. */
		ESP_SUB(kind == ESP_PLAN_JUMP ? &rare->outlier : &rare->too_old, received - 1);
		ESP_ADD(&rare->confirmed, received - 1);
	}
	return ESP_RECEIVED;
}

/* The three steps. */
ESP_INLINE int esp_window_slow(struct esp_sa *sa, struct esp_sa_rare *rare, __u32 wire, struct esp_plan *plan)
{
	if (!esp_plan(sa, rare, wire, plan))
		return (int)plan->verdict;
	esp_retire(sa, rare, plan->retire);
	return esp_execute(sa, rare, plan);
}

/*
 * Enters one sequence number as it stood on the wire. ESP_RECEIVED: it is new, the caller counts it. The common case,
 * the next number of the top epoch, is one load and one compare-and-exchange.
 */
ESP_INLINE int esp_window_fast(struct esp_sa *sa, __u32 wire)
{
	__u64 top = ESP_READ(sa->top), word, *slot;
	__u32 number = wire + (__u32)ESP_READ(sa->delta);

	if (ESP_UNLIKELY(number >> ESP_EPOCH_BITS != ((__u32)top & (0xffffffffU >> ESP_EPOCH_BITS))))
		return 0;
	slot = &sa->word[top % ESP_WINDOW_EPOCHS];
	word = ESP_READ(*slot);
	/* Above every flag that is set, in the epoch that the word says, which is not frozen: in order. */
	if (ESP_UNLIKELY((__u32)(word >> 32) != ((__u32)top & ESP_EPOCH_MASK) ||
			 (__u32)word >> (number & 31)))
		return 0;
	return ESP_CMPXCHG(slot, word, word | 1ULL << (number & 31)) == word;
}

/* First number of a new SA. The entry is not yet visible to others; word[] may hold anything older. */
ESP_INLINE void esp_window_init(struct esp_sa *sa, __u32 wire)
{
	__u64 number = (1ULL << 32) + wire;

	sa->delta = 1ULL << 32;
	sa->tentative = 0;
	sa->top = number >> ESP_EPOCH_BITS;
	sa->carry = (sa->top - ESP_WINDOW_EPOCHS + 1) << 32;
#if defined(__bpf__)
#pragma unroll
#endif
	for (int i = 0; i < ESP_WINDOW_EPOCHS; i++)
		sa->word[i] = 0;
}

#endif
