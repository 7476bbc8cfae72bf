// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/log_line.h"

#include <string.h>

#include "model/log_pattern.h"
#include "source/log_json.h"

#define RELAY_NS 5000000000ULL
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	return p;
}

static const char *word_end(const char *p, const char *end)
{
	while (p < end && *p != ' ')
		p++;
	return p;
}

static bool is_word(struct log_span s, const char *word)
{
	return strlen(word) == s.length && memcmp(word, s.at, s.length) == 0;
}

static bool begins(const char *p, const char *end, const char *with)
{
	size_t length = strlen(with);

	return (size_t)(end - p) >= length && memcmp(p, with, length) == 0;
}

/* Programs whose messages we know, and the dialects that they speak */
static const struct {
	const char *name;
	unsigned int dialects;
} programs[] = {
	{"charon", LOG_CHARON},	       {"charon-systemd", LOG_CHARON}, {"ipsec", LOG_CHARON},
	{"charon-nm", LOG_CHARON},     {"charon-cmd", LOG_CHARON},     {"swanctl", LOG_CHARON},
	{"ipsec_starter", LOG_CHARON}, {"strongswan", LOG_CHARON},     {"pluto", LOG_PLUTO},
	{"VDAEMON", LOG_ANY},	       {"vdaemon", LOG_ANY},	       {"FTMD", LOG_ANY},
};

const char *log_line_program(size_t i)
{
	return i < COUNT(programs) ? programs[i].name : NULL;
}

/* 0: not one of them */
static unsigned int dialects_of(struct log_span program)
{
	for (size_t i = 0; i < COUNT(programs); i++)
		if (is_word(program, programs[i].name))
			return programs[i].dialects;
	return 0;
}

/* "05[IKE] " and, with ike_name, "<hq|3> ", from `p` on: charon's own part of the prefix */
static const char *take_charon(const char *p, const char *end, struct log_line *l)
{
	const char *at = p;
	unsigned int thread = 0, letters = 0;

	while (at < end && is_digit(*at) && at - p < 4)
		thread = thread * 10 + (unsigned int)(*at++ - '0');
	if (at == end || *at != '[')
		return p;
	/* Groups have three letters, and a level where it is logged */
	for (at++; at < end && *at >= 'A' && *at <= 'Z'; at++)
		letters++;
	if (at < end && is_digit(*at))
		at++;
	if (letters != 3 || end - at < 2 || at[0] != ']' || at[1] != ' ')
		return p;
	l->thread = thread;
	l->dialects = LOG_CHARON;
	return at + 2;
}

static const char *take_conn(const char *p, const char *end, struct log_line *l)
{
	const char *bar = NULL, *at, *number;
	uint64_t id = 0;

	if (p == end || *p != '<')
		return p;
	for (at = p + 1; at < end && *at != '>' && *at != ' '; at++)
		if (*at == '|')
			bar = at;
	if (at == end || *at != '>')
		return p;
	number = bar ? bar + 1 : p + 1;
	if (number == at || at - number > 9)
		return p;
	for (const char *d = number; d < at; d++) {
		if (!is_digit(*d))
			return p;
		id = id * 10 + (uint64_t)(*d - '0');
	}
	if (bar)
		l->conn = (struct log_span){p + 1, (size_t)(bar - p - 1)};
	l->id = id;
	return skip_blanks(at + 1, end);
}

/* IOS: ISAKMP:(1001), ISAKMP (0:2:SW:1); not taken away, patterns may want it */
static void note_isakmp(const char *p, const char *end, struct log_line *l)
{
	if (!begins(p, end, "ISAKMP") && !begins(p, end, "IKEv2"))
		return;
	l->dialects = LOG_CISCO;
	for (p += 5; p < end && !is_letter(*p) && *p != '('; p++)
		;
	if (p < end && *p == 'P')
		p++;
	for (; p < end && (*p == ':' || *p == ' '); p++)
		;
	if (p == end || *p != '(')
		return;
	for (p++; p < end && is_digit(*p); p++)
		l->thread = l->thread * 10 % 1000003 + (unsigned int)(*p - '0');
}

/*
 * libreswan: "hq" #3: and, of one of several, "hq"[2] 203.0.113.7 #3:, where the peer is said. What is about the connection, as
 * its proposals, has no number: "hq": or "hq"[2] 203.0.113.7:. That is only believed of a line of pluto.
 */
