/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * traffic IFACE ROUNDS [RANDOM] - sends the same frames every time, and prints as JSON what must be counted of them
 * traffic IFACE streams FROM,TO,SPI,FIRST,HOW,EVERY... - sends ESP until it is ended, some 100 packets a second of each stream
 *
 * Each round: one packet of every SA below, and what has none. RANDOM more ESP packets have SPIs that are used once. To addresses
 * that the receiver neither has nor forwards to: nobody answers. Paced, since a veth drops what its peer is too slow to take.
 * A stream's numbers begin with FIRST; enum how says what is odd about each packet number EVERY. To an Ethernet address that
 * nobody has, so nobody answers these either.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>

#include "espial/wire.h"

#define FRAME 1500
#define BURST 32
#define PAUSE_US 400
#define VLAN_ID 7

/* Every tenth number of this SA is not sent, every eighth packet of the next is sent twice. */
#define LOST_EVERY 10
#define TWICE_EVERY 8

enum kind { SA_ESP4, SA_ESP6, SA_NATT, SA_AH, SA_VLAN, SA_FRAGMENTED, SA_COUNT };

struct tally {
	uint64_t packets, bytes, skipped, duplicate, fragments;
};

struct sender {
	int fd;
	uint64_t sent, bytes; /* frames; IP bytes */
	uint64_t esp, esp_udp, ah, ike, keepalive, fragment, other;
	struct tally sa[SA_COUNT];
	uint64_t state; /* of the random numbers */
};

struct frame {
	uint8_t data[FRAME];
	size_t length, ip; /* ip: where the IP header begins */
};

static void put(struct frame *f, const void *bytes, size_t count)
{
	memcpy(f->data + f->length, bytes, count);
	f->length += count;
}

static void put16(struct frame *f, uint16_t value)
{
	uint16_t be = htons(value);

	put(f, &be, sizeof(be));
}

static void put32(struct frame *f, uint32_t value)
{
	uint32_t be = htonl(value);

	put(f, &be, sizeof(be));
}

static void fill(struct frame *f, size_t count)
{
	memset(f->data + f->length, 0x5a, count);
	f->length += count;
}

static void ethernet(struct frame *f, uint16_t type, int vlan)
{
	static const uint8_t to[6] = {2, 0, 0, 0, 0, 0xb}, from[6] = {2, 0, 0, 0, 0, 0xa};

	f->length = 0;
	put(f, to, sizeof(to));
	put(f, from, sizeof(from));
	if (vlan) {
		put16(f, ESP_ETH_VLAN);
		put16(f, (uint16_t)vlan);
	}
	put16(f, type);
	f->ip = f->length;
}

static void ipv4(struct frame *f, int vlan, uint8_t protocol, size_t payload, uint16_t id, uint16_t fragment)
{
	ethernet(f, ESP_ETH_IPV4, vlan);
	put(f, (const uint8_t[]){0x45, 0}, 2);
	put16(f, (uint16_t)(20 + payload));
	put16(f, id);
	put16(f, fragment);
	put(f, (const uint8_t[]){64, protocol}, 2);
	put16(f, 0);
	put32(f, 0xc6336401); /* 198.51.100.1 */
	put32(f, 0xc6336402);
}

static void ipv6(struct frame *f, uint8_t next, size_t payload)
{
	static const uint8_t from[16] = {0x20, 1, 0xd, 0xb8, [15] = 1},
			     to[16] = {0x20, 1, 0xd, 0xb8, [15] = 2};

	ethernet(f, ESP_ETH_IPV6, 0);
	put32(f, 6U << 28);
	put16(f, (uint16_t)payload);
	put(f, (const uint8_t[]){next, 64}, 2);
	put(f, from, sizeof(from));
	put(f, to, sizeof(to));
}

static void udp(struct frame *f, uint16_t port, size_t payload)
{
	put16(f, port);
	put16(f, port);
	put16(f, (uint16_t)(8 + payload));
	put16(f, 0);
}

static void transmit(struct sender *s, const struct frame *f)
{
	while (send(s->fd, f->data, f->length, 0) != (ssize_t)f->length) {
		if (errno != ENOBUFS) {
			perror("send");
			exit(1);
		}
		usleep(PAUSE_US); /* the receiver has no room */
	}
	s->bytes += f->length - f->ip;
	if (++s->sent % BURST == 0)
		usleep(PAUSE_US);
}

