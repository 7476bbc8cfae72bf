// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * firewall_nft.c - `nft -j list ruleset` as NAT rules; the JSON is libnftables-json(5)
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "source/firewall_parse.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *string_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* "ip nat": chains of the same name in two tables are two. */
static void table_of(const json_t *object, char ret[FIREWALL_NAME])
{
	snprintf(ret, FIREWALL_NAME, "%s %s", string_of(object, "family"), string_of(object, "table"));
}

/* ---- what a match looks at */

static enum firewall_field payload_field(const json_t *payload, unsigned int *ret_protocol)
{
	const char *protocol = string_of(payload, "protocol"), *field = string_of(payload, "field");
	bool ip = !strcmp(protocol, "ip") || !strcmp(protocol, "ip6");

	*ret_protocol = !strcmp(protocol, "udp") ? 17 : !strcmp(protocol, "tcp") ? 6 : 0;
	if (ip && !strcmp(field, "saddr"))
		return FIREWALL_SOURCE;
	if (ip && !strcmp(field, "daddr"))
		return FIREWALL_DESTINATION;
	if (ip && (!strcmp(field, "protocol") || !strcmp(field, "nexthdr")))
		return FIREWALL_PROTOCOL;
	if ((*ret_protocol || !strcmp(protocol, "th")) && !strcmp(field, "dport"))
		return FIREWALL_DESTINATION_PORT;
	if ((*ret_protocol || !strcmp(protocol, "th")) && !strcmp(field, "sport"))
		return FIREWALL_SOURCE_PORT;
	return FIREWALL_UNKNOWN;
}

static enum firewall_field meta_field(const char *key)
{
	static const struct {
		const char *key;
		enum firewall_field field;
	} rows[] = {
		{"iifname", FIREWALL_IN},      {"iif", FIREWALL_IN},	       {"oifname", FIREWALL_OUT},
		{"oif", FIREWALL_OUT},	       {"l4proto", FIREWALL_PROTOCOL}, {"nfproto", FIREWALL_FAMILY},
		{"protocol", FIREWALL_FAMILY},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (!strcmp(rows[i].key, key))
			return rows[i].field;
	return FIREWALL_UNKNOWN;
}

static enum firewall_field field_of(const json_t *left, unsigned int *ret_protocol)
{
	const json_t *part;

	*ret_protocol = 0;
	part = json_object_get(left, "payload");
	if (part)
		return payload_field(part, ret_protocol);
	part = json_object_get(left, "meta");
	if (part)
		return meta_field(string_of(part, "key"));
	part = json_object_get(left, "rt");
	if (part && !strcmp(string_of(part, "key"), "ipsec"))
		return FIREWALL_TO_BE_PROTECTED;
	return FIREWALL_UNKNOWN;
}

/* ---- values: one, a prefix, a range, a set of these */

static enum parsed number_value(struct firewall_match *match, const json_t *value)
{
	const char *text = json_string_value(value);
	unsigned int number;

	if (json_is_boolean(value))
		number = json_is_true(value);
	else if (json_is_integer(value) && json_integer_value(value) >= 0 &&
		 json_integer_value(value) <= UINT16_MAX)
		number = (unsigned int)json_integer_value(value);
	else if (!text || !firewall_parse_word(match->field, text, &number))
		return PARSED_UNKNOWN;
	return firewall_numbers(match, number, number) ? PARSED : PARSED_NO_MEMORY;
}

static enum parsed one_value(struct firewall_match *match, const json_t *value)
{
	const char *text = json_string_value(value);

	switch (match->field) {
	case FIREWALL_UNKNOWN:
		return PARSED_UNKNOWN;
	case FIREWALL_IN:
	case FIREWALL_OUT:
		if (!text || *text == '@')
			return PARSED_UNKNOWN;
		return firewall_interface(match, text) ? PARSED : PARSED_NO_MEMORY;
	case FIREWALL_SOURCE:
	case FIREWALL_DESTINATION:
		return text ? firewall_parse_address(match, text, -1) : PARSED_UNKNOWN;
	default:
		return number_value(match, value);
	}
}

/* The last value of two, which were taken in one after the other, becomes the end of the range. */
static enum parsed range_value(struct firewall_match *match, const json_t *range)
{
	enum parsed low = one_value(match, json_array_get(range, 0)), high;

	if (low != PARSED || match->field == FIREWALL_IN || match->field == FIREWALL_OUT)
		return low == PARSED ? PARSED_UNKNOWN : low;
	high = one_value(match, json_array_get(range, 1));
	if (high != PARSED)
		return high;
	match->count--;
	memcpy(match->values[match->count - 1].high, match->values[match->count].high, 16);
	return PARSED;
}

static enum parsed any_value(struct firewall_match *match, const json_t *value)
{
	const json_t *part = json_object_get(value, "prefix");
	enum parsed parsed = PARSED;
	json_t *element;
	size_t i;

