// SPDX-License-Identifier: GPL-2.0-or-later
/* config.c - one table of settings, for the command line and the configuration file alike */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ini.h>

#include "complain.h"
#include "suggest.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define DEFAULT_SOCKET "/run/espial/espial.sock"

struct setting;

/* Stores `value`; false: not allowed, which setting->allowed describes. */
typedef bool (*setter)(const struct setting *setting, struct config *config, const char *value);

struct setting {
	setter set;
	size_t offset, size; /* of the member */
	size_t count_offset; /* of the number of values; SIZE_MAX: one value */
	size_t max_count;
	uint64_t low, high;
	const char *allowed;
};

static bool set_text(const struct setting *s, struct config *config, const char *value)
{
	char *to = (char *)config + s->offset;

	if (strlen(value) >= s->size || (!*value && s->low))
		return false;
	memcpy(to, value, strlen(value) + 1);
	return true;
}

static bool set_interface(const struct setting *s, struct config *config, const char *value)
{
	size_t length = strlen(value);

	if (!length || length >= STATE_NAME || strchr(value, '/') || config->interface_count == s->max_count)
		return false;
	memcpy(config->interface[config->interface_count++], value, length + 1);
	return true;
}

static const char *const xdp_modes[] = {[LIVE_XDP_AUTO] = "auto",
					[LIVE_XDP_NATIVE] = "native",
					[LIVE_XDP_GENERIC] = "generic",
					[LIVE_XDP_OFF] = "off"};

static bool set_xdp_mode(const struct setting *s, struct config *config, const char *value)
{
	size_t i;

	(void)s;
	for (i = 0; i < COUNT(xdp_modes); i++) {
		if (strcmp(xdp_modes[i], value) == 0) {
			config->xdp_mode = (enum live_xdp_mode)i;
			return true;
		}
	}
	return false;
}

static bool set_listen(const struct setting *s, struct config *config, const char *value)
{
	char address[64], error[CONFIG_ERROR];
	uint16_t port;

	return config_listen(value, address, &port, error, sizeof(error)) == 0 && set_text(s, config, value);
}

static bool parse_number(const char *text, uint64_t low, uint64_t high, uint64_t *ret)
{
	unsigned long long n;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || *end || n < low || n > high)
		return false;
	*ret = n;
	return true;
}

static bool set_number(const struct setting *s, struct config *config, const char *value)
{
	return parse_number(value, s->low, s->high, (uint64_t *)((char *)config + s->offset));
}

static bool set_power_of_two(const struct setting *s, struct config *config, const char *value)
{
	uint64_t n;

	if (!parse_number(value, s->low, s->high, &n) || (n & (n - 1)))
		return false;
	*(uint64_t *)((char *)config + s->offset) = n;
	return true;
}

static bool set_port(const struct setting *s, struct config *config, const char *value)
{
	size_t *count = (size_t *)((char *)config + s->count_offset);

	if (*count == s->max_count ||
	    !parse_number(value, s->low, s->high, (uint64_t *)((char *)config + s->offset) + *count))
		return false;
	++*count;
	return true;
}

#define MEMBER(m) .offset = offsetof(struct config, m), .size = sizeof(((struct config *)NULL)->m)
#define ONE .count_offset = SIZE_MAX

/* Same order as `settings`. */
static const struct config_key keys[] = {
	{"interface", "NAME",
	 "watch this interface, or all that match a glob, or 'auto': those with a default route (default)",
	 'i', true, true},
	{"xdp-mode", "MODE", "auto (default), native, generic, or off: tc ingress", 0, false, true},
	{"socket", "PATH", "answer on this Unix socket (default " DEFAULT_SOCKET ")", 0, false, false},
	{"listen", "[ADDR:]PORT", "answer on this TCP address too (loopback when only a port is given)", 0,
	 false, true},
	{"sa-capacity", "N", "SAs to have room for (default 4096)", 0, false, false},
	{"newcomer-sets", "N", "sets of four SAs not yet known to be one (default 1024)", 0, false, false},
	{"fragment-sets", "N", "sets of four fragmented packets (default 1024)", 0, false, false},
	{"ring-bytes", "N", "buffer for IKE messages and ICMP errors (default 4194304)", 0, false, false},
	{"events-per-second", "N", "IKE messages and ICMP errors per CPU, at most (default 2000)", 0, false,
	 false},
	{"ike-port", "PORT", "UDP port of IKE, up to two (default 500)", 0, true, false},
	{"natt-port", "PORT", "UDP port of NAT traversal, up to two (default 4500)", 0, true, false},
};