/* A packet of an SA, `payload` bytes behind SPI and sequence number. */
static void build(struct frame *f, enum kind kind, uint32_t spi, uint32_t sequence, size_t payload)
{
	switch (kind) {
	case SA_ESP6:
		ipv6(f, ESP_IPPROTO_ESP, 8 + payload);
		break;
	case SA_NATT:
		ipv4(f, 0, ESP_IPPROTO_UDP, 16 + payload, 0, ESP_IPV4_DF);
		udp(f, ESP_PORT_NATT, 8 + payload);
		break;
	case SA_AH:
		ipv4(f, 0, ESP_IPPROTO_AH, 24 + payload, 0, 0);
		put(f, (const uint8_t[]){ESP_IPPROTO_UDP, 4, 0, 0}, 4); /* 6 words - 2 */
		break;
	case SA_VLAN:
		ipv4(f, VLAN_ID, ESP_IPPROTO_ESP, 8 + payload, 0, 0);
		break;
	default:
		ipv4(f, 0, ESP_IPPROTO_ESP, 8 + payload, 0, 0);
	}
	put32(f, spi);
	put32(f, sequence);
	if (kind == SA_AH)
		fill(f, 12);
	fill(f, payload);
}

static void count(struct sender *s, enum kind kind, const struct frame *f)
{
	s->sa[kind].packets++;
	s->sa[kind].bytes += f->length - f->ip;
	*(kind == SA_NATT ? &s->esp_udp : kind == SA_AH ? &s->ah : &s->esp) += 1;
}

static void send_sa(struct sender *s, enum kind kind, uint32_t round)
{
	struct frame f;

	if (kind == SA_ESP4 && round % LOST_EVERY == LOST_EVERY / 2) {
		s->sa[kind].skipped++;
		return;
	}
	build(&f, kind, 0x1001 + (uint32_t)kind, round, 40 + round % 1000);
	transmit(s, &f);
	count(s, kind, &f);
	if (kind == SA_ESP6 && round % TWICE_EVERY == 0) {
		transmit(s, &f);
		count(s, kind, &f);
		s->sa[kind].duplicate++;
	}
}

/* One ESP packet in two fragments of 400 and 200 bytes. */
static void send_fragmented(struct sender *s, uint32_t round)
{
	struct frame f;

	ipv4(&f, 0, ESP_IPPROTO_ESP, 400, (uint16_t)round, ESP_IPV4_MF);
	put32(&f, 0x1001 + SA_FRAGMENTED);
	put32(&f, round);
	fill(&f, 392);
	transmit(s, &f);
	count(s, SA_FRAGMENTED, &f);
	ipv4(&f, 0, ESP_IPPROTO_ESP, 200, (uint16_t)round, 400 / 8);
	fill(&f, 200);
	transmit(s, &f);
	s->fragment++;
	s->sa[SA_FRAGMENTED].fragments += 2;
	s->sa[SA_FRAGMENTED].bytes += f.length - f.ip;
}

static void send_without_sa(struct sender *s)
{
	struct frame f;

	ipv4(&f, 0, ESP_IPPROTO_UDP, 8 + 28, 0, 0);
	udp(&f, ESP_PORT_IKE, 28);
	fill(&f, 16);
	put(&f, (const uint8_t[]){0, 0x20, 37, 8}, 4);
	put32(&f, 1);
	put32(&f, 28);
	transmit(s, &f);
	s->ike++;
	ipv4(&f, 0, ESP_IPPROTO_UDP, 8 + 1, 0, 0);
	udp(&f, ESP_PORT_NATT, 1);
	put(&f, (const uint8_t[]){0xff}, 1);
	transmit(s, &f);
	s->keepalive++;
	ipv4(&f, 0, ESP_IPPROTO_UDP, 8 + 100, 0, 0);
	udp(&f, 53, 100);
	fill(&f, 100);
	transmit(s, &f);
	s->other++;
}

/* Marsaglia's xorshift64: the same numbers every time. Never an SPI of ours. */
static uint32_t random_spi(struct sender *s)
{
	s->state ^= s->state << 13;
	s->state ^= s->state >> 7;
	s->state ^= s->state << 17;
	return (uint32_t)(s->state >> 32) | 0x80000000U;
}

static void send_random(struct sender *s)
{
	struct frame f;

	build(&f, SA_ESP4, random_spi(s), 1 + (uint32_t)(s->state & 0xffff), 40);
	transmit(s, &f);
	s->esp++;
}

/* What is odd about a stream. */
enum how { HOW_PLAIN, HOW_TWICE, HOW_CE, HOW_ECT1, HOW_LATE, HOW_ANEW, HOW_COUNT };

static const char *const how_names[HOW_COUNT] = {
	[HOW_PLAIN] = "plain", /* nothing: ECN-capable, ECT(0) */
	[HOW_TWICE] = "twice", /* sent twice */
	[HOW_CE] = "ce",       /* marked as congested */
	[HOW_ECT1] = "ect1",   /* ECN-capable in the other way */
	[HOW_LATE] = "late",   /* sent after the one behind it */
	[HOW_ANEW] = "anew",   /* once: the numbers begin with 1 again */
};

struct stream {
	uint8_t addresses[8]; /* from, to; as on the wire */
	uint32_t spi, number, every;
	enum how how;
};

