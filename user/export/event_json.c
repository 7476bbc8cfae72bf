// SPDX-License-Identifier: GPL-2.0-or-later
/* event_json.c - an event as JSON, and as a line */
#include "export/event_json.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "model/address.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static json_t *address_json(uint8_t family, const struct event_address *address)
{
	char text[ADDRESS_PORT_TEXT];

	if (!family)
		return json_null();
	address_print(address->bytes, address->port, text, sizeof(text));
	return json_string(text);
}

static json_t *time_json(uint64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	char text[64];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%09uZ", tm.tm_year + 1900, tm.tm_mon + 1,
		 tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (unsigned int)(ns % 1000000000));
	return json_string(text);
}

static json_t *hex_json(const char *format, unsigned long long number) __attribute__((format(printf, 1, 0)));

static json_t *hex_json(const char *format, unsigned long long number)
{
	char text[32];

	snprintf(text, sizeof(text), format, number);
	return json_string(text);
}

static json_t *flags_json(const struct event_ike *ike)
{
	static const struct {
		uint8_t major, bit;
		const char *name;
	} flags[] = {
		{2, IKE_V2_FLAG_INITIATOR, "initiator"}, {2, IKE_V2_FLAG_VERSION, "version"},
		{2, IKE_V2_FLAG_RESPONSE, "response"},	 {1, IKE_V1_FLAG_ENCRYPTED, "encrypted"},
		{1, IKE_V1_FLAG_COMMIT, "commit"},	 {1, IKE_V1_FLAG_AUTHENTICATION, "authentication"},
	};
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < COUNT(flags); i++)
		if (flags[i].major == ike->major && ike->flags & flags[i].bit)
			json_array_append_new(list, json_string(flags[i].name));
	return list;
}

static json_t *ike_json(const struct event_ike *ike)
{
	char exchange[64], version[8];

	if (!ike->header_valid)
		return json_null();
	ike_exchange_print(ike->major, ike->exchange, exchange, sizeof(exchange));
	snprintf(version, sizeof(version), "%u.%u", ike->major, ike->minor);
	return json_pack(
		"{s:o, s:o, s:s, s:s, s:i, s:I, s:o, s:I, s:b, s:o}", "initiator_spi",
		hex_json("0x%016llx", ike->initiator_spi), "responder_spi",
		hex_json("0x%016llx", ike->responder_spi), "version", version, "exchange", exchange,
		"exchange_type", ike->exchange, "message_id", (json_int_t)ike->message_id, "flags",
		flags_json(ike), "length", (json_int_t)ike->length, "truncated", ike->truncated, "fragment",
		ike->fragment ? json_pack("{s:i, s:o}", "number", ike->fragment, "total",
					  ike->fragments ? json_integer(ike->fragments) : json_null())
			      : json_null());
}

/* Errors of RFC 792 and RFC 4443, and the codes that tell causes apart. code -1: all others. */
static const struct {
	uint8_t family, type;
	int code;
	const char *name;
} icmp_names[] = {
	{4, 3, 0, "net unreachable"},
	{4, 3, 1, "host unreachable"},
	{4, 3, 2, "protocol unreachable"},
	{4, 3, 3, "port unreachable"},
	{4, 3, 4, "fragmentation needed"},
	{4, 3, 9, "net prohibited"},
	{4, 3, 10, "host prohibited"},
	{4, 3, 13, "administratively prohibited"},
	{4, 3, -1, "unreachable"},
	{4, 4, -1, "source quench"},
	{4, 5, -1, "redirect"},
	{4, 11, 0, "time to live exceeded"},
	{4, 11, 1, "reassembly time exceeded"},
	{4, 12, -1, "parameter problem"},
	{6, 1, 0, "no route"},
	{6, 1, 1, "administratively prohibited"},
	{6, 1, 3, "address unreachable"},
	{6, 1, 4, "port unreachable"},
	{6, 1, -1, "unreachable"},
	{6, 2, -1, "packet too big"},
	{6, 3, 0, "hop limit exceeded"},
	{6, 3, 1, "reassembly time exceeded"},
	{6, 4, -1, "parameter problem"},
};

