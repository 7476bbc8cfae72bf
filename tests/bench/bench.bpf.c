// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bench.bpf.c - what the benchmarks run: the shipped programs, behind something that varies their packets
 *
 * BPF_PROG_TEST_RUN repeats one frame. Each program here first writes an SPI or a sequence number, or both, into the frame
 * and then is the shipped entry point, inlined; a control program writes and passes, so that the difference is ours.
 * The hash programs are what the budget compares with. Never attached to an interface.
 */
#include <linux/bpf.h>

/* Inherited by the definitions in espial.bpf.c, which stay programs of their own as well. */
__attribute__((always_inline)) int esp_xdp_in(struct xdp_md *ctx);
__attribute__((always_inline)) int esp_tc_in(struct __sk_buff *skb);
__attribute__((always_inline)) int esp_tc_out(struct __sk_buff *skb);

#include "espial.bpf.c"

/* The frames of bench_frames.c: Ethernet, IPv4 without options, then ESP, or UDP and ESP. */
#define BENCH_ESP 34
#define BENCH_ESP_UDP 42
#define BENCH_SPI 0x10000U
#define BENCH_FILLED 4 /* packets that make an SA known */

/* Set by the runner, written by the programs; one CPU at a time, but for `shared`. */
__u32 bench_order; /* log2 of the number of SAs */
__u64 bench_random = 88172645463325252ULL;
__u32 bench_sequence, bench_filled, bench_turn, bench_sa;
__u64 bench_shared __attribute__((aligned(64)));

struct bench_header {
	__be32 spi_be, sequence_be;
};

/* 64-bit LCG of Knuth's MMIX; the high half is good enough. */
static __always_inline __u32 bench_draw(void)
{
	bench_random = bench_random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (__u32)(bench_random >> 32);
}

enum bench_vary {
	BENCH_ONE,  /* one SA, next number */
	BENCH_MANY, /* all SAs in turn, in no order: of full period, so that the next number needs no memory */
	BENCH_FLOOD, /* any SPI, any number */
	BENCH_FILL,  /* each SA in turn, four packets */
	BENCH_BOTH,  /* one SA on several CPUs, next number of all */
};

/* Writes the header at `h`; returns the SPI. */
static __always_inline void bench_write(struct bench_header *h, enum bench_vary vary)
{
	__u32 i;

	switch (vary) {
	case BENCH_ONE:
		h->sequence_be = esp_be32(++bench_sequence);
		break;
	case BENCH_BOTH:
		h->sequence_be = esp_be32((__u32)__sync_fetch_and_add(&bench_shared, 1) + 1);
		break;
	case BENCH_FLOOD:
		h->spi_be = bench_draw() | 0x80000000U;
		h->sequence_be = bench_draw();
		break;
	case BENCH_FILL:
		i = bench_filled++;
		h->spi_be = esp_be32(BENCH_SPI + i / BENCH_FILLED);
		h->sequence_be = esp_be32(1 + i % BENCH_FILLED);
		break;
	case BENCH_MANY:
		i = bench_sa = (bench_sa * 20077 + 12345) & ((1U << (bench_order & 31)) - 1);
		h->spi_be = esp_be32(BENCH_SPI + i);
		h->sequence_be = esp_be32(1 + BENCH_FILLED + (bench_turn++ >> (bench_order & 31)));
		break;
	}
}

#define BENCH_VARY(ctx, offset, vary)                                                                        \
	do {                                                                                                 \
		__u8 *h_ = (__u8 *)(long)(ctx)->data + (offset);                                             \
                                                                                                             \
		if (h_ + sizeof(struct bench_header) > (__u8 *)(long)(ctx)->data_end)                        \
			return 0;                                                                            \
		bench_write((struct bench_header *)h_, vary);                                                \
	} while (0)

/* A shipped program behind `vary`, and its control, for both hooks. */
#define BENCH_PROGRAMS(name, offset, vary)                                                                   \
	SEC("xdp.frags") int bx_##name(struct xdp_md *ctx)                                                   \
	{                                                                                                    \
		BENCH_VARY(ctx, offset, vary);                                                               \
		return esp_xdp_in(ctx);                                                                      \
	}                                                                                                    \
	SEC("xdp.frags") int bxc_##name(struct xdp_md *ctx)                                                  \
	{                                                                                                    \
		BENCH_VARY(ctx, offset, vary);                                                               \
		return XDP_PASS;                                                                             \
	}                                                                                                    \
	SEC("tc") int bt_##name(struct __sk_buff *ctx)                                                       \
	{                                                                                                    \
		BENCH_VARY(ctx, offset, vary);                                                               \
		return esp_tc_out(ctx);                                                                      \
	}                                                                                                    \
	SEC("tc") int btc_##name(struct __sk_buff *ctx)                                                      \
	{                                                                                                    \
		BENCH_VARY(ctx, offset, vary);                                                               \
		return TC_ACT_UNSPEC;                                                                        \
	}

BENCH_PROGRAMS(one, BENCH_ESP, BENCH_ONE)
BENCH_PROGRAMS(udp, BENCH_ESP_UDP, BENCH_ONE)
BENCH_PROGRAMS(many, BENCH_ESP, BENCH_MANY)
BENCH_PROGRAMS(flood, BENCH_ESP, BENCH_FLOOD)
BENCH_PROGRAMS(fill, BENCH_ESP, BENCH_FILL)
BENCH_PROGRAMS(both, BENCH_ESP, BENCH_BOTH)