static const char *take_pluto(const char *p, const char *end, struct log_line *l)
{
	const char *quote = p + 1 < end && *p == '"' ? memchr(p + 1, '"', (size_t)(end - p - 1)) : NULL;
	const char *at, *number, *blank;
	uint64_t id = 0;

	if (!quote || quote - p > 64)
		return p;
	/* An address of IPv6 has colons, too */
	for (at = quote; at < end && *at != '#' && !(*at == ':' && (at + 1 == end || at[1] == ' ')); at++)
		;
	if (at == end || (*at == ':' && l->dialects != LOG_PLUTO))
		return p;
	number = at;
	for (at += *at == '#'; at < end && is_digit(*at) && id < 100000000; at++)
		id = id * 10 + (uint64_t)(*at - '0');
	if (end - at < 2 || *at != ':')
		return p;
	l->conn = (struct log_span){p + 1, (size_t)(quote - p - 1)};
	blank = memchr(quote, ' ', (size_t)(number - quote));
	if (quote[1] == '[' && blank && blank + 1 < number)
		l->peer = (struct log_span){blank + 1, (size_t)(word_end(blank + 1, number) - blank - 1)};
	if (*number == '#')
		l->id = id;
	l->dialects = LOG_PLUTO;
	return skip_blanks(at + 1, end);
}

/* libreswan, of a packet that belongs to no connection: packet from 203.0.113.7:500: */
static void note_packet(const char *p, const char *end, struct log_line *l)
{
	struct log_span address;
	bool bracket;

	if (l->dialects != LOG_PLUTO || !begins(p, end, "packet from "))
		return;
	p += strlen("packet from ");
	bracket = p < end && *p == '[';
	if (log_pattern_address(p + bracket, end, &address))
		l->peer = address;
}

static void take_message(const char *p, const char *end, struct log_line *l)
{
	const char *at = take_charon(p, end, l);

	if (at != p || l->dialects == LOG_CHARON)
		at = take_conn(at, end, l);
	else if (take_pluto(at, end, l) != at)
		at = take_pluto(at, end, l);
	else if (begins(at, end, "%%"))
		l->dialects = LOG_HUAWEI;
	else
		note_isakmp(at, end, l);
	note_packet(at, end, l);
	l->message = (struct log_span){at, (size_t)(end - at)};
}

/* The router's own time has fractions, but only counts when its clock is right, which the relay's time tells */
static void refine(struct log_parser *parser, const struct log_stamp *stamp, struct log_line *l)
{
	uint64_t own = stamp->month ? log_clock_resolve(&parser->clock, stamp) : 0;

	if (own > l->at_ns - RELAY_NS && own < l->at_ns + RELAY_NS && l->at_ns > RELAY_NS)
		l->at_ns = own;
}

/* "charon[1234]: ", "charon: ", and for routers behind a relay "000123: *Mar  1 00:00:12: " */
static const char *take_program(struct log_parser *parser, const char *p, const char *end, struct log_line *l)
{
	const char *at = p, *bracket = NULL, *number;
	struct log_stamp stamp;
	struct log_span name;
	unsigned int dialects;

	while (at < end && *at != ' ' && *at != ':' && *at != '[')
		at++;
	name = (struct log_span){p, (size_t)(at - p)};
	if (at < end && *at == '[') {
		bracket = at;
		for (at++; at < end && is_digit(*at); at++)
			;
		if (at == bracket + 1 || at == end || *at != ']')
			return p;
		at++;
	}
	if (at == end || *at != ':' || !name.length || *name.at == '%')
		return p;
	at = skip_blanks(at + 1, end);
	for (number = p; number < end && is_digit(*number); number++)
		;
	if (!bracket && number == p + name.length) {
		if (log_stamp_parse(&at, end, &stamp)) {
			at = skip_blanks(at < end && *at == ':' ? at + 1 : at, end);
			refine(parser, &stamp, l);
		}
		return at;
	}
	dialects = dialects_of(name);
	if (dialects) {
		l->program = name;
		l->dialects = dialects;
		return at;
	}
	/* Routers write no process number. What is not known and has none may be the beginning of their message. */
	if (!bracket)
		return p;
	l->program = name;
	l->foreign = memchr(name.at, '%', name.length) == NULL;
	return at;
}