static const char *icmp_name(uint8_t family, uint8_t type, uint8_t code)
{
	size_t i;

	for (i = 0; i < COUNT(icmp_names); i++)
		if (icmp_names[i].family == family && icmp_names[i].type == type &&
		    (icmp_names[i].code < 0 || icmp_names[i].code == code))
			return icmp_names[i].name;
	return NULL;
}

static json_t *protocol_json(uint8_t protocol)
{
	switch (protocol) {
	case ESP_IPPROTO_ESP:
		return json_string("esp");
	case ESP_IPPROTO_AH:
		return json_string("ah");
	case ESP_IPPROTO_UDP:
		return json_string("udp");
	case ESP_IPPROTO_TCP:
		return json_string("tcp");
	case ESP_IPPROTO_IPCOMP:
		return json_string("ipcomp");
	default:
		return json_sprintf("%u", protocol);
	}
}

static json_t *icmp_json(uint8_t family, const struct event_icmp *icmp)
{
	const char *name = icmp_name(family, icmp->type, icmp->code);
	json_t *quote = json_null();

	if (icmp->quoted)
		quote = json_pack("{s:o, s:o, s:o, s:o}", "protocol", protocol_json(icmp->protocol), "source",
				  address_json(family, &icmp->source), "destination",
				  address_json(family, &icmp->destination), "spi",
				  icmp->has_spi ? hex_json("0x%08llx", icmp->spi) : json_null());
	return json_pack("{s:i, s:i, s:s?, s:o, s:o}", "type", icmp->type, "code", icmp->code, "name", name,
			 "mtu", icmp->mtu ? json_integer(icmp->mtu) : json_null(), "quote", quote);
}

json_t *event_json(const struct event *event)
{
	static const char *const kinds[] = {
		[EVENT_IKE] = "ike", [EVENT_ICMP] = "icmp", [EVENT_ENDPOINT] = "endpoint"};
	static const char *const directions[] = {
		[ESP_DIR_IN] = "in", [ESP_DIR_OUT] = "out", [ESP_DIR_UNKNOWN] = NULL};
	json_t *detail = NULL;

	switch (event->kind) {
	case EVENT_IKE:
		detail = ike_json(&event->ike);
		break;
	case EVENT_ICMP:
		detail = icmp_json(event->family, &event->icmp);
		break;
	case EVENT_ENDPOINT:
		detail = json_pack("{s:o, s:o, s:o}", "spi", hex_json("0x%08llx", event->endpoint.spi), "old",
				   address_json(event->family, &event->endpoint.old), "new",
				   address_json(event->family, &event->endpoint.new));
		break;
	}
	return json_pack("{s:o, s:s, s:s?, s:s?, s:s?, s:o, s:o, s:o, s:s?, s:o}", "time",
			 time_json(event->time_ns), "kind", kinds[event->kind], "interface",
			 event->interface[0] ? event->interface : NULL, "direction",
			 directions[event->direction], "class",
			 event->cls < ESP_CLASS_COUNT ? esp_class_name(event->cls) : NULL, "source",
			 address_json(event->family, &event->source), "destination",
			 address_json(event->family, &event->destination), "length",
			 event->length ? json_integer(event->length) : json_null(), "malformed", event->fault,
			 kinds[event->kind], detail);
}

/* ---- the line */

struct line {
	char *buffer;
	size_t size, used;
};

static void put(struct line *l, const char *text)
{
	for (; text && *text && l->used + 1 < l->size; text++)
		l->buffer[l->used++] = *text >= ' ' && *text <= '~' ? *text : '?';
	l->buffer[l->used] = '\0';
}

/* " KEY VALUE" of a string or an integer; nothing when it is neither. */
static void put_value(struct line *l, const char *before, json_t *value)
{
	char number[32];

	if (json_is_string(value)) {
		put(l, before);
		put(l, json_string_value(value));
	} else if (json_is_integer(value)) {
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
		put(l, before);
		put(l, number);
	}
}

