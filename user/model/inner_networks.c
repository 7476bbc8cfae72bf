// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/inner_networks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/address.h"

#define PREFIXES 129 /* lengths of a prefix, of 128 bits */

/* IPv4 is mapped, so that its prefixes are 96 bits longer; its addresses and those of IPv6 never match each other then. */
struct network {
	uint8_t address[16];
	uint32_t bits;
};

struct pair {
	struct network far, near;
	uint32_t tunnel;
};

struct inner_networks {
	struct pair *pair; /* in order of far.bits, far.address, and the longer near.bits first */
	size_t count, room;
	uint32_t lengths[PREFIXES]; /* of the far ends, the longest first */
	size_t length_count;
	const struct state_tunnel **by_ends; /* during inner_networks_learn() */
	size_t tunnel_count;
};

struct inner_networks *inner_networks_new(void)
{
	return calloc(1, sizeof(struct inner_networks));
}

void inner_networks_free(struct inner_networks *n)
{
	if (!n)
		return;
	free(n->pair);
	free(n);
}

static void mask(const uint8_t address[16], uint32_t bits, uint8_t ret[16])
{
	memset(ret, 0, 16);
	memcpy(ret, address, bits / 8);
	if (bits % 8)
		ret[bits / 8] = (uint8_t)(address[bits / 8] & (0xff00U >> bits % 8));
}

static bool holds(const struct network *network, const uint8_t address[16])
{
	uint8_t masked[16];

	mask(address, network->bits, masked);
	return memcmp(masked, network->address, 16) == 0;
}

static struct network network_of(uint8_t family, const uint8_t address[16], uint32_t prefix)
{
	struct network network = {.bits = prefix + (family == 4 ? 96 : 0)};
	uint8_t mapped[16];

	/* 0.0.0.0 may be given as no address at all. */
	if (family == 4)
		address_from_v4(address + 12, mapped);
	else
		memcpy(mapped, address, 16);
	if (network.bits > 128)
		network.bits = 128;
	mask(mapped, network.bits, network.address);
	return network;
}