	if (part) {
		const char *address = string_of(part, "addr");

		if (match->field != FIREWALL_SOURCE && match->field != FIREWALL_DESTINATION)
			return PARSED_UNKNOWN;
		return firewall_parse_address(match, address,
					      (int)json_integer_value(json_object_get(part, "len")));
	}
	part = json_object_get(value, "range");
	if (part)
		return range_value(match, part);
	part = json_object_get(value, "elem"); /* an element with a comment or a counter */
	if (part)
		return any_value(match, json_object_get(part, "val"));
	part = json_object_get(value, "set");
	if (!part && !json_is_array(value))
		return one_value(match, value);
	json_array_foreach(part ? part : value, i, element) {
		enum parsed one = any_value(match, element);

		if (one != PARSED)
			parsed = one == PARSED_NO_MEMORY || parsed == PARSED ? one : parsed;
	}
	return parsed;
}

/* "<", ">", "<=", ">=" of numbers: the one that is there becomes an end. */
static bool stretch(struct firewall_match *match, const char *op)
{
	struct firewall_value *v = match->values;
	unsigned int n;

	if (match->count != 1 ||
	    (match->field != FIREWALL_SOURCE_PORT && match->field != FIREWALL_DESTINATION_PORT))
		return false;
	n = (unsigned int)v->low[14] << 8 | v->low[15];
	match->count = 0;
	if (!strcmp(op, ">="))
		return firewall_numbers(match, n, UINT16_MAX);
	if (!strcmp(op, "<="))
		return firewall_numbers(match, 0, n);
	if (!strcmp(op, ">"))
		return n == UINT16_MAX || firewall_numbers(match, n + 1, UINT16_MAX);
	return !n || firewall_numbers(match, 0, n - 1);
}

/* NAT rules are asked only for the first packet of a connection, whose state is new. */
static bool is_new(const json_t *match)
{
	const json_t *ct = json_object_get(json_object_get(match, "left"), "ct");
	const json_t *right = json_object_get(match, "right");
	const char *text = json_string_value(right);
	json_t *element;
	size_t i;

	if (strcmp(string_of(ct, "key"), "state") != 0 || !strcmp(string_of(match, "op"), "!="))
		return false;
	if (text)
		return !strcmp(text, "new");
	json_array_foreach(json_object_get(right, "set") ? json_object_get(right, "set") : right, i,
			   element) {
		if (json_is_string(element) && !strcmp(json_string_value(element), "new"))
			return true;
	}
	return false;
}

static bool add_match(struct firewall_rule *rule, const json_t *left, const json_t *right, const char *op)
{
	unsigned int protocol;
	enum firewall_field field = field_of(left, &protocol);
	struct firewall_match *match;
	enum parsed parsed;

	if (protocol) {
		match = firewall_match(rule, FIREWALL_PROTOCOL);
		if (!match || !firewall_numbers(match, protocol, protocol))
			return false;
	}
	match = firewall_match(rule, field);
	if (!match)
		return false;
	parsed = any_value(match, right);
	if (parsed == PARSED && (*op == '<' || *op == '>') && !stretch(match, op))
		parsed = PARSED_UNKNOWN;
	if (parsed != PARSED)
		match->field = FIREWALL_UNKNOWN;
	match->not = !strcmp(op, "!=");
	return parsed != PARSED_NO_MEMORY;
}

/* ---- statements */

/* The verdict of a statement, or of an element of a verdict map. False: it is none. */
static bool verdict_of(const json_t *statement, struct firewall_rule *rule)
{
	static const struct {
		const char *key;
		enum firewall_verdict verdict;
	} rows[] = {
		{"accept", FIREWALL_ACCEPT},
		{"drop", FIREWALL_ACCEPT},
		{"reject", FIREWALL_ACCEPT},
		{"return", FIREWALL_RETURN},
		{"jump", FIREWALL_JUMP},
		{"goto", FIREWALL_GOTO},
		{"masquerade", FIREWALL_SOURCE_NAT},
		{"snat", FIREWALL_SOURCE_NAT},
		{"dnat", FIREWALL_DESTINATION_NAT},
		{"redirect", FIREWALL_DESTINATION_NAT},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const json_t *value = json_object_get(statement, rows[i].key), *port;

		if (!value)
			continue;
		rule->verdict = rows[i].verdict;
		snprintf(rule->target, sizeof(rule->target), "%s", string_of(value, "target"));
		snprintf(rule->to, sizeof(rule->to), "%s", string_of(value, "addr"));
		port = json_object_get(value, "port");
		if (json_is_integer(port))
			snprintf(rule->to + strlen(rule->to), sizeof(rule->to) - strlen(rule->to), " port %d",
				 (int)json_integer_value(port));
		return true;
	}
	return false;
}

struct reading {
	struct firewall *firewall;
	struct firewall_chain *chain;
	const char *text;
};

static bool finish(const struct reading *r, struct firewall_rule *rule)
{
	memcpy(rule->text, r->text, sizeof(rule->text));
	return firewall_add(r->firewall, r->chain, rule);
}

/* A map of verdicts is a rule for each of its elements. */
static bool add_map(const struct reading *r, const struct firewall_rule *so_far, const json_t *map)
{
	const json_t *key = json_object_get(map, "key");
	const json_t *set = json_object_get(json_object_get(map, "data"), "set");
	json_t *element;
	size_t i;

	json_array_foreach(set, i, element) {
		struct firewall_rule rule = {0};

		if (!verdict_of(json_array_get(element, 1), &rule))
			continue;
		if (!firewall_copy_matches(&rule, so_far) ||
		    !add_match(&rule, key, json_array_get(element, 0), "==")) {
			firewall_rule_free(&rule);
			return false;
		}
		if (!finish(r, &rule))
			return false;
	}
	return true;
}

/* What neither looks at a packet nor ends its way. */
static bool is_harmless(const json_t *statement)
{
	static const char *const names[] = {"counter", "log", "comment", "continue", "mangle", "ct helper"};

	for (size_t i = 0; i < COUNT(names); i++)
		if (json_object_get(statement, names[i]))
			return true;
	return false;
}

/* 1: a verdict, so that the rule ends; 0: go on; -ENOMEM */
static int add_statement(const struct reading *r, struct firewall_rule *rule, const json_t *statement)
{
	const json_t *match = json_object_get(statement, "match"), *map = json_object_get(statement, "vmap");

	if (match) {
		if (is_new(match))
			return 0;
		return add_match(rule, json_object_get(match, "left"), json_object_get(match, "right"),
				 string_of(match, "op"))
			       ? 0
			       : -ENOMEM;
	}
	if (map)
		return add_map(r, rule, map) ? 0 : -ENOMEM;
	if (verdict_of(statement, rule))
		return 1;
	if (is_harmless(statement))
		return 0;
	/* "xt", of iptables, may be a match or a verdict: then whatever follows is not sure. */
	rule->verdict = FIREWALL_ACCEPT;
	if (!firewall_match(rule, FIREWALL_UNKNOWN))
		return -ENOMEM;
	return json_object_get(statement, "xt") ? 1 : 0;
}

static bool add_rule(struct firewall *firewall, const json_t *object)
{
	char table[FIREWALL_NAME], text[FIREWALL_TEXT];
	struct reading r = {.firewall = firewall, .text = text};
	struct firewall_rule rule = {0};
	json_t *statement;
	int status = 0;
	size_t i;

	table_of(object, table);
	memset(text, 0, sizeof(text));
	snprintf(text, sizeof(text), "table %s, chain %s, handle %lld%s%s", table, string_of(object, "chain"),
		 (long long)json_integer_value(json_object_get(object, "handle")),
		 *string_of(object, "comment") ? ", " : "", string_of(object, "comment"));
	r.chain = firewall_chain(firewall, table, string_of(object, "chain"));
	if (!r.chain)
		return false;
	json_array_foreach(json_object_get(object, "expr"), i, statement) {
		status = add_statement(&r, &rule, statement);
		if (status)
			break;
	}
	if (status > 0)
		return finish(&r, &rule);
	firewall_rule_free(&rule); /* without a verdict of its own */
	return status == 0;
}

static bool add_chain(struct firewall *firewall, const json_t *object)
{
	const char *family = string_of(object, "family"), *hook = string_of(object, "hook");
	bool nat = !strcmp(string_of(object, "type"), "nat");
	struct firewall_chain *chain;
	char table[FIREWALL_NAME];

	table_of(object, table);
	chain = firewall_chain(firewall, table, string_of(object, "name"));
	if (!chain)
		return false;
	chain->family = !strcmp(family, "ip") ? 4 : !strcmp(family, "ip6") ? 6 : 0;
	chain->source_nat = nat && !strcmp(hook, "postrouting");
	chain->destination_nat = nat && !strcmp(hook, "prerouting");
	return true;
}

static int read_all(const json_t *list, struct firewall *ret)
{
	json_t *object;
	size_t i;

	json_array_foreach(list, i, object) {
		const json_t *chain = json_object_get(object, "chain"),
			     *rule = json_object_get(object, "rule");

		if ((chain && !add_chain(ret, chain)) || (rule && !add_rule(ret, rule)))
			return -ENOMEM;
	}
	return 0;
}

int firewall_read_nft(const char *text, size_t size, struct firewall *ret)
{
	json_t *document = json_loadb(text, size, 0, NULL);
	const json_t *list = json_object_get(document, "nftables");
	int err = json_is_array(list) ? read_all(list, ret) : -EBADMSG;

	json_decref(document);
	return err;
}
