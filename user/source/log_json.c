// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/log_json.h"

#include <string.h>

struct scan {
	const char *at, *end;
	char *to, *room; /* where unescaped text goes */
};

static void skip_blanks(struct scan *s)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\t'))
		s->at++;
}

static void put(struct scan *s, char c)
{
	if (s->to < s->room)
		*s->to++ = c;
}

static bool take_code(struct scan *s, unsigned int *ret)
{
	unsigned int code = 0;

	if (s->end - s->at < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		char c = *s->at++;
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
			    : c >= 'A' && c <= 'F' ? c - 'A' + 10
						   : -1;

		if (digit < 0)
			return false;
		code = code << 4 | (unsigned int)digit;
	}
	*ret = code;
	return true;
}

/* Code points beyond the basic plane come in halves, which are of no use in what we look for */
static void put_code(struct scan *s, unsigned int code)
{
	if (code < 0x80) {
		put(s, code < ' ' ? ' ' : (char)code);
	} else if (code < 0x800) {
		put(s, (char)(0xc0 | code >> 6));
		put(s, (char)(0x80 | (code & 0x3f)));
	} else if (code >= 0xd800 && code < 0xe000) {
		put(s, '?');
	} else {
		put(s, (char)(0xe0 | code >> 12));
		put(s, (char)(0x80 | (code >> 6 & 0x3f)));
		put(s, (char)(0x80 | (code & 0x3f)));
	}
}

/* A string, unescaped; line ends in it become blanks, for a message is a line */
static bool take_string(struct scan *s, struct log_span *ret)
{
	char *from = s->to;
	unsigned int code;

	if (s->at == s->end || *s->at != '"')
		return false;
	for (s->at++; s->at < s->end && *s->at != '"'; s->at++) {
		if (*s->at != '\\') {
			put(s, *s->at);
			continue;
		}
		if (++s->at == s->end)
			return false;
		switch (*s->at) {
		case 'u':
			s->at++;
			if (!take_code(s, &code))
				return false;
			put_code(s, code);
			s->at--;
			break;
		case 'n':
		case 'r':
		case 't':
		case 'b':
		case 'f':
			put(s, ' ');
			break;
		default:
			put(s, *s->at);
		}
	}
	if (s->at == s->end)
		return false;
	s->at++;
	*ret = (struct log_span){from, (size_t)(s->to - from)};
	return true;
}

/* A number, null, or an array (the journal writes binary fields so): passed over */
static bool skip_value(struct scan *s)
{
	unsigned int depth = 0;

	for (; s->at < s->end; s->at++) {
		if (*s->at == '[')
			depth++;
		else if (*s->at == ']' && depth)
			depth--;
		else if ((*s->at == ',' || *s->at == '}') && !depth)
			return true;
	}
	return false;
}

static uint64_t number(struct log_span s)
{
	uint64_t value = 0;

	for (size_t i = 0; i < s.length && s.at[i] >= '0' && s.at[i] <= '9' && value < UINT64_MAX / 100000;
	     i++)
		value = value * 10 + (uint64_t)(s.at[i] - '0');
	return value;
}

static bool is_key(struct log_span key, const char *name)
{
	return strlen(name) == key.length && memcmp(name, key.at, key.length) == 0;
}

static void append(struct scan *s, struct log_span text)
{
	for (size_t i = 0; i < text.length; i++)
		put(s, text.at[i]);
}

/* "host program: message", behind all else in the scratch */
static void show(struct scan *s, struct log_line *l)
{
	char *from = s->to;

	if (l->host.at) {
		append(s, l->host);
		put(s, ' ');
	}
	if (l->program.at) {
		append(s, l->program);
		put(s, ':');
		put(s, ' ');
	}
	append(s, l->message);
	l->shown = (struct log_span){from, (size_t)(s->to - from)};
}

static void keep(struct log_line *l, struct log_span key, struct log_span value)
{
	if (is_key(key, "MESSAGE"))
		l->message = value;
	else if (is_key(key, "_HOSTNAME"))
		l->host = value;
	else if (is_key(key, "SYSLOG_IDENTIFIER"))
		l->program = value;
	else if (is_key(key, "__REALTIME_TIMESTAMP"))
		l->at_ns = number(value) * 1000;
	else if (is_key(key, "THREAD"))
		l->thread = (unsigned int)number(value) & 0xffff;
	else if (is_key(key, "IKE_SA_NAME"))
		l->conn = value;
	else if (is_key(key, "IKE_SA_UNIQUE_ID"))
		l->id = number(value);
}

bool log_json_parse(struct log_parser *parser, const char *line, const char *end, struct log_line *ret)
{
	struct scan s = {line + 1, end, parser->scratch, parser->scratch + sizeof(parser->scratch)};
	struct log_line l = *ret;

	for (;;) {
		struct log_span key, value;
		char *mark;

		skip_blanks(&s);
		mark = s.to;
		if (!take_string(&s, &key))
			return false;
		skip_blanks(&s);
		if (s.at == s.end || *s.at++ != ':')
			return false;
		skip_blanks(&s);
		if (s.at < s.end && *s.at == '"') {
			if (!take_string(&s, &value))
				return false;
			keep(&l, key, value);
			/* What nobody points to makes room */
			if (!(value.at == l.message.at || value.at == l.host.at || value.at == l.program.at ||
			      value.at == l.conn.at))
				s.to = mark;
		} else if (!skip_value(&s)) {
			return false;
		} else {
			s.to = mark;
		}
		skip_blanks(&s);
		if (s.at < s.end && *s.at == ',') {
			s.at++;
			continue;
		}
		if (s.at == s.end || *s.at != '}')
			return false;
		break;
	}
	if (!l.message.at)
		return false;
	show(&s, &l);
	*ret = l;
	return true;
}
