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
#include "config_internal.h"
#include "export/journal.h"
#include "suggest.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const struct config_key *config_keys(size_t *ret_count)
{
	*ret_count = CONFIG_KEYS;
	return config_key_table;
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

	if (!config_number(port, 1, 65535, &number))
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
	if (config_settings[key].count_offset != SIZE_MAX)
		*(size_t *)((char *)config + config_settings[key].count_offset) = 0;
}

static int set(struct config *config, size_t key, const char *value, const char *where, char *error,
	       size_t error_size)
{
	const struct setting *s = &config_settings[key];

	if (s->set(s, config, value))
		return 0;
	return complain(error, error_size, -EINVAL, "%s%s '%s': must be %s", where,
			config_key_table[key].name, value, s->allowed);
}

/* ---- the file */

struct reading {
	const char *file;
	FILE *stream;
	struct config *config;
	bool seen[CONFIG_KEYS];
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
	const char *names[CONFIG_KEYS], *nearest;
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
	for (i = 0; i < CONFIG_KEYS; i++) {
		names[i] = config_key_table[i].name;
		if (strcmp(name, config_key_table[i].name) != 0)
			continue;
		snprintf(where, sizeof(where), "%s:%u: ", r->file, r->line);
		if (r->seen[i] && !config_key_table[i].many) {
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
	bool seen[CONFIG_KEYS] = {false};
	struct config config;
	size_t i;
	int err;

	memset(&config, 0, sizeof(config)); /* whole, for config_same() */
	strcpy(config.socket, DEFAULT_SOCKET);
	strcpy(config.bpffs, DEFAULT_BPFFS);
	config.xdp_mode = LIVE_XDP_AUTO;
	config.xfrm = true;
	config.firewall = true;
	strcpy(config.journal, JOURNAL_DEFAULT_PATH);
	config.keep = LIVE_KEEP_AUTO;
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
		.keep = config->keep,
		.bpffs = config->bpffs,
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

bool config_same(const struct config *a, const struct config *b, size_t key)
{
	const struct setting *s = &config_settings[key];
	const char *x = (const char *)a + s->offset, *y = (const char *)b + s->offset;
	size_t i, count, size;

	if (!s->text)
		return used(a, s) == used(b, s) && memcmp(x, y, used(a, s)) == 0;
	/* What a text holds behind its end means nothing either. */
	if (used(a, s) != used(b, s))
		return false;
	size = s->count_offset == SIZE_MAX ? s->size : s->size / s->max_count;
	count = used(a, s) / size;
	for (i = 0; i < count; i++)
		if (strcmp(x + i * size, y + i * size) != 0)
			return false;
	return true;
}

void config_copy(struct config *to, const struct config *from, size_t key)
{
	const struct setting *s = &config_settings[key];

	memcpy((char *)to + s->offset, (const char *)from + s->offset, s->size);
	if (s->count_offset != SIZE_MAX)
		memcpy((char *)to + s->count_offset, (const char *)from + s->count_offset, sizeof(size_t));
}
