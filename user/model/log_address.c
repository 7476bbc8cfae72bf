// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/log_address.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "model/log_pattern.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

bool log_address_normal(struct log_span span, char ret[static LOG_ADDRESS_SIZE])
{
	char text[LOG_ADDRESS_SIZE];
	uint8_t bytes[16];
	int family;

	if (!span.at || span.length >= sizeof(text))
		return false;
	memcpy(text, span.at, span.length);
	text[span.length] = '\0';
	family = strchr(text, ':') ? AF_INET6 : AF_INET;
	return inet_pton(family, text, bytes) == 1 && inet_ntop(family, bytes, ret, LOG_ADDRESS_SIZE);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* An address that the message has from `at` on, perhaps behind a colon and blanks */
static bool address_at(const char *at, const char *end, struct log_span *ret)
{
	char normal[LOG_ADDRESS_SIZE];

	while (at < end && (is_blank(*at) || *at == ':' || *at == '='))
		at++;
	return log_pattern_address(at, end, ret) && log_address_normal(*ret, normal);
}

bool log_address_of_peer(struct log_span message, struct log_span *ret)
{
	/* The surest first */
	static const char *const words[] = {
		"srcaddr=", "src_addr",	 "peeraddress", "peer address", "remote_peer", "remote:", "remote ip",
		"ip =",	    "with peer", "peer at",	"peer",		"remote",      "from",	  "source",
	};
	const char *end = message.at + message.length;

	for (size_t i = 0; i < COUNT(words); i++) {
		size_t length = strlen(words[i]);

		for (const char *at = message.at; (size_t)(end - at) > length; at++) {
			if ((*at | 0x20) == words[i][0] && strncasecmp(at, words[i], length) == 0 &&
			    address_at(at + length, end, ret))
				return true;
		}
	}
	return false;
}

bool log_address_spi(struct log_span message, uint32_t *ret)
{
	const char *end = message.at + message.length;

	for (const char *at = message.at; end - at > 4; at++) {
		uint32_t value = 0;
		const char *from;

		if (strncasecmp(at, "spi", 3) != 0)
			continue;
		for (from = at + 3; from < end && (is_blank(*from) || strchr("=:(", *from)); from++)
			;
		if (end - from < 3 || from[0] != '0' || (from[1] | 0x20) != 'x')
			continue;
		for (from += 2; from < end && strchr("0123456789abcdefABCDEF", *from) && *from; from++)
			value = value << 4 |
				(uint32_t)(*from <= '9' ? *from - '0' : (*from | 0x20) - 'a' + 10);
		*ret = value;
		return true;
	}
	return false;
}
