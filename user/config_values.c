// SPDX-License-Identifier: GPL-2.0-or-later
/* config_values.c - the table of settings, and how each takes its value */
#include "config_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "export/journal.h"
#include "source/select.h"
#include "when.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

bool config_number(const char *text, uint64_t low, uint64_t high, uint64_t *ret)
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
	char(*names)[STATE_NAME] = (void *)((char *)config + s->offset);
	size_t *count = (size_t *)((char *)config + s->count_offset), length = strlen(value);

	if (!length || length >= STATE_NAME || strchr(value, '/') || *count == s->max_count ||
	    (s->low && strcmp(value, SELECT_AUTO) == 0))
		return false;
	memcpy(names[(*count)++], value, length + 1);
	return true;
}

static bool set_keep(const struct setting *s, struct config *config, const char *value)
{
	static const char *const words[] = {
		[LIVE_KEEP_AUTO] = "auto", [LIVE_KEEP_YES] = "yes", [LIVE_KEEP_NO] = "no"};
	size_t i;

	(void)s;
	for (i = 0; i < COUNT(words); i++) {
		if (strcmp(words[i], value) == 0) {
			config->keep = (enum live_keep)i;
			return true;
		}
	}
	return false;
}

/* Names in bpffs have no dots, and the last one is to be such a name. */
static bool set_bpffs(const struct setting *s, struct config *config, const char *value)
{
	const char *name = strrchr(value, '/');

	return *value == '/' && name[1] && !strchr(name, '.') && set_text(s, config, value);
}

/* One more of a list of texts. */
static bool add_text(const struct setting *s, struct config *config, const char *value)
{
	size_t *count = (size_t *)((char *)config + s->count_offset), room = s->size / s->max_count;

	if (!*value || strlen(value) >= room || *count == s->max_count)
		return false;
	memcpy((char *)config + s->offset + room * (*count)++, value, strlen(value) + 1);
	return true;
}

/* An absolute path, or "none"; several. */
static bool set_paths(const struct setting *s, struct config *config, const char *value)
{
	return (*value == '/' || strcmp(value, "none") == 0) && add_text(s, config, value);
}

/* A unit of systemd, "ike" or "none"; several. */
static bool set_units(const struct setting *s, struct config *config, const char *value)
{
	return *value != '-' && !strpbrk(value, "/ \t") && add_text(s, config, value);
}

static bool set_url(const struct setting *s, struct config *config, const char *value)
{
	size_t scheme = strncmp(value, "http://", 7) == 0 ? 7 : strncmp(value, "https://", 8) == 0 ? 8 : 0;

	if (strcmp(value, "none") == 0)
		return set_text(s, config, "");
	for (const char *c = value; *c; c++)
		if (*c <= ' ' || *c > '~' || *c == '"' || *c == '\\')
			return false;
	return scheme && value[scheme] && set_text(s, config, value);
}

/* A name as `ip netns` has it, or a path; several. */
static bool set_netns(const struct setting *s, struct config *config, const char *value)
{
	return *value && (*value == '/' || !strchr(value, '/')) && add_text(s, config, value);
}

/* A path, or "none". */
static bool set_journal(const struct setting *s, struct config *config, const char *value)
{
	return (*value == '/' || strcmp(value, "none") == 0) && set_text(s, config, value);
}

/* A command, or "none". */
static bool set_hook(const struct setting *s, struct config *config, const char *value)
{
	return *value && set_text(s, config, strcmp(value, "none") == 0 ? "" : value);
}

static bool set_duration(const struct setting *s, struct config *config, const char *value)
{
	uint64_t ns;

	if (when_duration(value, &ns) != 0 || ns < s->low || ns > s->high)
		return false;
	*(uint64_t *)((char *)config + s->offset) = ns;
	return true;
}

/* 0 for never, or a duration. */
static bool set_interval(const struct setting *s, struct config *config, const char *value)
{
	if (strcmp(value, "0") != 0)
		return set_duration(s, config, value);
	*(uint64_t *)((char *)config + s->offset) = 0;
	return true;
}