static const struct setting settings[] = {
	{set_interface, MEMBER(interface), .count_offset = offsetof(struct config, interface_count),
	 .max_count = CONFIG_INTERFACES,
	 .allowed = "an interface name below 64 letters, a glob, or auto; at most 64 of them"},
	{set_xdp_mode, MEMBER(xdp_mode), ONE, .allowed = "auto, native, generic or off"},
	{set_text, MEMBER(socket), ONE, .low = 1, .allowed = "a path below 108 bytes"},
	{set_listen, MEMBER(listen), ONE,
	 .allowed = "PORT, IPV4:PORT or [IPV6]:PORT with a port from 1 to 65535, and addresses in numbers"},
	{set_number, MEMBER(sa_capacity), ONE, .low = 16, .high = 1u << 20,
	 .allowed = "a number from 16 to 1048576"},
	{set_power_of_two, MEMBER(newcomer_sets), ONE, .low = 16, .high = 1u << 20,
	 .allowed = "a power of two from 16 to 1048576"},
	{set_power_of_two, MEMBER(fragment_sets), ONE, .low = 16, .high = 1u << 20,
	 .allowed = "a power of two from 16 to 1048576"},
	{set_power_of_two, MEMBER(ring_bytes), ONE, .low = 65536, .high = 1u << 30,
	 .allowed = "a power of two from 65536 to 1073741824"},
	{set_number, MEMBER(events_per_second), ONE, .low = 1, .high = 1000000,
	 .allowed = "a number from 1 to 1000000"},
	{set_port, MEMBER(ike_port), .count_offset = offsetof(struct config, ike_port_count), .max_count = 2,
	 .low = 1, .high = 65535, .allowed = "a port from 1 to 65535, at most two of them"},
	{set_port, MEMBER(natt_port), .count_offset = offsetof(struct config, natt_port_count),
	 .max_count = 2, .low = 1, .high = 65535, .allowed = "a port from 1 to 65535, at most two of them"},
};
_Static_assert(COUNT(keys) == COUNT(settings), "a key and its setting");

const struct config_key *config_keys(size_t *ret_count)
{
	*ret_count = COUNT(keys);
	return keys;
}

int config_give(struct config_list *list, size_t key, const char *value)
{
	if (list->count == COUNT(list->given))
		return -ENOSPC;
	list->given[list->count++] = (struct config_given){key, value};
	return 0;
}

int config_listen(const char *value, char ret_address[64], uint16_t *ret_port, char *error, size_t error_size)
{
	const char *colon = strrchr(value, ':'), *port = colon ? colon + 1 : value;
	char address[64] = "127.0.0.1";
	struct in6_addr v6;
	struct in_addr v4;
	uint64_t number;

	if (!parse_number(port, 1, 65535, &number))
		return complain(error, error_size, -EINVAL,
				"listen '%s': '%s' is no port: give one from 1 to 65535", value, port);
	if (colon) {
		size_t length = (size_t)(colon - value);
		bool brackets = length >= 2 && value[0] == '[' && colon[-1] == ']';

		if (brackets)
			length -= 2;
		if (length >= sizeof(address))
			return complain(error, error_size, -EINVAL, "listen '%s': no address", value);
		memcpy(address, value + brackets, length);
		address[length] = '\0';
		if (brackets ? inet_pton(AF_INET6, address, &v6) != 1 : inet_pton(AF_INET, address, &v4) != 1)
			return complain(error, error_size, -EINVAL,
					"listen '%s': '%s' is no address: give numbers, as 127.0.0.1:9641 or "
					"[::1]:9641",
					value, address);
	}
	memcpy(ret_address, address, sizeof(address));
	*ret_port = (uint16_t)number;
	return 0;
}

/* The first value of a list from a source of more weight replaces what sources of less weight gave. */
static void forget(struct config *config, size_t key)
{
	if (settings[key].count_offset != SIZE_MAX)
		*(size_t *)((char *)config + settings[key].count_offset) = 0;
}