static bool has_flag(json_t *flags, const char *name)
{
	size_t i;

	for (i = 0; i < json_array_size(flags); i++) {
		const char *flag = json_string_value(json_array_get(flags, i));

		if (flag && strcmp(flag, name) == 0)
			return true;
	}
	return false;
}

/*
 * IKEv2: "request" is what is not flagged as a response, and who sends is the initiator of the IKE SA or its responder, whoever
 * began the exchange (RFC 7296 section 3.1). IKEv1 tells neither: its flags as they are.
 */
static void put_ike(struct line *l, json_t *ike)
{
	json_t *flags = json_object_get(ike, "flags"), *fragment = json_object_get(ike, "fragment");
	const char *version = json_string_value(json_object_get(ike, "version"));
	bool v1 = version && version[0] == '1';
	size_t i;

	put(l, v1 ? " IKEv1" : " IKEv2");
	put_value(l, " ", json_object_get(ike, "exchange"));
	if (!v1)
		put(l, has_flag(flags, "response") ? " response" : " request");
	for (i = 0; v1 && i < json_array_size(flags); i++)
		put_value(l, i ? "," : " ", json_array_get(flags, i));
	put_value(l, " id ", json_object_get(ike, "message_id"));
	put_value(l, " spi ", json_object_get(ike, "initiator_spi"));
	put_value(l, "/", json_object_get(ike, "responder_spi"));
	if (!v1 && json_integer_value(json_object_get(ike, "exchange_type")) != IKE_V2_EXCHANGE_IKE_SA_INIT)
		put(l, has_flag(flags, "initiator") ? " from initiator" : " from responder");
	put_value(l, " fragment ", json_object_get(fragment, "number"));
	put_value(l, "/", json_object_get(fragment, "total"));
	if (json_is_true(json_object_get(ike, "truncated")))
		put(l, " (cut)");
}

static void put_icmp(struct line *l, json_t *icmp)
{
	json_t *name = json_object_get(icmp, "name"), *quote = json_object_get(icmp, "quote");

	put(l, " ICMP");
	if (json_is_string(name)) {
		put_value(l, " ", name);
	} else {
		put_value(l, " type ", json_object_get(icmp, "type"));
		put_value(l, " code ", json_object_get(icmp, "code"));
	}
	put_value(l, " mtu ", json_object_get(icmp, "mtu"));
	put_value(l, ", about ", json_object_get(quote, "protocol"));
	put_value(l, " ", json_object_get(quote, "source"));
	put_value(l, " > ", json_object_get(quote, "destination"));
	put_value(l, " spi ", json_object_get(quote, "spi"));
}

int event_text(json_t *event, char *buffer, size_t size)
{
	struct line l = {buffer, size, 0};
	const char *kind = json_string_value(json_object_get(event, "kind"));
	json_t *detail;

	if (!kind || !size)
		return -EINVAL;
	detail = json_object_get(event, kind);
	put_value(&l, "", json_object_get(event, "time"));
	put_value(&l, " ", json_object_get(event, "interface"));
	put_value(&l, " ", json_object_get(event, "direction"));
	put_value(&l, " ", json_object_get(event, "source"));
	put_value(&l, " > ", json_object_get(event, "destination"));
	if (strcmp(kind, "ike") == 0 && detail && !json_is_null(detail)) {
		put_ike(&l, detail);
	} else if (strcmp(kind, "icmp") == 0) {
		put_icmp(&l, detail);
	} else if (strcmp(kind, "endpoint") == 0) {
		put_value(&l, " endpoint of SA ", json_object_get(detail, "spi"));
		put_value(&l, " was ", json_object_get(detail, "old"));
		put_value(&l, ", is ", json_object_get(detail, "new"));
	} else {
		put(&l, " ");
		put(&l, kind);
	}
	put_value(&l, " length ", json_object_get(event, "length"));
	put_value(&l, " malformed: ", json_object_get(event, "malformed"));
	return 0;
}
