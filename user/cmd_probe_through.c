// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd_probe_through.c - espial probe --through: from which address to which, by the tunnel's traffic selectors
 *
 * They come from the agent, which has them from the IKE daemon; else from the kernel's policies between the tunnel's ends.
 */
#include "cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_probe.h"
#include "cmd_tunnel.h"
#include "source/addresses.h"
#include "source/xfrm.h"

#define RANGES 64

/* Addresses as they are kept everywhere, which compares both families as bytes. */
struct range {
	uint8_t first[16], last[16];
	bool whole; /* of all protocols and ports */
};

struct selectors {
	struct range local[RANGES], remote[RANGES];
	size_t locals, remotes;
	char local_text[200], remote_text[200];
};

/* ---- selectors */

static bool set_prefix(struct range *r, unsigned int prefix)
{
	unsigned int bits = address_family(r->first) == 4 ? prefix + 96 : prefix, i;

	if (bits > 128)
		return false;
	memcpy(r->last, r->first, 16);
	for (i = bits; i < 128; i++) {
		r->first[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
		r->last[i / 8] |= (uint8_t)(0x80 >> i % 8);
	}
	return true;
}

/* "10.1.0.0/24", "10.1.0.1..10.1.0.9", "10.1.0.7/32[tcp/80]"; false: "dynamic", or none of these. */
static bool parse_range(char *text, struct range *ret)
{
	char *ports = strchr(text, '['), *slash = strchr(text, '/'), *dots = strstr(text, "..");
	unsigned long prefix = 128;

	ret->whole = !ports;
	if (ports)
		*ports = '\0';
	if (slash && ports && slash > ports)
		slash = NULL;
	if (slash)
		*slash++ = '\0';
	if (dots)
		*dots = '\0';
	if (!address_parse(text, ret->first))
		return false;
	if (dots)
		return address_parse(dots + 2, ret->last) && memcmp(ret->first, ret->last, 16) <= 0;
	prefix = slash ? strtoul(slash, NULL, 10) : address_family(ret->first) == 4 ? 32 : 128;
	return prefix <= 128 && set_prefix(ret, (unsigned int)prefix);
}

static size_t parse_ranges(const char *list, struct range ret[static RANGES])
{
	char copy[200], *rest = copy, *word;
	size_t count = 0;

	snprintf(copy, sizeof(copy), "%s", list);
	while (count < RANGES && (word = strsep(&rest, ", ")))
		if (*word && parse_range(word, &ret[count]))
			count++;
	return count;
}

static void read_agent(const json_t *tunnel, struct selectors *ret)
{
	const json_t *s = json_object_get(tunnel, "selectors");
	const char *local = json_string_value(json_object_get(s, "local"));
	const char *remote = json_string_value(json_object_get(s, "remote"));

	snprintf(ret->local_text, sizeof(ret->local_text), "%s", local ? local : "");
	snprintf(ret->remote_text, sizeof(ret->remote_text), "%s", remote ? remote : "");
	ret->locals = parse_ranges(ret->local_text, ret->local);
	ret->remotes = parse_ranges(ret->remote_text, ret->remote);
}

static void add_policy(const struct fact_selector *s, struct selectors *ret)
{
	struct range *local = &ret->local[ret->locals], *remote = &ret->remote[ret->remotes];
	char from[ADDRESS_TEXT], to[ADDRESS_TEXT];

	memcpy(local->first, s->source, 16);
	memcpy(remote->first, s->destination, 16);
	local->whole = remote->whole = !s->protocol;
	if (!set_prefix(local, s->source_prefix) || !set_prefix(remote, s->destination_prefix))
		return;
	if (!ret->locals) {
		snprintf(ret->local_text, sizeof(ret->local_text), "%s/%u", address_text(s->source, from),
			 s->source_prefix);
		snprintf(ret->remote_text, sizeof(ret->remote_text), "%s/%u",
			 address_text(s->destination, to), s->destination_prefix);
	}
	ret->locals++;
	ret->remotes++;
}

/* Of this host's policies those that send to the tunnel's other end. */
static void read_kernel(const json_t *tunnel, struct selectors *ret)
{
	uint8_t local[16] = {0}, remote[16] = {0};
	const struct fact_kernel *kernel;
	struct xfrm *x = NULL;
	char error[256];

	if (!address_parse(json_string_value(json_object_get(tunnel, "remote")), remote) ||
	    cmd_tunnel_kernel(&x, error, sizeof(error)))
		return;
	(void)address_parse(json_string_value(json_object_get(tunnel, "local")), local);
	kernel = xfrm_facts(x);
	for (size_t i = 0; i < kernel->policy_count && ret->locals < RANGES; i++) {
		const struct fact_policy *p = &kernel->policies[i];

		if (p->direction == FACT_OUT && !p->block && p->has_template &&
		    memcmp(p->destination, remote, 16) == 0 &&
		    (address_is_any(local) || memcmp(p->source, local, 16) == 0))
			add_policy(&p->selector, ret);
	}
	xfrm_close(x);
}

/* ---- the two addresses */

static bool is_in(const struct range *r, const uint8_t address[16])
{
	return memcmp(address, r->first, 16) >= 0 && memcmp(address, r->last, 16) <= 0;
}

static unsigned int common_bits(const struct range *r)
{
	unsigned int i;

	for (i = 0; i < 128 && !((r->first[i / 8] ^ r->last[i / 8]) & 0x80 >> i % 8); i++)
		;
	return i;
}

/* All of a family: as good as nothing told. */
static bool is_everything(const struct range *r)
{
	return common_bits(r) <= (address_family(r->first) == 4 ? 96 : 0);
}

static const uint8_t *own_in(const struct addresses *own, const struct range *r)
{
	for (size_t i = 0; i < own->count; i++)
		if (is_in(r, own->sorted[i]))
			return own->sorted[i];
	return NULL;
}

struct choice {
	const uint8_t *source; /* NULL: the kernel's choice */
	const struct range *remote;
};

/* Is this pair one for such packets of ours? */
static bool fits(const struct probe_request *q, const struct range *local, const struct range *remote,
		 const struct addresses *own, struct choice *ret)
{
	uint8_t address[16] = {0};

	*ret = (struct choice){.remote = remote};
	if (address_family(local->first) != address_family(remote->first))
		return false;
	/* Names are not looked up here: they may be right */
	if (address_parse(q->target, address) && !is_in(remote, address))
		return false;
	if (q->options.source)
		return !address_parse(q->options.source, address) || is_in(local, address);
	if (is_everything(local))
		return true;
	ret->source = own_in(own, local);
	return ret->source != NULL;
}

/* Pairs for all protocols before those for some. */
static bool choose(const struct probe_request *q, const struct selectors *s, const struct addresses *own,
		   struct choice *ret)
{
	for (size_t whole = 2; whole--;)
		for (size_t i = 0; i < s->remotes; i++)
			for (size_t j = 0; j < s->locals; j++)
				if (s->remote[i].whole == whole &&
				    fits(q, &s->local[j], &s->remote[i], own, ret))
					return true;
	return false;
}

/* The only address of a range; else the first one that may be a host. */
static int pick_target(struct probe_request *q, const struct selectors *s, const struct range *r)
{
	uint8_t target[16];

	if (is_everything(r))
		return cmd_cannot("--through %s: any address may be behind the peer (%s): name one that "
				  "answers with --target",
				  q->through, s->remote_text);
	memcpy(target, r->first, sizeof(target));
	if (memcmp(r->first, r->last, sizeof(target)) != 0) {
		target[15] |= 1; /* the first of a network is the network itself */
		snprintf(q->note, sizeof(q->note),
			 "the target is a guess, the first address of %.80s behind the peer; where it does "
			 "not answer, --target names a host that does",
			 s->remote_text);
	}
	q->target = address_text(target, q->found_target);
	return CMD_OK;
}

static int apply(struct probe_request *q, const struct selectors *s, const struct addresses *own)
{
	struct choice c;

	if (!choose(q, s, own, &c)) {
		if (q->options.source || q->target)
			return cmd_cannot("--through %s: it carries %s to %s, and not%s%s%s%s: leave that "
					  "out, or give both --source and --target",
					  q->through, s->local_text, s->remote_text,
					  q->options.source ? " from " : "",
					  q->options.source ? q->options.source : "", q->target ? " to " : "",
					  q->target ? q->target : "");
		return cmd_cannot("--through %s: no address of this host is in %s, the tunnel's local end, "
				  "so that its own packets do not go in: probe from a host that has one, "
				  "or name --source and --target",
				  q->through, s->local_text);
	}
	if (c.source)
		q->options.source = address_text(c.source, q->found_source);
	return q->target ? CMD_OK : pick_target(q, s, c.remote);
}

int probe_find_through(struct probe_request *q)
{
	const char *socket = q->socket ? q->socket : CMD_DEFAULT_SOCKET;
	bool needed = !q->target || q->socket; /* else the name is a name, and the kernel may choose */
	struct selectors *s = NULL;
	struct addresses own = {0};
	json_t *document = NULL;
	const json_t *tunnel;
	int status;

	if (q->target && q->options.source)
		return CMD_OK;
	if (!needed && cmd_tunnel_state_quiet(socket, &document))
		return CMD_OK;
	status = needed ? cmd_tunnel_state(socket, &document) : CMD_OK;
	if (status)
		return status;
	tunnel = needed ? cmd_tunnel_named(document, "--through", q->through)
			: cmd_tunnel_find(document, q->through);
	s = calloc(1, sizeof(*s));
	if (!tunnel) {
		status = needed ? CMD_CANNOT : CMD_OK;
	} else if (!s || addresses_refresh(&own)) {
		status = cmd_cannot("--through %s: the addresses of this host cannot be read", q->through);
	} else {
		read_agent(tunnel, s);
		if (!s->locals || !s->remotes) {
			s->locals = s->remotes = 0;
			read_kernel(tunnel, s);
		}
		if (s->remotes)
			status = apply(q, s, &own);
		else if (!q->target)
			status = cmd_cannot("--through %s: what this tunnel carries is not known: the agent "
					    "asks the IKE daemon (vici), and the kernel has no policy for "
					    "it; name --source and --target",
					    q->through);
	}
	addresses_free(&own);
	free(s);
	json_decref(document);
	return status;
}