static int parse_stream(char *text, struct stream *ret)
{
	char *part[6] = {0};

	for (int i = 0; i < 6; i++)
		if (!(part[i] = strsep(&text, ",")))
			return -EINVAL;
	if (inet_pton(AF_INET, part[0], ret->addresses) != 1 ||
	    inet_pton(AF_INET, part[1], ret->addresses + 4) != 1)
		return -EINVAL;
	ret->spi = (uint32_t)strtoul(part[2], NULL, 0);
	ret->number = (uint32_t)strtoul(part[3], NULL, 0);
	ret->every = (uint32_t)strtoul(part[5], NULL, 0);
	for (ret->how = HOW_PLAIN; strcmp(how_names[ret->how], part[4]) != 0;)
		if (++ret->how == HOW_COUNT)
			return -EINVAL;
	return ret->every ? 0 : -EINVAL;
}

static void send_number(struct sender *s, const struct stream *stream, uint32_t number, uint8_t ecn)
{
	struct frame f;

	build(&f, SA_ESP4, stream->spi, number, 80);
	f.data[f.ip + 1] = ecn;
	memcpy(f.data + f.ip + 12, stream->addresses, sizeof(stream->addresses));
	transmit(s, &f);
}

static void send_stream(struct sender *s, struct stream *stream, uint64_t round)
{
	bool odd = round % stream->every == 0;
	uint8_t ecn = odd && stream->how == HOW_CE ? 3 : odd && stream->how == HOW_ECT1 ? 1 : 2;
	uint32_t number = stream->number++;

	if (stream->how == HOW_ANEW && round == stream->every) {
		number = 1;
		stream->number = 2;
	}
	if (stream->how == HOW_LATE && odd)
		number++;
	else if (stream->how == HOW_LATE && round % stream->every == 1 && round > 1)
		number--;
	send_number(s, stream, number, ecn);
	if (stream->how == HOW_TWICE && odd)
		send_number(s, stream, number, ecn);
}

/* Returns only when it cannot: an exit status. */
static int send_streams(struct sender *s, int count, char **texts)
{
	struct stream *streams = calloc((size_t)count + 1, sizeof(*streams));

	if (!streams)
		return 1;
	for (int i = 0; i < count; i++)
		if (parse_stream(texts[i], &streams[i])) {
			fprintf(stderr, "no stream: %s\n", texts[i]);
			free(streams);
			return 2;
		}
	for (uint64_t round = 1;; round++) {
		for (int i = 0; i < count; i++)
			send_stream(s, &streams[i], round);
		usleep(10000);
	}
}

static int open_on(const char *name)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name)};
	int fd = socket(AF_PACKET, SOCK_RAW, 0); /* protocol 0: receives nothing */

	if (fd < 0 || !address.sll_ifindex || bind(fd, (struct sockaddr *)&address, sizeof(address))) {
		perror(name);
		exit(1);
	}
	return fd;
}

static void report(const struct sender *s)
{
	printf("{\"seen\":%ju,\"bytes\":%ju,\"class\":{\"esp\":%ju,\"esp_udp\":%ju,\"ah\":%ju,\"ike\":%ju,"
	       "\"nat_keepalive\":%ju,"
	       "\"fragment\":%ju,\"other\":%ju},\"sas\":{",
	       (uintmax_t)s->sent, (uintmax_t)s->bytes, (uintmax_t)s->esp, (uintmax_t)s->esp_udp,
	       (uintmax_t)s->ah, (uintmax_t)s->ike, (uintmax_t)s->keepalive, (uintmax_t)s->fragment,
	       (uintmax_t)s->other);
	for (uint32_t i = 0; i < SA_COUNT; i++)
		printf("%s\"0x%08x\":{\"packets\":%ju,\"bytes\":%ju,\"missing\":%ju,\"duplicate\":%ju,"
		       "\"fragments\":%ju}",
		       i ? "," : "", 0x1001 + i, (uintmax_t)s->sa[i].packets, (uintmax_t)s->sa[i].bytes,
		       (uintmax_t)s->sa[i].skipped, (uintmax_t)s->sa[i].duplicate,
		       (uintmax_t)s->sa[i].fragments);
	printf("}}\n");
}

int main(int argc, char **argv)
{
	struct sender s = {.state = 88172645463325252ULL};
	uint64_t rounds, randoms, given = 0;

	if (argc < 3) {
		fprintf(stderr, "usage: traffic IFACE ROUNDS [RANDOM] | traffic IFACE streams STREAM...\n");
		return 2;
	}
	s.fd = open_on(argv[1]);
	if (strcmp(argv[2], "streams") == 0)
		return send_streams(&s, argc - 3, argv + 3);
	rounds = strtoull(argv[2], NULL, 10);
	randoms = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
	for (uint32_t round = 1; round <= rounds; round++) {
		for (enum kind kind = 0; kind < SA_FRAGMENTED; kind++)
			send_sa(&s, kind, round);
		send_fragmented(&s, round);
		send_without_sa(&s);
		for (; given < randoms * round / rounds; given++)
			send_random(&s);
	}
	close(s.fd);
	report(&s);
	return 0;
}