/* -ENOMEM only; what is too much is left out. */
static int add(struct inner_networks *n, const struct network *near, const struct network *far,
	       uint32_t tunnel)
{
	if (n->count == INNER_NETWORKS)
		return 0;
	if (n->count == n->room) {
		size_t room = n->room ? n->room * 2 : 64;
		struct pair *grown = realloc(n->pair, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		n->pair = grown;
		n->room = room;
	}
	n->pair[n->count++] = (struct pair){*far, *near, tunnel};
	return 0;
}

/* ---- the kernel's policies: their tunnel is the one between the outer addresses, of that reqid if several are */

static int compare_ends(const void *a, const void *b)
{
	const struct state_tunnel *x = *(const struct state_tunnel *const *)a,
				  *y = *(const struct state_tunnel *const *)b;
	int order = memcmp(x->remote, y->remote, sizeof(x->remote));

	return order ? order : memcmp(x->local, y->local, sizeof(x->local));
}

static const struct state_tunnel *tunnel_of(const struct inner_networks *n, const struct fact_policy *policy)
{
	struct state_tunnel wanted;
	const struct state_tunnel *key = &wanted, *found = NULL;
	size_t low = 0, high = n->tunnel_count;

	memcpy(wanted.local, policy->source, sizeof(wanted.local));
	memcpy(wanted.remote, policy->destination, sizeof(wanted.remote));
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_ends(&n->by_ends[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < n->tunnel_count && compare_ends(&n->by_ends[low], &key) == 0; low++)
		if (!found || (policy->reqid && n->by_ends[low]->reqid == policy->reqid))
			found = n->by_ends[low];
	return found;
}

static int learn_kernel(struct inner_networks *n, const struct state *state, const struct fact_kernel *kernel)
{
	int err = 0;

	n->by_ends = calloc(state->tunnel_count, sizeof(struct state_tunnel *));
	if (!n->by_ends)
		return -ENOMEM;
	for (n->tunnel_count = 0; n->tunnel_count < state->tunnel_count; n->tunnel_count++)
		n->by_ends[n->tunnel_count] = &state->tunnels[n->tunnel_count];
	qsort(n->by_ends, n->tunnel_count, sizeof(struct state_tunnel *), compare_ends);
	for (size_t i = 0; i < kernel->policy_count && !err; i++) {
		const struct fact_policy *policy = &kernel->policies[i];
		const struct fact_selector *s = &policy->selector;
		const struct state_tunnel *tunnel;
		struct network near, far;

		if (policy->direction != FACT_OUT || policy->block || !policy->has_template ||
		    (policy->mode != FACT_TUNNEL && policy->mode != FACT_BEET))
			continue;
		tunnel = tunnel_of(n, policy);
		if (!tunnel)
			continue;
		near = network_of(s->family, s->source, s->source_prefix);
		far = network_of(s->family, s->destination, s->destination_prefix);
		err = add(n, &near, &far, (uint32_t)(tunnel - state->tunnels));
	}
	free(n->by_ends);
	n->by_ends = NULL;
	return err;
}

/* ---- selectors of daemons: "10.1.0.0/16,10.2.0.0/16[tcp/80]"; where ESP is not the kernel's nobody else knows */

static const char *const between = ", ";

/* The next of a list, or NULL. Ranges, which are no prefix, are left out. */
static const char *next_network(const char *list, struct network *ret)
{
	char text[ADDRESS_TEXT], *end;
	uint8_t address[16];

	for (list += strspn(list, between); *list; list += strspn(list, between)) {
		size_t length = strcspn(list, between), number = strcspn(list, "/[|, ");
		unsigned long prefix = 128;

		if (number < sizeof(text)) {
			memcpy(text, list, number);
			text[number] = '\0';
			if (address_parse(text, address)) {
				uint8_t family = address_family(address);

				if (list[number] == '/')
					prefix = strtoul(list + number + 1, &end, 10);
				else if (family == 4)
					prefix = 32;
				*ret = network_of(family, address, prefix > 128 ? 128 : (uint32_t)prefix);
				return list + length;
			}
		}
		list += length;
	}
	return NULL;
}

static int add_child(struct inner_networks *n, const struct fact_child *child, uint32_t tunnel)
{
	struct network near, far;
	int err = 0;

	for (const char *l = child->local_ts; !err && (l = next_network(l, &near)) != NULL;)
		for (const char *r = child->remote_ts; !err && (r = next_network(r, &far)) != NULL;)
			err = add(n, &near, &far, tunnel);
	return err;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp((*(const struct state_tunnel *const *)a)->name,
		      (*(const struct state_tunnel *const *)b)->name);
}

static int learn_daemons(struct inner_networks *n, const struct state *state,
			 const struct fact_daemon *daemons, size_t daemon_count)
{
	const struct state_tunnel **by_name = calloc(state->tunnel_count, sizeof(struct state_tunnel *)),
				  **found;
	struct state_tunnel *wanted = calloc(1, sizeof(*wanted));
	const struct state_tunnel *key = wanted;
	int err = by_name && wanted ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < state->tunnel_count; i++)
		by_name[i] = &state->tunnels[i];
	if (!err)
		qsort(by_name, state->tunnel_count, sizeof(struct state_tunnel *), compare_names);
	for (size_t d = 0; !err && d < daemon_count; d++) {
		for (size_t i = 0; !err && i < daemons[d].child_count; i++) {
			const struct fact_child *child = &daemons[d].children[i];

			if (child->mode != FACT_TUNNEL && child->mode != FACT_BEET)
				continue;
			memcpy(wanted->name, child->connection, sizeof(child->connection));
			found = bsearch(&key, by_name, state->tunnel_count, sizeof(struct state_tunnel *),
					compare_names);
			if (found)
				err = add_child(n, child, (uint32_t)(*found - state->tunnels));
		}
	}
	free(by_name);
	free(wanted);
	return err;
}

/* ---- */

static int compare_far(const struct network *a, const struct network *b)
{
	if (a->bits != b->bits)
		return a->bits > b->bits ? -1 : 1;
	return memcmp(a->address, b->address, sizeof(a->address));
}

static int compare_pairs(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	int order = compare_far(&x->far, &y->far);

	if (order)
		return order;
	if (x->near.bits != y->near.bits)
		return x->near.bits > y->near.bits ? -1 : 1;
	return (x->tunnel > y->tunnel) - (x->tunnel < y->tunnel);
}

int inner_networks_learn(struct inner_networks *n, const struct state *state,
			 const struct fact_kernel *kernel, const struct fact_daemon *daemons,
			 size_t daemon_count)
{
	int err = 0;

	n->count = n->length_count = 0;
	if (!state->tunnel_count)
		return 0;
	if (kernel && kernel->available && kernel->policy_count)
		err = learn_kernel(n, state, kernel);
	if (!err && daemon_count)
		err = learn_daemons(n, state, daemons, daemon_count);
	if (err)
		n->count = 0;
	if (n->count)
		qsort(n->pair, n->count, sizeof(*n->pair), compare_pairs);
	for (size_t i = 0; i < n->count; i++)
		if (!i || n->pair[i].far.bits != n->pair[i - 1].far.bits)
			n->lengths[n->length_count++] = n->pair[i].far.bits;
	return err;
}

/* The best pair with `far` behind its far end and `near` behind its near end. */
static const struct pair *find_way(const struct inner_networks *n, const uint8_t near[16],
				   const uint8_t far[16])
{
	for (size_t l = 0; l < n->length_count; l++) {
		struct network wanted = {.bits = n->lengths[l]};
		size_t low = 0, high = n->count;

		mask(far, wanted.bits, wanted.address);
		while (low < high) {
			size_t middle = low + (high - low) / 2;

			if (compare_far(&n->pair[middle].far, &wanted) < 0)
				low = middle + 1;
			else
				high = middle;
		}
		for (; low < n->count && compare_far(&n->pair[low].far, &wanted) == 0; low++)
			if (holds(&n->pair[low].near, near))
				return &n->pair[low];
	}
	return NULL;
}

uint32_t inner_networks_find(const struct inner_networks *n, const uint8_t one[16], const uint8_t other[16])
{
	const struct pair *there = find_way(n, one, other), *back = find_way(n, other, one);

	/* Both, when the networks of the ends overlap: the more exact one. */
	if (there && back)
		return back->far.bits > there->far.bits ? back->tunnel : there->tunnel;
	if (there || back)
		return there ? there->tunnel : back->tunnel;
	return STATE_NO_TUNNEL;
}
