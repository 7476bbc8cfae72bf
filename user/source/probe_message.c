// SPDX-License-Identifier: GPL-2.0-or-later
/* probe_message.c - building the packets of a probe */
#include "source/probe_message.h"

#include <errno.h>
#include <string.h>

#include "model/ike_parse.h"

enum {
	IP4_HEADER = 20,
	IP6_HEADER = 40,
	FRAGMENT_HEADER = 8, /* RFC 8200 4.5 */
	UDP_HEADER = 8,
	ECHO_HEADER = 8,
	ESP_HEADER = 8,
	MARKER = 4, /* RFC 3948 2.2 */
	NUMBER_ICMP = 1,
	NUMBER_UDP = 17,
	NUMBER_FRAGMENT = 44,
	NUMBER_ESP = 50,
	NUMBER_ICMP6 = 58,
	VERSION_UNKNOWN = 0x30, /* major 3: there is none */
	VERSION_2 = 0x20,
	/* Private use (IANA: 1024 to 65535): a cipher that nobody offers */
	CIPHER_NOBODYS = 65001,
	PRF_SHA2_256 = 5,
	INTEGRITY_SHA2_256 = 12,
	GROUP_CURVE25519 = 31,
	NOTIFY_PRIVATE_STATUS = 40960, /* unknown status notifies are ignored: RFC 7296 3.10.1 */
	NONCE = 32,
	KEY_SHARE = 32,
};

unsigned int probe_header_size(int family)
{
	return family == 6 ? IP6_HEADER : IP4_HEADER;
}

static void put16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static void put32(uint8_t *p, uint32_t value)
{
	put16(p, value >> 16);
	put16(p + 2, value & 0xffff);
}

static uint32_t sum(uint32_t start, const uint8_t *data, size_t length)
{
	size_t i;

	for (i = 0; i + 1 < length; i += 2)
		start += (uint32_t)(data[i] << 8 | data[i + 1]);
	if (length % 2)
		start += (uint32_t)(data[length - 1] << 8);
	return start;
}

static uint16_t fold(uint32_t value)
{
	while (value >> 16)
		value = (value & 0xffff) + (value >> 16);
	return (uint16_t)~value;
}

/* RFC 768, RFC 8200 8.1: with the addresses, the length and the number of the protocol. */
static uint16_t checksum(const struct probe_key *key, unsigned int number, const uint8_t *data, size_t length)
{
	size_t address = key->target.family == 6 ? 16 : 4;
	uint32_t start = 0;

	if (number != NUMBER_ICMP) {
		start = sum(start, key->source.bytes, address);
		start = sum(start, key->target.bytes, address);
		start += number + (uint32_t)length;
	}
	return fold(sum(start, data, length));
}

/* ---- IKE */

static void put_header(const struct probe_key *key, const struct probe_packet *packet, uint8_t next,
		       uint8_t version, uint8_t *at, size_t length)
{
	memcpy(at, key->spi, sizeof(key->spi));
	put16(at + 6, packet->token);
	at[16] = next;
	at[17] = version;
	at[18] = IKE_V2_EXCHANGE_IKE_SA_INIT;
	at[19] = IKE_V2_FLAG_INITIATOR;
	put32(at + 24, (uint32_t)length);
}

static uint8_t *put_payload(uint8_t *at, uint8_t next, size_t length)
{
	at[0] = next;
	put16(at + 2, (uint32_t)length);
	return at + length;
}

static void put_transform(uint8_t *at, bool last, uint8_t type, unsigned int id)
{
	at[0] = last ? 0 : 3;
	put16(at + 2, 8);
	at[4] = type;
	put16(at + 6, id);
}

/*
 * A whole IKE_SA_INIT, but with a cipher that nobody can accept: the answer is NO_PROPOSAL_CHOSEN, and no state is kept. A
 * Notify of private use fills it up; a vendor id would be written out to its last byte in some logs.
 */
static void put_init(const struct probe_key *key, const struct probe_packet *packet, uint8_t *at,
		     size_t length)
{
	uint8_t *p = at + IKE_HEADER_SIZE, *end = at + length;

	put_header(key, packet, IKE_V2_PAYLOAD_SA, VERSION_2, at, length);
	p[4 + 2] = 0;
	put16(p + 4 + 2, 8 + 4 * 8);
	p[4 + 4] = 1;
	p[4 + 5] = IKE_PROTOCOL_IKE;
	p[4 + 7] = 4;
	put_transform(p + 12, false, IKE_TRANSFORM_TYPE_ENCR, CIPHER_NOBODYS);
	put_transform(p + 20, false, IKE_TRANSFORM_TYPE_PRF, PRF_SHA2_256);
	put_transform(p + 28, false, IKE_TRANSFORM_TYPE_INTEG, INTEGRITY_SHA2_256);
	put_transform(p + 36, true, IKE_TRANSFORM_TYPE_KE, GROUP_CURVE25519);
	p = put_payload(p, IKE_V2_PAYLOAD_KE, 4 + 8 + 4 * 8);
	put16(p + 4, GROUP_CURVE25519);
	memset(p + 8, 0x55, KEY_SHARE);
	p = put_payload(p, IKE_V2_PAYLOAD_NONCE, 8 + KEY_SHARE);
	memset(p + 4, 0xaa, NONCE);
	p = put_payload(p, IKE_V2_PAYLOAD_NOTIFY, 4 + NONCE);
	put16(p + 6, NOTIFY_PRIVATE_STATUS);
	put_payload(p, 0, (size_t)(end - p));
}

