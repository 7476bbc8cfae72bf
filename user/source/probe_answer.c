// SPDX-License-Identifier: GPL-2.0-or-later
/* probe_answer.c - recognising the answers to a probe, and the ICMP errors that quote it */
#include "source/probe_message.h"

#include <string.h>

#include "model/ike_parse.h"

enum {
	IP4_HEADER = 20,
	IP6_HEADER = 40,
	UDP_HEADER = 8,
	ICMP_HEADER = 8,
	MARKER = 4,
	FLAGS = 19, /* RFC 7296 3.1; the responder never sets "initiator" */
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

bool probe_match_ike(const struct probe_key *key, enum probe_method method, const uint8_t *data,
		     size_t length, uint16_t *ret_token)
{
	if (method == PROBE_NATT) {
		if (length < MARKER || get32(data) != 0)
			return false;
		data += MARKER;
		length -= MARKER;
	}
	if (length < IKE_HEADER_SIZE || memcmp(data, key->spi, sizeof(key->spi)) != 0)
		return false;
	*ret_token = get16(data + 6);
	return true;
}

bool probe_match_answer(const struct probe_key *key, enum probe_method method, const uint8_t *data,
			size_t length, uint16_t *ret_token)
{
	size_t marker = method == PROBE_NATT ? MARKER : 0;

	return probe_match_ike(key, method, data, length, ret_token) &&
	       !(data[marker + FLAGS] & IKE_V2_FLAG_INITIATOR);
}

/* RFC 792, RFC 1191, RFC 1812 5.2.7.1; RFC 4443. */
bool probe_read_error(int family, uint8_t type, uint8_t code, uint32_t word, struct probe_event *ret)
{
	ret->mtu = 0;
	if (family == 6) {
		if (type == 2) {
			ret->kind = PROBE_EVENT_TOO_BIG;
			ret->mtu = word;
		} else if (type == 3 && code == 0) {
			ret->kind = PROBE_EVENT_EXPIRED;
		} else if ((type == 1 && code == 4) || (type == 4 && code == 1)) {
			ret->kind = PROBE_EVENT_CLOSED; /* port; unknown next header */
		} else if (type == 1 && (code == 1 || code == 5 || code == 6)) {
			ret->kind = PROBE_EVENT_PROHIBITED;
		} else if (type == 1) {
			ret->kind = PROBE_EVENT_UNREACHABLE;
		} else {
			return false;
		}
		return true;
	}
	if (type == 3 && code == 4) {
		ret->kind = PROBE_EVENT_TOO_BIG;
		ret->mtu = word & 0xffff;
	} else if (type == 11 && code == 0) {
		ret->kind = PROBE_EVENT_EXPIRED;
	} else if (type == 3 && (code == 2 || code == 3)) {
		ret->kind = PROBE_EVENT_CLOSED;
	} else if (type == 3 && (code == 9 || code == 10 || code == 13)) {
		ret->kind = PROBE_EVENT_PROHIBITED;
	} else if (type == 3) {
		ret->kind = PROBE_EVENT_UNREACHABLE;
	} else {
		return false;
	}
	return true;
}

/*
 * What is quoted behind its IP header. Routers quote at least 8 bytes (RFC 792), so that of UDP only the ports may be there:
 * then the identification of IPv4 is the token, which few NATs change.
 */
static bool match_transport(const struct probe_key *key, unsigned int protocol, const uint8_t *p,
			    size_t length, const uint16_t *identification, struct probe_event *ret)
{
	bool is_v6 = key->target.family == 6;
	uint16_t port;

	if (length < 8)
		return false;
	if (protocol == (is_v6 ? 58 : 1)) {
		if (p[0] != (is_v6 ? 128 : 8) || get16(p + 4) != key->echo_id)
			return false;
		ret->method = PROBE_ECHO;
		ret->token = get16(p + 6);
		return true;
	}
	if (protocol == 50) {
		if (get16(p) != key->esp_spi_high)
			return false;
		ret->method = PROBE_ESP;
		ret->token = get16(p + 2);
		return true;
	}
	if (protocol != 17)
		return false;
	port = get16(p + 2);
	ret->method = port == PROBE_PORT_NATT ? PROBE_NATT : PROBE_IKE;
	if ((port != PROBE_PORT_IKE && port != PROBE_PORT_NATT) || get16(p) != key->port[ret->method])
		return false;
	if (probe_match_ike(key, ret->method, p + UDP_HEADER, length - UDP_HEADER, &ret->token))
		return true;
	if (length >= UDP_HEADER + MARKER + IKE_HEADER_SIZE || !identification)
		return false; /* there is a message, and it is another's */
	ret->token = *identification;
	return true;
}

static bool match_quote(const struct probe_key *key, const uint8_t *ip, size_t length,
			struct probe_event *ret)
{
	size_t header;
	uint16_t identification;
	unsigned int protocol;

	if (key->target.family == 4) {
		if (length < IP4_HEADER || ip[0] >> 4 != 4 || memcmp(ip + 16, key->target.bytes, 4) != 0)
			return false;
		header = (size_t)(ip[0] & 15) * 4;
		if (header < IP4_HEADER || header > length || get16(ip + 6) & 0x1fff)
			return false;
		identification = get16(ip + 4);
		return match_transport(key, ip[9], ip + header, length - header, &identification, ret);
	}
	if (length < IP6_HEADER || ip[0] >> 4 != 6 || memcmp(ip + 24, key->target.bytes, 16) != 0)
		return false;
	header = IP6_HEADER;
	protocol = ip[6];
	if (protocol == 44) {
		if (length < IP6_HEADER + 8 || get16(ip + IP6_HEADER + 2) & 0xfff8)
			return false;
		protocol = ip[IP6_HEADER];
		header += 8;
	}
	return match_transport(key, protocol, ip + header, length - header, NULL, ret);
}

bool probe_match_icmp(const struct probe_key *key, const uint8_t *icmp, size_t length,
		      struct probe_event *ret)
{
	struct probe_event event = {.from = ret->from, .at_ns = ret->at_ns, .fragment = ret->fragment};
	bool is_v6 = key->target.family == 6;

	if (length < ICMP_HEADER)
		return false;
	event.type = icmp[0];
	event.code = icmp[1];
	if (icmp[0] == (is_v6 ? 129 : 0)) {
		if (get16(icmp + 4) != key->echo_id)
			return false;
		event.kind = PROBE_EVENT_ANSWER;
		event.method = PROBE_ECHO;
		event.token = get16(icmp + 6);
		*ret = event;
		return true;
	}
	if (!probe_read_error(key->target.family, icmp[0], icmp[1], get32(icmp + 4), &event) ||
	    !match_quote(key, icmp + ICMP_HEADER, length - ICMP_HEADER, &event))
		return false;
	*ret = event;
	return true;
}
