/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * portable.h - the one place where the BPF build and the native build differ
 *
 * Everything else in include/espial is written against these few names, so that the very same code
 * runs in the kernel and in the agent. No libc, no libbpf types beyond the BPF helpers.
 */
#ifndef ESPIAL_PORTABLE_H
#define ESPIAL_PORTABLE_H

#include <linux/types.h>

#define ESP_INLINE static inline __attribute__((always_inline, unused))
#define ESP_LIKELY(x) __builtin_expect(!!(x), 1)
#define ESP_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define ESP_ASSERT(cond, text) _Static_assert(cond, text)

/* One load that the compiler may neither repeat nor split; aligned 32/64-bit loads are atomic on both targets. */
#define ESP_READ(x) (*(const volatile __typeof__(x) *)&(x))
#define ESP_WRITE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define esp_be16(x) __builtin_bswap16(x)
#define esp_be32(x) __builtin_bswap32(x)
#else
#define esp_be16(x) (x)
#define esp_be32(x) (x)
#endif

#ifdef __bpf__

/*
 * Slow paths are global functions, which the verifier looks at once and not from every state of every caller. It then
 * knows of pointer arguments no more than their type: they may be NULL as far as it can tell, so each is checked.
 */
#define ESP_SLOW __attribute__((noinline))

/* Of structs on the wire. Packed would compile to byte loads here; the verifier knows packets to be aligned well enough. */
#define ESP_ON_WIRE

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/*
 * BPF atomics (-mcpu=v3, kernel 5.12 on x86-64, 5.18 on arm64; 6.1 is our floor) are full barriers in their
 * value-returning forms. The plain add is relaxed, which is all a counter needs.
 */
#define ESP_CMPXCHG(p, old, new) __sync_val_compare_and_swap(p, old, new)
#define ESP_XCHG(p, v) __sync_lock_test_and_set(p, v)
#define ESP_ADD(p, v) ((void)__sync_fetch_and_add(p, v))
#define ESP_SUB(p, v) ((void)__sync_fetch_and_add(p, -(__u64)(v)))

/* Calls fn(i, ctx) for i = 0 … n-1 until it returns non-zero; at most 2^23 rounds. */
#define ESP_LOOP(n, fn, ctx) ((void)bpf_loop(n, fn, ctx, 0))

/* Keeps a value opaque to the optimiser, so that a bounds check stays in the form that the verifier knows. */
#define ESP_OPAQUE(x) asm volatile("" : "+r"(x))

#else /* native */

#define ESP_SLOW static __attribute__((noinline, unused))
#define ESP_ON_WIRE __attribute__((packed))

#define ESP_CMPXCHG(p, old, new) __sync_val_compare_and_swap(p, old, new)
#define ESP_XCHG(p, v) __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)
#define ESP_ADD(p, v) ((void)__atomic_fetch_add(p, v, __ATOMIC_RELAXED))
#define ESP_SUB(p, v) ((void)__atomic_fetch_sub(p, v, __ATOMIC_RELAXED))
#define ESP_LOOP(n, fn, ctx)                                                                                 \
	do {                                                                                                 \
		for (__u32 esp_i_ = 0; esp_i_ < (__u32)(n); esp_i_++)                                        \
			if (fn(esp_i_, ctx))                                                                 \
				break;                                                                       \
	} while (0)
#define ESP_OPAQUE(x) ((void)(x))

#endif

/* BPF has no instructions for these. Branch-free, each branch being a path more for the verifier. */
ESP_INLINE __u32 esp_popcount32(__u32 x)
{
	x = x - ((x >> 1) & 0x55555555);
	x = (x & 0x33333333) + ((x >> 2) & 0x33333333);
	x = (x + (x >> 4)) & 0x0f0f0f0f;
	return (x * 0x01010101) >> 24;
}

/* Index of the highest set bit; x must not be 0. */
ESP_INLINE __u32 esp_fls32(__u32 x)
{
	x |= x >> 1;
	x |= x >> 2;
	x |= x >> 4;
	x |= x >> 8;
	x |= x >> 16;
	return esp_popcount32(x) - 1;
}

/* Index of the lowest set bit; x must not be 0. */
ESP_INLINE __u32 esp_ctz32(__u32 x)
{
	return esp_popcount32((x & -x) - 1);
}

/* floor(log2(x)), the bucket of a power-of-two histogram; x must not be 0. */
ESP_INLINE __u32 esp_log2(__u64 x)
{
	return x >> 32 ? 32 + esp_fls32((__u32)(x >> 32)) : esp_fls32((__u32)x);
}

#endif