/* Bytes: a number, with K, M or G behind it for powers of 1024. */
static bool set_size(const struct setting *s, struct config *config, const char *value)
{
	static const char units[] = "KMG";
	size_t length = strlen(value);
	const char *unit = length ? strchr(units, value[length - 1]) : NULL;
	unsigned int shift = 0;
	char number[32];
	uint64_t n;

	if (!length || length >= sizeof(number))
		return false;
	memcpy(number, value, length + 1);
	if (unit) {
		shift = 10 * (unsigned int)(unit - units + 1);
		number[length - 1] = '\0';
	}
	if (!config_number(number, 1, s->high >> shift, &n) || n << shift < s->low)
		return false;
	*(uint64_t *)((char *)config + s->offset) = n << shift;
	return true;
}

static bool set_yes_no(const struct setting *s, struct config *config, const char *value)
{
	bool yes = strcmp(value, "yes") == 0;

	if (!yes && strcmp(value, "no") != 0)
		return false;
	*(bool *)((char *)config + s->offset) = yes;
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

static bool set_number(const struct setting *s, struct config *config, const char *value)
{
	return config_number(value, s->low, s->high, (uint64_t *)((char *)config + s->offset));
}

static bool set_power_of_two(const struct setting *s, struct config *config, const char *value)
{
	uint64_t n;

	if (!config_number(value, s->low, s->high, &n) || (n & (n - 1)))
		return false;
	*(uint64_t *)((char *)config + s->offset) = n;
	return true;
}

static bool set_port(const struct setting *s, struct config *config, const char *value)
{
	size_t *count = (size_t *)((char *)config + s->count_offset);

	if (*count == s->max_count ||
	    !config_number(value, s->low, s->high, (uint64_t *)((char *)config + s->offset) + *count))
		return false;
	++*count;
	return true;
}

#define MEMBER(m) .offset = offsetof(struct config, m), .size = sizeof(((struct config *)NULL)->m)
#define ONE .count_offset = SIZE_MAX

/* Same order as config_settings. */
const struct config_key config_key_table[] = {
	{"interface", "NAME",
	 "watch this interface, or all that match a glob, or 'auto': those with a default route (default)",
	 'i', true, true},
	{"inner", "NAME",
	 "watch this inner interface too, or all that match a glob: the MSS of TCP and who is told that "
	 "packets are "
	 "too big (default none)",
	 0, true, true},
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
	{"journal", "PATH", "keep what happens in this file, or none (default " JOURNAL_DEFAULT_PATH ")", 0,
	 false, false},
	{"journal-max-age", "DURATION", "forget entries older than this (default 90d)", 0, false, false},
	{"journal-max-size", "BYTES", "size of the file, at most, as 64M (default 256M)", 0, false, false},
	{"vici", "PATH", "socket of a strongSwan daemon to ask, or none (default /run/charon.vici)", 0, true,
	 false},
	{"xfrm", "YES|NO", "read the kernel's SAs and policies, without keys (default yes)", 0, false, false},
	{"firewall", "YES|NO", "read the firewall's NAT rules, by nft and iptables-save (default yes)", 0,
	 false, false},
	{"netns", "NAME", "read SAs and policies of this network namespace too: a name, or a path", 0, true,
	 false},
	{"probe-interval", "DURATION",
	 "measure the path to the peer of each tunnel so often, as 6h, or never (default 0)", 0, false,
	 false},
	{"probe-on-finding", "YES|NO", "measure the path when a finding asks for it (default no)", 0, false,
	 false},
	{"keep", "?WHEN",
	 "at the end leave programs and counters in the kernel for the next agent: yes, no, or auto: as a "
	 "service, or when they were left for this one (default)",
	 0, false, false},
	{"bpffs", "PATH", "directory for what is kept (default " DEFAULT_BPFFS ")", 0, false, false},
	{"hook-command", "COMMAND",
	 "run this when a finding is raised or cleared, with JSON on standard input (default none)", 0, false,
	 false},
	{"hook-url", "URL", "POST the same JSON to this http or https address, by curl (default none)", 0,
	 false, false},
	{"log-file", "PATH",
	 "follow this log of an IKE daemon or router, and diagnose it too; rotation is fine (default none)",
	 0, true, false},
	{"log-journal", "UNIT",
	 "follow the systemd journal of this unit, or ike: of all IKE daemons, and diagnose it too (default "
	 "none)",
	 0, true, false},
};

const struct setting config_settings[] = {
	{set_interface, MEMBER(interface), .text = true,
	 .count_offset = offsetof(struct config, interface_count), .max_count = CONFIG_INTERFACES,
	 .allowed = "an interface name below 64 letters, a glob, or auto; at most 64 of them"},
	{set_interface, MEMBER(inner), .text = true, .count_offset = offsetof(struct config, inner_count),
	 .max_count = CONFIG_INTERFACES, .low = 1,
	 .allowed = "an interface name below 64 letters, or a glob; at most 64 of them"},
	{set_xdp_mode, MEMBER(xdp_mode), ONE, .allowed = "auto, native, generic or off"},
	{set_text, MEMBER(socket), ONE, .text = true, .low = 1, .allowed = "a path below 108 bytes"},
	{set_listen, MEMBER(listen), ONE, .text = true,
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
	{set_journal, MEMBER(journal), ONE, .text = true,
	 .allowed = "none, or an absolute path below 108 bytes"},
	{set_duration, MEMBER(journal_max_age), ONE, .low = UINT64_C(3600000000000),
	 .high = UINT64_C(10) * 366 * 86400 * 1000000000,
	 .allowed = "a duration from 1h to ten years, as 90d"},
	{set_size, MEMBER(journal_max_size), ONE, .low = JOURNAL_BYTES_MIN, .high = UINT64_C(1) << 40,
	 .allowed = "a size from 4M to 1024G"},
	{set_paths, MEMBER(vici), .text = true, .count_offset = offsetof(struct config, vici_count),
	 .max_count = CONFIG_VICI, .allowed = "none, or an absolute path below 108 bytes, at most 8 of them"},
	{set_yes_no, MEMBER(xfrm), ONE, .allowed = "yes or no"},
	{set_yes_no, MEMBER(firewall), ONE, .allowed = "yes or no"},
	{set_netns, MEMBER(netns), .text = true, .count_offset = offsetof(struct config, netns_count),
	 .max_count = CONFIG_NETNS,
	 .allowed = "a name as `ip netns` has it, or an absolute path below 108 bytes, at most 8 of them"},
	{set_interval, MEMBER(probe_interval), ONE, .low = UINT64_C(600000000000),
	 .high = UINT64_C(366) * 86400 * 1000000000, .allowed = "0, or a duration from 10m to a year, as 6h"},
	{set_yes_no, MEMBER(probe_on_finding), ONE, .allowed = "yes or no"},
	{set_keep, MEMBER(keep), ONE, .allowed = "yes, no or auto"},
	{set_bpffs, MEMBER(bpffs), ONE, .text = true,
	 .allowed = "an absolute path below 108 bytes, without dots in its last name"},
	{set_hook, MEMBER(hook_command), ONE, .text = true,
	 .allowed = "none, or a command below 160 bytes: put more into a script"},
	{set_url, MEMBER(hook_url), ONE, .text = true,
	 .allowed = "none, or http://… or https://… below 160 bytes, without blanks, quotes and backslashes"},
	{set_paths, MEMBER(log_file), .text = true, .count_offset = offsetof(struct config, log_file_count),
	 .max_count = CONFIG_LOGS, .allowed = "none, or an absolute path below 108 bytes, at most 8 of them"},
	{set_units, MEMBER(log_journal), .text = true,
	 .count_offset = offsetof(struct config, log_journal_count), .max_count = CONFIG_LOGS,
	 .allowed = "none, ike, or a unit of systemd below 108 bytes, at most 8 of them"},
};
_Static_assert(COUNT(config_key_table) == CONFIG_KEYS && COUNT(config_settings) == CONFIG_KEYS,
	       "a key and its setting");