SEC("xdp")
int bx_pass(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

SEC("tc")
int bt_pass(struct __sk_buff *ctx)
{
	(void)ctx;
	return TC_ACT_OK;
}

/* ---- what the budget compares with ---- */

struct bench_value {
	__u64 packets, bytes, rest[6];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* the runner sets it */
	__type(key, struct esp_sa_key);
	__type(value, struct bench_value);
} bench_hash SEC(".maps");

/* Ethernet, IPv4 without options, ESP. Returns 0 when it is that. */
static __always_inline int bench_parse(const __u8 *data, const __u8 *end, struct esp_sa_key *ret_key,
				       __u32 *ret_sequence)
{
	const struct esp_eth *eth = (const void *)data;
	const struct esp_ipv4 *ip = (const void *)(eth + 1);
	const struct esp_esp *esp = (const void *)(ip + 1);

	if ((const __u8 *)(esp + 1) > end || eth->type_be != esp_be16(ESP_ETH_IPV4) ||
	    ip->version_ihl != 0x45 || ip->protocol != ESP_IPPROTO_ESP ||
	    ip->fragment_be & esp_be16(ESP_IPV4_OFFSET))
		return -1;
	ret_key->dst[0] = 0;
	ret_key->dst[1] = 0xffff0000ULL | (__u64)ip->dst_be << 32;
	ret_key->id = esp_sa_id(esp_be32(esp->spi_be), ESP_IPPROTO_ESP, 4, ESP_DIR_IN);
	*ret_sequence = esp_be32(esp->sequence_be);
	return 0;
}

#define BENCH_HASH(ctx, vary, pass)                                                                          \
	do {                                                                                                 \
		struct bench_value *value_;                                                                  \
		struct esp_sa_key key_;                                                                      \
		__u32 sequence_;                                                                             \
                                                                                                             \
		BENCH_VARY(ctx, BENCH_ESP, vary);                                                            \
		if (bench_parse((const __u8 *)(long)(ctx)->data, (const __u8 *)(long)(ctx)->data_end, &key_, \
				&sequence_))                                                                 \
			return pass;                                                                         \
		value_ = bpf_map_lookup_elem(&bench_hash, &key_);                                            \
		if (value_) {                                                                                \
			value_->packets++;                                                                   \
			value_->bytes += (ctx)->data_end - (ctx)->data;                                      \
		}                                                                                            \
		return pass;                                                                                 \
	} while (0)

SEC("xdp")
int bx_hash_one(struct xdp_md *ctx)
{
	BENCH_HASH(ctx, BENCH_ONE, XDP_PASS);
}

SEC("xdp")
int bx_hash_many(struct xdp_md *ctx)
{
	BENCH_HASH(ctx, BENCH_MANY, XDP_PASS);
}

SEC("tc")
int bt_hash_one(struct __sk_buff *ctx)
{
	BENCH_HASH(ctx, BENCH_ONE, TC_ACT_OK);
}

SEC("tc")
int bt_hash_many(struct __sk_buff *ctx)
{
	BENCH_HASH(ctx, BENCH_MANY, TC_ACT_OK);
}

/* The usual way: hash, spin lock, coarse clock, 1024-packet bitmap. */
#define BENCH_BITS 1024

struct bench_locked {
	struct bpf_spin_lock lock;
	__u32 top;
	__u64 packets, bytes, last, late, duplicate;
	__s64 lost;
	__u64 bitmap[BENCH_BITS / 64];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct esp_sa_key);
	__type(value, struct bench_locked);
} bench_locks SEC(".maps");

static __always_inline void bench_window(struct bench_locked *s, __u32 sequence)
{
	__u64 bit = 1ULL << (sequence & 63), *word = &s->bitmap[sequence / 64 % (BENCH_BITS / 64)];
	__s32 ahead = (__s32)(sequence - s->top);

	if (ahead > 0) {
		__u32 words = sequence / 64 - s->top / 64;

		for (__u32 i = 1; i <= BENCH_BITS / 64; i++) {
			if (i > words)
				break;
			s->bitmap[(s->top / 64 + i) % (BENCH_BITS / 64)] = 0;
		}
		s->lost += ahead - 1;
		s->top = sequence;
		*word |= bit;
	} else if (-ahead > BENCH_BITS - 64) {
		s->late++;
	} else if (*word & bit) {
		s->duplicate++;
	} else {
		s->lost--;
		*word |= bit;
	}
}

SEC("tc")
int bt_lock_both(struct __sk_buff *ctx)
{
	__u64 now = bpf_ktime_get_coarse_ns();
	struct bench_locked *s;
	struct esp_sa_key key;
	__u32 sequence;

	BENCH_VARY(ctx, BENCH_ESP, BENCH_BOTH);
	if (bench_parse((const __u8 *)(long)ctx->data, (const __u8 *)(long)ctx->data_end, &key, &sequence))
		return TC_ACT_OK;
	s = bpf_map_lookup_elem(&bench_locks, &key);
	if (!s)
		return TC_ACT_OK;
	bpf_spin_lock(&s->lock);
	s->packets++;
	s->bytes += ctx->len;
	s->last = now;
	bench_window(s, sequence);
	bpf_spin_unlock(&s->lock);
	return TC_ACT_OK;
}