/* RFC 5424, behind "<PRI>1 ": TIME HOST APP PROCID MSGID SD MESSAGE */
static bool take_5424(struct log_parser *parser, const char *p, const char *end, struct log_line *l)
{
	struct log_span fields[4];
	struct log_stamp stamp;

	if (begins(p, end, "- "))
		p++;
	else if (log_stamp_parse(&p, end, &stamp))
		l->at_ns = log_clock_resolve(&parser->clock, &stamp);
	else
		return false;
	for (size_t i = 0; i < COUNT(fields); i++) {
		p = skip_blanks(p, end);
		fields[i] = (struct log_span){p, (size_t)(word_end(p, end) - p)};
		p += fields[i].length;
	}
	p = skip_blanks(p, end);
	if (p < end && *p == '[') {
		bool quoted = false;

		/* Elements may follow each other without a blank; a bracket in a quoted value does not end one */
		for (; p < end && (quoted || *p != ' '); p++) {
			if (*p == '\\' && quoted && p + 1 < end)
				p++;
			else if (*p == '"')
				quoted = !quoted;
			else if (*p == '[' && !quoted)
				while (p + 1 < end && p[1] != ']' && p[1] != '"')
					p++;
		}
	} else {
		p = word_end(p, end);
	}
	p = skip_blanks(p, end);
	if (begins(p, end, "\xef\xbb\xbf"))
		p += 3;
	if (!is_word(fields[0], "-"))
		l->host = fields[0];
	if (!is_word(fields[1], "-"))
		l->program = fields[1];
	if (l->program.at) {
		l->dialects = dialects_of(l->program);
		l->foreign = !l->dialects && !is_word(fields[2], "-");
		if (!l->dialects)
			l->dialects = LOG_ANY;
	}
	take_message(p, end, l);
	return true;
}

/* "<134>", and "<134>1 " in *ret_5424 */
static const char *take_priority(const char *p, const char *end, bool *ret_5424)
{
	const char *at = p + 1;

	*ret_5424 = false;
	if (p == end || *p != '<')
		return p;
	while (at < end && is_digit(*at) && at - p < 4)
		at++;
	if (at == end || *at != '>' || at == p + 1)
		return p;
	at++;
	if (end - at > 2 && at[0] == '1' && at[1] == ' ') {
		*ret_5424 = true;
		return at + 2;
	}
	return at;
}

/* IOS: "000123: " in front of everything */
static const char *take_number(const char *p, const char *end)
{
	const char *at = p;

	while (at < end && is_digit(*at))
		at++;
	return at != p && end - at > 2 && at[0] == ':' && at[1] == ' ' ? at + 2 : p;
}

/* Behind the time: a colon (a router's own line), charon's thread (its own file), or a host */
static const char *take_host(struct log_parser *parser, const char *p, const char *end, struct log_line *l)
{
	struct log_line probe = *l;
	const char *at;

	p = skip_blanks(p, end);
	if (p < end && *p == ':')
		return skip_blanks(p + 1, end);
	if (take_charon(p, end, &probe) != p || l->has_clock)
		return p;
	at = word_end(p, end);
	if (at == end || *p == '%')
		return p;
	l->host = (struct log_span){p, (size_t)(at - p)};
	if (at[-1] == ':')
		l->host.length--;
	p = skip_blanks(at, end);
	if (p < end && *p == ':')
		return skip_blanks(p + 1, end);
	return take_program(parser, p, end, l);
}

void log_line_parse(struct log_parser *parser, const char *line, size_t length, struct log_line *ret)
{
	const char *p = line, *end = line + length;
	struct log_stamp stamp;
	bool is_5424;

	while (end > p && (end[-1] == '\r' || end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*ret = (struct log_line){
		.id = UINT64_MAX,
		.dialects = LOG_ANY,
		.shown = {line, (size_t)(end - line)},
	};
	if (p < end && *p == '{' && log_json_parse(parser, p, end, ret)) {
		unsigned int dialects = ret->program.at ? dialects_of(ret->program) : LOG_ANY;

		ret->foreign = ret->program.at && !dialects;
		ret->dialects = dialects ? dialects : LOG_ANY;
		take_message(ret->message.at, ret->message.at + ret->message.length, ret);
		return;
	}
	p = take_priority(p, end, &is_5424);
	if (is_5424 && take_5424(parser, p, end, ret))
		return;
	p = skip_blanks(take_number(p, end), end);
	if (log_stamp_parse(&p, end, &stamp)) {
		ret->has_clock = !stamp.month && !stamp.since0;
		if (ret->has_clock)
			ret->clock_ns = log_clock_resolve(&parser->clock, &stamp);
		else
			ret->at_ns = log_clock_resolve(&parser->clock, &stamp);
		p = take_host(parser, p, end, ret);
	} else {
		p = take_program(parser, p, end, ret);
	}
	take_message(p, end, ret);
}
