// SPDX-License-Identifier: GPL-2.0-or-later
/* firewall_iptables.c - `iptables-save -t nat` as NAT rules; and what the dialects share */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/firewall_parse.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define WORDS 64
#define LINE 1024

enum parsed firewall_parse_address(struct firewall_match *match, const char *text, int bits)
{
	int err = firewall_address(match, text, bits);

	return err == -ENOMEM ? PARSED_NO_MEMORY : err ? PARSED_UNKNOWN : PARSED;
}

bool firewall_parse_word(enum firewall_field field, const char *text, unsigned int *ret)
{
	/* Of protocols those that nft and iptables write as words without being asked */
	static const struct {
		enum firewall_field field;
		const char *word;
		unsigned int number;
	} rows[] = {
		{FIREWALL_PROTOCOL, "icmp", 1},	     {FIREWALL_PROTOCOL, "igmp", 2},
		{FIREWALL_PROTOCOL, "tcp", 6},	     {FIREWALL_PROTOCOL, "udp", 17},
		{FIREWALL_PROTOCOL, "dccp", 33},     {FIREWALL_PROTOCOL, "gre", 47},
		{FIREWALL_PROTOCOL, "esp", 50},	     {FIREWALL_PROTOCOL, "ah", 51},
		{FIREWALL_PROTOCOL, "icmpv6", 58},   {FIREWALL_PROTOCOL, "ipv6-icmp", 58},
		{FIREWALL_PROTOCOL, "comp", 108},    {FIREWALL_PROTOCOL, "ipcomp", 108},
		{FIREWALL_PROTOCOL, "l2tp", 115},    {FIREWALL_PROTOCOL, "sctp", 132},
		{FIREWALL_PROTOCOL, "udplite", 136}, {FIREWALL_FAMILY, "ip", 4},
		{FIREWALL_FAMILY, "ipv4", 4},	     {FIREWALL_FAMILY, "ip6", 6},
		{FIREWALL_FAMILY, "ipv6", 6},
	};
	unsigned long number;
	char *end;

	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].field == field && !strcmp(rows[i].word, text)) {
			*ret = rows[i].number;
			return true;
		}
	}
	number = strtoul(text, &end, 10);
	if (end == text || *end || *text == '-' || number > UINT16_MAX)
		return false;
	*ret = (unsigned int)number;
	return true;
}

/* ---- words of a line: "-A POSTROUTING -m comment --comment "a b" -j MASQUERADE" */

/* Cuts the line up; quotes hold a word together. */
static size_t split(char *line, char *words[WORDS])
{
	size_t count = 0;

	while (*line && count < WORDS - 1) {
		char *to;

		line += strspn(line, " \t");
		if (!*line)
			break;
		words[count++] = to = line;
		for (bool quoted = false; *line && (quoted || (*line != ' ' && *line != '\t')); line++) {
			if (*line == '"')
				quoted = !quoted;
			else if (*line == '\\' && line[1])
				*to++ = *++line;
			else
				*to++ = *line;
		}
		line += *line != '\0';
		*to = '\0';
	}
	words[count] = NULL;
	return count;
}

/* What an option looks at; those in no row with a "-" are options of which nothing is known. */
static const struct option {
	const char *name;
	enum firewall_field field;
} options[] = {
	{"-s", FIREWALL_SOURCE},
	{"-d", FIREWALL_DESTINATION},
	{"-p", FIREWALL_PROTOCOL},
	{"-i", FIREWALL_IN},
	{"-o", FIREWALL_OUT},
	{"--sport", FIREWALL_SOURCE_PORT},
	{"--sports", FIREWALL_SOURCE_PORT},
	{"--dport", FIREWALL_DESTINATION_PORT},
	{"--dports", FIREWALL_DESTINATION_PORT},
};