static int set(struct config *config, size_t key, const char *value, const char *where, char *error,
	       size_t error_size)
{
	const struct setting *s = &settings[key];

	if (s->set(s, config, value))
		return 0;
	return complain(error, error_size, -EINVAL, "%s%s '%s': must be %s", where, keys[key].name, value,
			s->allowed);
}

/* ---- the file */

struct reading {
	const char *file;
	FILE *stream;
	struct config *config;
	bool seen[COUNT(keys)];
	unsigned int line; /* of what inih handles at the moment */
	int err;
	char *error;
	size_t error_size;
};

static void check_section(struct reading *r, const char *line)
{
	static const char *const sections[] = {"run"};
	const char *end;
	char name[64];

	line += strspn(line, " \t");
	end = strchr(line, ']');
	if (r->err || *line != '[' || !end || strncmp(line, "[run]", 5) == 0)
		return;
	snprintf(name, sizeof(name), "%.*s", (int)(end - line - 1), line + 1);
	r->err = complain(
		r->error, r->error_size, -EINVAL, "%s:%u: no section [%s]: %s[%s]", r->file, r->line, name,
		suggest_nearest(name, sections, COUNT(sections)) ? "did you mean " : "there is only ",
		sections[0]);
}

/* inih tells no line numbers, splits long lines and is silent about empty sections: so lines pass through here. */
static char *read_line(char *buffer, int size, void *arg)
{
	struct reading *r = arg;

	if (r->err || !fgets(buffer, size, r->stream))
		return NULL;
	r->line++;
	if (!strchr(buffer, '\n') && !feof(r->stream)) {
		r->err = complain(r->error, r->error_size, -EINVAL,
				  "%s:%u: line of more than %d bytes: make it shorter", r->file, r->line,
				  size - 2);
		return NULL;
	}
	check_section(r, buffer);
	return r->err ? NULL : buffer;
}

static int handle(void *arg, const char *section, const char *name, const char *value)
{
	const char *names[COUNT(keys)], *nearest;
	struct reading *r = arg;
	char where[256];
	size_t i;

	if (r->err)
		return 1;
	if (strcmp(section, "run") != 0) {
		r->err =
			complain(r->error, r->error_size, -EINVAL,
				 "%s:%u: '%s' is in no section: put [run] before it", r->file, r->line, name);
		return 1;
	}
	for (i = 0; i < COUNT(keys); i++) {
		names[i] = keys[i].name;
		if (strcmp(name, keys[i].name) != 0)
			continue;
		snprintf(where, sizeof(where), "%s:%u: ", r->file, r->line);
		if (r->seen[i] && !keys[i].many) {
			r->err = complain(r->error, r->error_size, -EINVAL, "%s%s is given twice: remove one",
					  where, name);
			return 1;
		}
		if (!r->seen[i])
			forget(r->config, i);
		r->seen[i] = true;
		r->err = set(r->config, i, value, where, r->error, r->error_size);
		return 1;
	}
	nearest = suggest_nearest(name, names, COUNT(names));
	r->err = nearest ? complain(r->error, r->error_size, -EINVAL,
				    "%s:%u: no key '%s': did you mean '%s'?", r->file, r->line, name, nearest)
			 : complain(r->error, r->error_size, -EINVAL,
				    "%s:%u: no key '%s': `espial run --help` lists them as options", r->file,
				    r->line, name);
	return 1;
}

static int read_file(const char *file, struct config *config, char *error, size_t error_size)
{
	struct reading r = {.file = file, .config = config, .error = error, .error_size = error_size};
	int bad, err;

	r.stream = fopen(file, "re");
	if (!r.stream) {
		err = -errno;
		return complain(error, error_size, err, "configuration file %s: %s", file, strerror(-err));
	}
	bad = ini_parse_stream(read_line, &r, handle, &r);
	if (!r.err && ferror(r.stream))
		r.err = complain(error, error_size, -EIO, "configuration file %s: %s", file, strerror(errno));
	if (!r.err && bad > 0)
		r.err = complain(error, error_size, -EINVAL, "%s:%d: neither [section] nor name = value",
				 file, bad);
	if (!r.err && bad < 0)
		r.err = complain(error, error_size, -ENOMEM, "configuration file %s: no memory", file);
	fclose(r.stream);
	return r.err;
}

