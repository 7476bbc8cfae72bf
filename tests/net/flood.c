/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flood IFACE sas COUNT PACKETS | init COUNT FIRST | rekeyed SECONDS TUNNELS EVERY - more than the agent has room for, or time
 *
 * sas: COUNT SAs of PACKETS packets each, numbered 1 to PACKETS, one SA after the other, so that each proves itself to be one.
 * init: COUNT IKE_SA_INIT requests, numbered from FIRST on, each from an initiator of its own that is never heard of again.
 * Both print how many frames were sent. Paced, since a veth drops what its peer is too slow to take.
 * rekeyed: TUNNELS peers, each with one SA that is replaced EVERY so many seconds, in turn, with an IKE message before that; numbers
 * are left out and sent twice. As fast as the receiver takes them: what a veth has no room for is sent again. Prints in JSON
 * what must be counted.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/if_packet.h>
#include <net/if.h>

#include "espial/wire.h"

#define BURST 32
#define PAUSE_US 400
#define IP_AT 14
#define ESP_BYTES 48
#define IKE_BYTES (28 + 4 + 32) /* header, and a nonce */

static void set16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void set32(uint8_t *at, uint32_t value)
{
	set16(at, value >> 16);
	set16(at + 2, value);
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

/* Ethernet and IPv4, from 198.51.100.1 to 198.51.100.2; returns where the payload goes. */
static uint8_t *begin(uint8_t *frame, uint8_t protocol, uint32_t payload)
{
	static const uint8_t addresses[12] = {2, 0, 0, 0, 0, 0xb, 2, 0, 0, 0, 0, 0xa};
	uint8_t *ip = frame + IP_AT;

	memcpy(frame, addresses, sizeof(addresses));
	set16(frame + 12, ESP_ETH_IPV4);
	ip[0] = 0x45;
	set16(ip + 2, 20 + payload);
	ip[8] = 64;
	ip[9] = protocol;
	set32(ip + 12, 0xc6336401);
	set32(ip + 16, 0xc6336402);
	return ip + 20;
}

static void transmit(int fd, const uint8_t *frame, size_t length, uint64_t *sent)
{
	if (send(fd, frame, length, 0) != (ssize_t)length) {
		perror("send");
		exit(1);
	}
	if (++*sent % BURST == 0)
		usleep(PAUSE_US);
}

static uint64_t send_sas(int fd, uint32_t count, uint32_t packets)
{
	uint8_t frame[128] = {0}, *esp = begin(frame, ESP_IPPROTO_ESP, ESP_BYTES);
	uint64_t sent = 0;

	for (uint32_t sa = 0; sa < count; sa++) {
		set32(esp, 0x10000 + sa);
		for (uint32_t number = 1; number <= packets; number++) {
			set32(esp + 4, number);
			transmit(fd, frame, IP_AT + 20 + ESP_BYTES, &sent);
		}
	}
	return sent;
}

/* SA with one proposal, KE of Curve25519 and nonce, of which the last bytes are to be filled in. */
static uint64_t send_init(int fd, uint32_t count, uint32_t first)
{
	static const uint8_t payloads[] = {
		34, 0, 0, 48, 0, 0,  0, 44, 1,	  1,  0, 4,   /* SA, proposal 1: IKE, 4 transforms */
		3,  0, 0, 12, 1, 0,  0, 12, 0x80, 14, 0, 128, /* AES_CBC_128 */
		3,  0, 0, 8,  2, 0,  0, 5,		      /* PRF_HMAC_SHA2_256 */
		3,  0, 0, 8,  3, 0,  0, 12,		      /* HMAC_SHA2_256_128 */
		0,  0, 0, 8,  4, 0,  0, 31,		      /* X25519 */
		40, 0, 0, 40, 0, 31, 0, 0,		      /* KE */
	};
	static const uint8_t nonce[] = {0, 0, 0, 36};
	enum { KE_AT = 28 + sizeof(payloads), NONCE_AT = KE_AT + 32, INIT_BYTES = NONCE_AT + 36 };
	uint8_t frame[IP_AT + 20 + 8 + INIT_BYTES] = {0};
	uint8_t *udp = begin(frame, ESP_IPPROTO_UDP, 8 + INIT_BYTES), *ike = udp + 8;
	uint64_t sent = 0;

	set16(udp, ESP_PORT_IKE);
	set16(udp + 2, ESP_PORT_IKE);
	set16(udp + 4, 8 + INIT_BYTES);
	ike[16] = 33; /* SA */
	ike[17] = 0x20;
	ike[18] = 34; /* IKE_SA_INIT */
	ike[19] = 8;
	set32(ike + 24, INIT_BYTES);
	memcpy(ike + 28, payloads, sizeof(payloads));
	memcpy(ike + NONCE_AT, nonce, sizeof(nonce));
	for (uint32_t i = first; i < first + count; i++) {
		set32(ike, 0x5a5a0000);
		set32(ike + 4, i);
		set32(ike + KE_AT, i);
		set32(ike + NONCE_AT + 4, i);
		transmit(fd, frame, sizeof(frame), &sent);
	}
	return sent;
}

/* ---- rekeyed */

#define BATCH 64
#define FRAME (IP_AT + 20 + 8 + IKE_BYTES)
#define SKIP_EVERY 997 /* packets of a tunnel */
#define TWICE_EVERY 1009

struct tunnel {
	uint32_t spi, number;
	uint64_t packets, due;
};

struct rekeyed {
	uint64_t sent, esp, ike, skipped, twice, sas;
	uint8_t frame[BATCH][FRAME];
	struct iovec part[BATCH];
	struct mmsghdr message[BATCH];
	unsigned int count;
	int fd;
};

static uint64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void flush_batch(struct rekeyed *r)
{
	for (unsigned int done = 0; done < r->count;) {
		int n = sendmmsg(r->fd, r->message + done, r->count - done, 0);

		if (n > 0) {
			done += (unsigned int)n;
		} else if (errno == ENOBUFS || errno == EAGAIN || errno == EINTR) {
			usleep(20);
		} else {
			perror("sendmmsg");
			exit(1);
		}
	}
	r->sent += r->count;
	r->count = 0;
}

/* The next frame of the batch; returns where the payload of IP goes. */
static uint8_t *add(struct rekeyed *r, uint32_t tunnel, uint8_t protocol, uint32_t payload)
{
	uint8_t *frame, *body;

	if (r->count == BATCH)
		flush_batch(r);
	frame = r->frame[r->count];
	memset(frame, 0, FRAME);
	body = begin(frame, protocol, payload);
	set32(body - 8, 0x0a140000 + tunnel); /* from 10.20.x.y */
	r->part[r->count] = (struct iovec){.iov_base = frame, .iov_len = IP_AT + 20 + payload};
	r->message[r->count].msg_hdr = (struct msghdr){.msg_iov = &r->part[r->count], .msg_iovlen = 1};
	r->count++;
	return body;
}

static void add_esp(struct rekeyed *r, uint32_t tunnel, const struct tunnel *t)
{
	uint8_t *esp = add(r, tunnel, ESP_IPPROTO_ESP, ESP_BYTES);

	set32(esp, t->spi);
	set32(esp + 4, t->number);
	r->esp++;
}

/* An encrypted CREATE_CHILD_SA request, and from then on another SPI. */
static void rekey(struct rekeyed *r, uint32_t tunnel, struct tunnel *t)
{
	uint8_t *udp = add(r, tunnel, ESP_IPPROTO_UDP, 8 + IKE_BYTES), *ike = udp + 8;

	set16(udp, ESP_PORT_IKE);
	set16(udp + 2, ESP_PORT_IKE);
	set16(udp + 4, 8 + IKE_BYTES);
	set32(ike, 0x5a5a0000);
	set32(ike + 4, tunnel + 1);
	set32(ike + 8, 0x6b6b0000);
	set32(ike + 12, tunnel + 1);
	ike[16] = 46; /* encrypted */
	ike[17] = 0x20;
	ike[18] = 36; /* CREATE_CHILD_SA */
	ike[19] = 8;
	set32(ike + 20, (uint32_t)r->sas);
	set32(ike + 24, IKE_BYTES);
	set16(ike + 28 + 2, IKE_BYTES - 28);
	r->ike++;
	r->sas++;
	t->spi = 0x10000 + (uint32_t)r->sas;
	t->number = 0;
}

static void send_rekeyed(int fd, uint64_t seconds, uint32_t tunnels, uint64_t every)
{
	struct rekeyed *r = calloc(1, sizeof(*r));
	struct tunnel *t = calloc(tunnels, sizeof(*t));
	uint64_t start = milliseconds(), now = start;

	if (!r || !t) {
		perror("memory");
		exit(1);
	}
	r->fd = fd;
	for (uint32_t i = 0; i < tunnels; i++)
		t[i].due = start + every * 1000 * i / tunnels; /* the first SA of each; then in turn */
	for (uint32_t i = 0; now < start + seconds * 1000; i = (i + 1) % tunnels) {
		if (i == 0)
			now = milliseconds();
		if (now >= t[i].due) {
			rekey(r, i, &t[i]);
			t[i].due += every * 1000;
		}
		if (!t[i].spi)
			continue;
		t[i].number++;
		t[i].packets++;
		if (t[i].packets % SKIP_EVERY == 0 && t[i].number > 1) {
			t[i].number++;
			r->skipped++;
		}
		add_esp(r, i, &t[i]);
		if (t[i].packets % TWICE_EVERY == 0 && t[i].number > 1) {
			add_esp(r, i, &t[i]);
			r->twice++;
		}
	}
	flush_batch(r);
	printf("{\"sent\":%ju,\"esp\":%ju,\"ike\":%ju,\"skipped\":%ju,\"twice\":%ju,\"sas\":%ju}\n",
	       (uintmax_t)r->sent, (uintmax_t)r->esp, (uintmax_t)r->ike, (uintmax_t)r->skipped,
	       (uintmax_t)r->twice, (uintmax_t)r->sas);
	free(t);
	free(r);
}

int main(int argc, char **argv)
{
	uint64_t sent;

	if (argc == 5 && strcmp(argv[2], "sas") == 0) {
		sent = send_sas(open_on(argv[1]), (uint32_t)strtoul(argv[3], NULL, 10),
				(uint32_t)strtoul(argv[4], NULL, 10));
	} else if (argc == 5 && strcmp(argv[2], "init") == 0) {
		sent = send_init(open_on(argv[1]), (uint32_t)strtoul(argv[3], NULL, 10),
				 (uint32_t)strtoul(argv[4], NULL, 10));
	} else if (argc == 6 && strcmp(argv[2], "rekeyed") == 0) {
		send_rekeyed(open_on(argv[1]), strtoul(argv[3], NULL, 10),
			     (uint32_t)strtoul(argv[4], NULL, 10), strtoul(argv[5], NULL, 10));
		return 0;
	} else {
		fprintf(stderr, "usage: flood IFACE sas COUNT PACKETS | init COUNT FIRST | "
				"rekeyed SECONDS TUNNELS EVERY\n");
		return 2;
	}
	printf("%ju\n", (uintmax_t)sent);
	return 0;
}