/* Matches that say nothing by their name alone, and options that change nothing for the first packet of a connection. */
static bool is_module(const char *name)
{
	static const char *const names[] = {"udp",    "tcp",	   "multiport", "comment",
					    "policy", "conntrack", "state"};

	for (size_t i = 0; i < COUNT(names); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

/* "500", "500:600", "500,4500:4510" */
static enum parsed read_ports(struct firewall_match *match, char *text)
{
	char *save, *part;

	for (part = strtok_r(text, ",", &save); part; part = strtok_r(NULL, ",", &save)) {
		char *colon = strchr(part, ':');
		unsigned int low = 0, high = UINT16_MAX;

		if (colon)
			*colon = '\0';
		if ((*part && !firewall_parse_word(match->field, part, &low)) ||
		    (colon && colon[1] && !firewall_parse_word(match->field, colon + 1, &high)))
			return PARSED_UNKNOWN;
		if (!firewall_numbers(match, low, colon ? high : low))
			return PARSED_NO_MEMORY;
	}
	return PARSED;
}

/* "eth+" is any that begins so: '*' elsewhere */
static bool read_interface(struct firewall_match *match, char *name)
{
	size_t length = strlen(name);

	if (length && name[length - 1] == '+')
		name[length - 1] = '*';
	return firewall_interface(match, name);
}

static bool add_option(struct firewall_rule *rule, enum firewall_field field, bool inverted, char *value)
{
	struct firewall_match *match = firewall_match(rule, field);
	enum parsed parsed = PARSED_UNKNOWN;
	unsigned int number;

	if (!match)
		return false;
	match->not = inverted;
	switch (field) {
	case FIREWALL_SOURCE:
	case FIREWALL_DESTINATION:
		parsed = firewall_parse_address(match, value, -1);
		break;
	case FIREWALL_PROTOCOL:
		if (firewall_parse_word(field, value, &number))
			parsed = firewall_numbers(match, number, number) ? PARSED : PARSED_NO_MEMORY;
		break;
	case FIREWALL_SOURCE_PORT:
	case FIREWALL_DESTINATION_PORT:
		parsed = read_ports(match, value);
		break;
	case FIREWALL_IN:
	case FIREWALL_OUT:
		parsed = read_interface(match, value) ? PARSED : PARSED_NO_MEMORY;
		break;
	default:
		break;
	}
	if (parsed != PARSED)
		match->field = FIREWALL_UNKNOWN;
	return parsed != PARSED_NO_MEMORY;
}

/* "-m policy --dir out --pol ipsec": and whatever is said of which policy is not known. */
static bool add_policy(struct firewall_rule *rule, const char *direction, const char *policy, bool inverted)
{
	struct firewall_match *match;
	bool ipsec = !strcmp(policy, "ipsec");

	if (strcmp(direction, "out") != 0 || (!ipsec && strcmp(policy, "none") != 0))
		return firewall_match(rule, FIREWALL_UNKNOWN);
	match = firewall_match(rule, FIREWALL_TO_BE_PROTECTED);
	if (!match)
		return false;
	match->not = inverted;
	return firewall_numbers(match, ipsec, ipsec);
}

static void set_target(struct firewall_rule *rule, const char *name, bool is_goto)
{
	static const struct {
		const char *name;
		enum firewall_verdict verdict;
	} rows[] = {
		{"ACCEPT", FIREWALL_ACCEPT},
		{"DROP", FIREWALL_ACCEPT},
		{"RETURN", FIREWALL_RETURN},
		{"MASQUERADE", FIREWALL_SOURCE_NAT},
		{"SNAT", FIREWALL_SOURCE_NAT},
		{"DNAT", FIREWALL_DESTINATION_NAT},
		{"REDIRECT", FIREWALL_DESTINATION_NAT},
	};

	rule->verdict = is_goto ? FIREWALL_GOTO : FIREWALL_JUMP;
	snprintf(rule->target, sizeof(rule->target), "%s", name);
	for (size_t i = 0; !is_goto && i < COUNT(rows); i++)
		if (!strcmp(rows[i].name, name))
			rule->verdict = rows[i].verdict;
}

struct line {
	char **words;
	size_t count, at;
	bool inverted;
	const char *direction; /* of a policy */
};

static char *value_of(struct line *line)
{
	return line->at < line->count ? line->words[line->at++] : NULL;
}

/* One option with its value. 1: it was a target, with whose options the line ends; 0; -ENOMEM */
static int read_option(struct line *line, struct firewall_rule *rule)
{
	char *name = line->words[line->at++], *value;
	bool inverted = line->inverted;

	line->inverted = false;
	if (!strcmp(name, "!")) {
		line->inverted = true;
		return 0;
	}
	if (*name != '-')
		return 0; /* another value of an option that is not known, as in --match-set NAME dst */
	value = value_of(line);
	if (!value)
		return firewall_match(rule, FIREWALL_UNKNOWN) ? 0 : -ENOMEM;
	if (!strcmp(name, "-j") || !strcmp(name, "-g")) {
		set_target(rule, value, name[1] == 'g');
		return 1;
	}
	for (size_t i = 0; i < COUNT(options); i++)
		if (!strcmp(options[i].name, name))
			return add_option(rule, options[i].field, inverted, value) ? 0 : -ENOMEM;
	if (!strcmp(name, "--dir"))
		line->direction = value;
	else if (!strcmp(name, "--pol"))
		return add_policy(rule, line->direction, value, inverted) ? 0 : -ENOMEM;
	else if (!strcmp(name, "--comment") || (!strcmp(name, "-m") && is_module(value)) ||
		 ((!strcmp(name, "--ctstate") || !strcmp(name, "--state")) && !inverted &&
		  strstr(value, "NEW")))
		return 0;
	else
		return firewall_match(rule, FIREWALL_UNKNOWN) ? 0 : -ENOMEM;
	return 0;
}

static int read_rule(struct firewall *firewall, const char *text, char *words[WORDS], size_t count)
{
	struct line line = {.words = words, .count = count, .at = 2, .direction = ""};
	struct firewall_chain *chain = firewall_chain(firewall, "iptables nat", words[1]);
	struct firewall_rule rule = {0};
	int status = chain ? 0 : -ENOMEM;

	while (!status && line.at < line.count)
		status = read_option(&line, &rule);
	if (!status && (count == WORDS - 1 || strlen(text) == LINE - 1)) {
		/* Cut off before its target: it may have been an exception. */
		rule.verdict = FIREWALL_ACCEPT;
		status = firewall_match(&rule, FIREWALL_UNKNOWN) ? 1 : -ENOMEM;
	}
	if (status <= 0) {
		firewall_rule_free(&rule); /* a rule without a target only counts */
		return status;
	}
	for (; line.at + 1 < line.count; line.at++)
		if (!strncmp(words[line.at], "--to-", 5))
			snprintf(rule.to, sizeof(rule.to), "%s%s",
				 !strcmp(words[line.at], "--to-ports") ? "port " : "", words[line.at + 1]);
	snprintf(rule.text, sizeof(rule.text), "iptables -t nat %.*s", FIREWALL_TEXT - 20, text);
	return firewall_add(firewall, chain, &rule) ? 0 : -ENOMEM;
}

/* ":POSTROUTING ACCEPT [0:0]", "-A POSTROUTING …" */
static int read_line(struct firewall *firewall, const char *text, char *line)
{
	char *words[WORDS];
	size_t count = split(line, words);
	struct firewall_chain *chain;

	if (count < 2)
		return 0;
	if (!strcmp(words[0], "-A"))
		return read_rule(firewall, text, words, count);
	if (words[0][0] != ':')
		return 0;
	chain = firewall_chain(firewall, "iptables nat", words[0] + 1);
	if (!chain)
		return -ENOMEM;
	chain->family = 4;
	chain->source_nat = !strcmp(chain->name, "POSTROUTING");
	chain->destination_nat = !strcmp(chain->name, "PREROUTING");
	return 0;
}

int firewall_read_iptables(const char *text, size_t size, struct firewall *ret)
{
	const char *end = text + size;
	bool nat = false;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t length = (size_t)((newline ? newline : end) - text);
		char line[LINE], whole[LINE];
		int err = 0;

		snprintf(line, sizeof(line), "%.*s", (int)(length < LINE - 1 ? length : LINE - 1), text);
		memcpy(whole, line, strlen(line) + 1);
		if (*line == '*')
			nat = !strcmp(line, "*nat");
		else if (nat)
			err = read_line(ret, whole, line);
		if (err)
			return err;
		text += length + 1;
	}
	return 0;
}