ssize_t probe_build_ike(const struct probe_key *key, const struct probe_packet *packet, uint8_t *ret,
			size_t room)
{
	size_t marker = packet->method == PROBE_NATT ? MARKER : 0;
	size_t outer = probe_header_size(key->target.family) + UDP_HEADER, length;

	if (packet->size < PROBE_SIZE_BASE || packet->size - outer > room)
		return -EMSGSIZE;
	length = packet->size - outer;
	memset(ret, 0, length);
	ret += marker;
	if (packet->old_form) {
		put_init(key, packet, ret, length - marker);
	} else {
		put_header(key, packet, IKE_V2_PAYLOAD_VENDOR_ID, VERSION_UNKNOWN, ret, length - marker);
		put_payload(ret + IKE_HEADER_SIZE, 0, length - marker - IKE_HEADER_SIZE);
	}
	return (ssize_t)length;
}

/* ---- the other transports */

static unsigned int protocol_number(int family, enum probe_method method)
{
	return method == PROBE_ESP    ? NUMBER_ESP
	       : method != PROBE_ECHO ? NUMBER_UDP
	       : family == 6	      ? NUMBER_ICMP6
				      : NUMBER_ICMP;
}

ssize_t probe_build_transport(const struct probe_key *key, const struct probe_packet *packet, uint8_t *ret,
			      size_t room)
{
	int family = key->target.family;
	unsigned int header = probe_header_size(family);
	unsigned int number = protocol_number(family, packet->method);
	size_t length = packet->size > header ? packet->size - header : 0;
	ssize_t err;
	uint16_t check;

	if (length < ESP_HEADER + 8 || length > room)
		return -EMSGSIZE;
	memset(ret, 0, length);
	switch (packet->method) {
	case PROBE_ECHO:
		ret[0] = family == 6 ? 128 : 8;
		put16(ret + 4, key->echo_id);
		put16(ret + 6, packet->token);
		put16(ret + 2, checksum(key, number, ret, length));
		break;
	case PROBE_IKE:
	case PROBE_NATT:
		err = probe_build_ike(key, packet, ret + UDP_HEADER, room - UDP_HEADER);
		if (err < 0)
			return err;
		put16(ret, key->port[packet->method]);
		put16(ret + 2, packet->method == PROBE_IKE ? PROBE_PORT_IKE : PROBE_PORT_NATT);
		put16(ret + 4, (uint32_t)length);
		check = checksum(key, number, ret, length);
		put16(ret + 6, check ? check : 0xffff);
		break;
	case PROBE_ESP:
		put16(ret, key->esp_spi_high);
		put16(ret + 2, packet->token);
		put32(ret + 4, 1);
		break;
	case PROBE_METHODS:
		return -EINVAL;
	}
	return (ssize_t)length;
}

/* ---- IP */

size_t probe_fragment_payload(int family, unsigned int size)
{
	unsigned int headers = family == 6 ? IP6_HEADER + FRAGMENT_HEADER : IP4_HEADER;

	return size < headers + 8 ? 8 : (size - headers) / 8 * 8;
}

static size_t build_ip4(const struct probe_key *key, const struct probe_packet *packet,
			const uint8_t *transport, size_t offset, size_t part, bool more, uint8_t *ret)
{
	memset(ret, 0, IP4_HEADER);
	ret[0] = 0x45;
	put16(ret + 2, (uint32_t)(IP4_HEADER + part));
	/* The kernel fills in a zero: tokens begin at 1 */
	put16(ret + 4, packet->token);
	put16(ret + 6, (packet->df ? 0x4000U : 0) | (more ? 0x2000U : 0) | (uint32_t)(offset / 8));
	ret[8] = (uint8_t)packet->ttl;
	ret[9] = (uint8_t)protocol_number(4, packet->method);
	memcpy(ret + 12, key->source.bytes, 4);
	memcpy(ret + 16, key->target.bytes, 4);
	put16(ret + 10, fold(sum(0, ret, IP4_HEADER)));
	memcpy(ret + IP4_HEADER, transport + offset, part);
	return IP4_HEADER + part;
}

static size_t build_ip6(const struct probe_key *key, const struct probe_packet *packet,
			const uint8_t *transport, size_t offset, size_t part, bool more, uint8_t *ret)
{
	size_t extension = more || offset ? FRAGMENT_HEADER : 0;
	unsigned int number = protocol_number(6, packet->method);

	memset(ret, 0, IP6_HEADER + FRAGMENT_HEADER);
	ret[0] = 0x60;
	put16(ret + 4, (uint32_t)(extension + part));
	ret[6] = (uint8_t)(extension ? NUMBER_FRAGMENT : number);
	ret[7] = (uint8_t)packet->ttl;
	memcpy(ret + 8, key->source.bytes, 16);
	memcpy(ret + 24, key->target.bytes, 16);
	if (extension) {
		ret[IP6_HEADER] = (uint8_t)number;
		put16(ret + IP6_HEADER + 2, (uint32_t)offset | more);
		put16(ret + IP6_HEADER + 4, (uint32_t)(key->spi[0] << 8 | key->spi[1]));
		put16(ret + IP6_HEADER + 6, packet->token);
	}
	memcpy(ret + IP6_HEADER + extension, transport + offset, part);
	return IP6_HEADER + extension + part;
}

size_t probe_build_ip(const struct probe_key *key, const struct probe_packet *packet,
		      const uint8_t *transport, size_t offset, size_t part, bool more, uint8_t *ret)
{
	return key->target.family == 6 ? build_ip6(key, packet, transport, offset, part, more, ret)
				       : build_ip4(key, packet, transport, offset, part, more, ret);
}
