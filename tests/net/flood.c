/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flood IFACE sas COUNT PACKETS | ike COUNT - more than the agent has room for
 *
 * sas: COUNT SAs of PACKETS packets each, numbered 1 to PACKETS, one SA after the other, so that each proves itself to be one.
 * ike: COUNT IKE_SA_INIT requests, each from an initiator of its own that is never heard of again. Prints how many frames
 * were sent. Paced, since a veth drops what its peer is too slow to take.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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

static uint64_t send_ike(int fd, uint32_t count)
{
	uint8_t frame[160] = {0}, *udp = begin(frame, ESP_IPPROTO_UDP, 8 + IKE_BYTES), *ike = udp + 8;
	uint64_t sent = 0;

	set16(udp, ESP_PORT_IKE);
	set16(udp + 2, ESP_PORT_IKE);
	set16(udp + 4, 8 + IKE_BYTES);
	ike[16] = 40; /* nonce */
	ike[17] = 0x20;
	ike[18] = 34; /* IKE_SA_INIT */
	ike[19] = 8;  /* from the initiator */
	set32(ike + 24, IKE_BYTES);
	set16(ike + 28 + 2, 4 + 32);
	for (uint32_t i = 1; i <= count; i++) {
		set32(ike, 0x5a5a0000);
		set32(ike + 4, i);
		set32(ike + 32, i);
		transmit(fd, frame, IP_AT + 20 + 8 + IKE_BYTES, &sent);
	}
	return sent;
}

int main(int argc, char **argv)
{
	uint64_t sent;

	if (argc == 5 && strcmp(argv[2], "sas") == 0) {
		sent = send_sas(open_on(argv[1]), (uint32_t)strtoul(argv[3], NULL, 10),
				(uint32_t)strtoul(argv[4], NULL, 10));
	} else if (argc == 4 && strcmp(argv[2], "ike") == 0) {
		sent = send_ike(open_on(argv[1]), (uint32_t)strtoul(argv[3], NULL, 10));
	} else {
		fprintf(stderr, "usage: flood IFACE sas COUNT PACKETS | ike COUNT\n");
		return 2;
	}
	printf("%ju\n", (uintmax_t)sent);
	return 0;
}