static void ports(__u16 to[2], const uint64_t *from, size_t count, uint16_t standard)
{
	to[0] = count ? (uint16_t)from[0] : standard;
	to[1] = count > 1 ? (uint16_t)from[1] : to[0];
}

/* What is behind a port of NAT traversal begins with a marker or is ESP, what is behind one of IKE does not and is not. */
static int check_ports(const struct config *config, char *error, size_t error_size)
{
	__u16 ike[2], natt[2];

	ports(ike, config->ike_port, config->ike_port_count, ESP_PORT_IKE);
	ports(natt, config->natt_port, config->natt_port_count, ESP_PORT_NATT);
	for (size_t i = 0; i < 4; i++)
		if (ike[i / 2] == natt[i % 2])
			return complain(error, error_size, -EINVAL,
					"port %u: cannot be both an ike-port and a natt-port", ike[i / 2]);
	return 0;
}

int config_build(const char *file, const struct config_list *list, struct config *ret, char *error,
		 size_t error_size)
{
	bool seen[COUNT(keys)] = {false};
	struct config config;
	size_t i;
	int err;

	memset(&config, 0, sizeof(config)); /* whole, for config_same() */
	strcpy(config.socket, DEFAULT_SOCKET);
	config.xdp_mode = LIVE_XDP_AUTO;
	if (file) {
		err = read_file(file, &config, error, error_size);
		if (err)
			return err;
	}
	for (i = 0; list && i < list->count; i++) {
		const struct config_given *g = &list->given[i];

		if (!seen[g->key])
			forget(&config, g->key);
		seen[g->key] = true;
		err = set(&config, g->key, g->value, "--", error, error_size);
		if (err)
			return err;
	}
	err = check_ports(&config, error, error_size);
	if (!err)
		*ret = config;
	return err;
}

/* ---- and what is made of it */

void config_live_options(const struct config *config, const char *names[CONFIG_INTERFACES],
			 struct live_options *ret)
{
	size_t i;

	for (i = 0; i < config->interface_count; i++)
		names[i] = config->interface[i];
	*ret = (struct live_options){
		.interfaces = names,
		.interface_count = config->interface_count,
		.xdp_mode = config->xdp_mode,
		.sa_capacity = (uint32_t)config->sa_capacity,
		.newcomer_sets = (uint32_t)config->newcomer_sets,
		.fragment_sets = (uint32_t)config->fragment_sets,
		.ring_bytes = (uint32_t)config->ring_bytes,
		.events_per_second = (uint32_t)config->events_per_second,
	};
	ports(ret->ports.ike, config->ike_port, config->ike_port_count, ESP_PORT_IKE);
	ports(ret->ports.natt, config->natt_port, config->natt_port_count, ESP_PORT_NATT);
}

/* What a list holds behind its count means nothing. */
static size_t used(const struct config *config, const struct setting *s)
{
	return s->count_offset == SIZE_MAX
		       ? s->size
		       : s->size / s->max_count * *(const size_t *)((const char *)config + s->count_offset);
}

static bool is_text(const struct setting *s)
{
	return s->set == set_text || s->set == set_listen;
}

bool config_same(const struct config *a, const struct config *b, size_t key)
{
	const struct setting *s = &settings[key];
	const char *x = (const char *)a + s->offset, *y = (const char *)b + s->offset;
	size_t i;

	if (is_text(s))
		return strcmp(x, y) == 0;
	if (used(a, s) != used(b, s))
		return false;
	if (s->set != set_interface)
		return memcmp(x, y, used(a, s)) == 0;
	for (i = 0; i < a->interface_count; i++)
		if (strcmp(a->interface[i], b->interface[i]) != 0)
			return false;
	return true;
}

void config_copy(struct config *to, const struct config *from, size_t key)
{
	const struct setting *s = &settings[key];

	memcpy((char *)to + s->offset, (const char *)from + s->offset, s->size);
	if (s->count_offset != SIZE_MAX)
		memcpy((char *)to + s->count_offset, (const char *)from + s->count_offset, sizeof(size_t));
}
