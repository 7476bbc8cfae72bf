// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tunnel_facts.c - what the kernel and the IKE daemons say: names of tunnels, child SAs with their pairs, what should be up
 *
 * A connection has one tunnel, called like it; one with several peers has one for each, called NAME/PEER. A tunnel that was named
 * after its ends before takes the name once, with all that it counted.
 */
#include "model/tunnel_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/address.h"

#define SEARCH 1000000 /* connections times tunnels: looked through for ends that only one of both tells */

/* ---- names ---- */

/* Does the connection take any peer? IKE SAs come in much the same order as connections: `hint` is where to begin. */
static bool takes_several(const struct fact_daemon *daemon, const char *name, size_t hint)
{
	for (size_t i = 0; i < daemon->connection_count; i++) {
		const struct fact_connection *c = &daemon->connections[(hint + i) % daemon->connection_count];

		if (strcmp(c->name, name) == 0)
			return !address_known(c->remote);
	}
	return false;
}

static bool has_ends(const struct tunnel *tunnel, const uint8_t local[16], const uint8_t remote[16])
{
	return address_is(tunnel->local, local) && address_is(tunnel->remote, remote);
}

static bool is_free(const struct tunnel *tunnel)
{
	const struct tunnel_link *link;

	LIST_FOREACH(link, &tunnel->links, in_tunnel)
	{
		if (link->state == CONVERSATION_ESTABLISHED)
			return false;
	}
	return true;
}

/* The connection's name, with the peer behind it where it has several. */
static void name_of(struct tunnels *t, const struct fact_daemon *daemon, const struct fact_ike *ike,
		    char ret[static TIMELINE_TUNNEL])
{
	const struct tunnel *holder = tunnel_table_named(t, ike->connection);
	bool several = takes_several(daemon, ike->connection, (size_t)(ike - daemon->ikes));
	char address[56];

	snprintf(ret, TIMELINE_TUNNEL, "%s", ike->connection);
	if (holder ? has_ends(holder, ike->local, ike->remote) || (!several && is_free(holder)) : !several)
		return;
	address_text(ike->remote, address);
	snprintf(ret, TIMELINE_TUNNEL, "%s/%s", ike->connection, address);
}

static struct tunnel *tunnel_of_ike(struct tunnels *t, const struct fact_daemon *daemon,
				    const struct fact_ike *ike)
{
	struct tunnel_pair pair = {.address = {ike->local, ike->remote},
				   .port = {unusual_port(ike->local_port), unusual_port(ike->remote_port)},
				   .first_local = true};
	const struct conversation_sa *sa =
		t->input->ike && ike->initiator_spi
			? conversation_find(t->input->ike, ike->initiator_spi, ike->responder_spi)
			: NULL;
	struct tunnel_link *link = sa ? tunnel_table_link(t, sa->id) : NULL;
	struct tunnel *tunnel, *before;
	char name[TIMELINE_TUNNEL];
	unsigned int local;

	name_of(t, daemon, ike, name);
	tunnel = tunnel_table_named(t, name);
	before = link ? link->tunnel : tunnel_table_pair(t, &pair, &local);
	if (!tunnel && before && !before->named) {
		tunnel_table_rename(t, before, name, true);
		tunnel = before;
	}
	if (!tunnel) {
		tunnel = tunnel_table_new(t, ike->local, ike->remote, pair.port, t->now_ns);
		if (!tunnel)
			return NULL;
		tunnel_table_rename(t, tunnel, name, true);
	}
	if (!has_ends(tunnel, ike->local, ike->remote))
		tunnel_table_move(t, tunnel, ike->local, ike->remote);
	tunnel->named = true;
	tunnel_table_settle(t, tunnel);
	if (link && link->tunnel != tunnel)
		tunnel_table_move_link(link, tunnel);
	return tunnel;
}

static struct tunnel *search(struct tunnels *t, const struct fact_connection *connection)
{
	struct tunnel *tunnel;

	TAILQ_FOREACH(tunnel, &t->all, in_all)
	{
		if (!tunnel->named && address_is(tunnel->remote, connection->remote) &&
		    (!address_known(connection->local) || address_is(tunnel->local, connection->local)))
			return tunnel;
	}
	return NULL;
}

/* What is configured and not there is a tunnel as well: one that is down. */
static void name_connection(struct tunnels *t, const struct fact_daemon *daemon,
			    const struct fact_connection *connection)
{
	struct tunnel *tunnel = tunnel_table_named(t, connection->name);

	if (!tunnel && address_known(connection->remote)) {
		if ((uint64_t)daemon->connection_count * t->stats.tunnels < SEARCH)
			tunnel = search(t, connection);
		if (!tunnel)
			tunnel = tunnel_table_new(t, connection->local, connection->remote,
						  (const uint16_t[2]){0, 0}, t->now_ns);
		if (tunnel)
			tunnel_table_rename(t, tunnel, connection->name, true);
	}
	if (!tunnel)
		return;
	tunnel_table_settle(t, tunnel);
	tunnel->named = true;
	tunnel->told = TOLD_DOWN;
	tunnel->told_by = TIMELINE_FROM_VICI;
	tunnel->told_ns = daemon->snapshot_ns;
	snprintf(tunnel->told_text, sizeof(tunnel->told_text),
		 "configured in the IKE daemon, which has no IKE SA for it");
}

/* ---- child SAs ---- */

struct tunnel_child *tunnel_facts_child(struct tunnels *t, struct tunnel *tunnel,
					const uint8_t destination[16], uint32_t spi, uint8_t protocol,
					uint64_t added_ns, enum timeline_origin origin)
{
	uint8_t family = address_family(destination);
	struct tunnel_child *child = tunnel_table_child(t, destination, spi, protocol, family);
	bool new = !child;

	if (new)
		child = tunnel_table_new_child(t, tunnel, destination, spi, protocol, family);
	if (!child)
		return NULL;
	if (child->tunnel != tunnel)
		tunnel_table_move_child(child, tunnel);
	child->side = address_is(destination, tunnel->remote) ? SIDE_OUT : SIDE_IN;
	child->installed = t->fact_look;
	if (added_ns && !child->added_ns)
		child->added_ns = added_ns;
	if (new)
		tunnel_sa_begins(t, child, added_ns ? added_ns : t->now_ns, origin);
	return child;
}

static void fold_daemon_child(struct tunnels *t, const struct fact_child *fact, struct tunnel *tunnel)
{
	struct tunnel_child *in, *out;
	bool stands = fact->state == FACT_CHILD_INSTALLED || fact->state == FACT_CHILD_REKEYING;

	if (!stands && fact->state != FACT_CHILD_REKEYED && fact->state != FACT_CHILD_DELETING)
		return;
	if (stands) {
		tunnel->told = TOLD_UP;
		tunnel->daemon_had = true;
		tunnel->reqid = fact->reqid;
		tunnel->if_id = fact->if_id_out;
		snprintf(tunnel->told_text, sizeof(tunnel->told_text),
			 "the IKE daemon has child SA %.40s installed", fact->name);
		snprintf(tunnel->local_ts, sizeof(tunnel->local_ts), "%s", fact->local_ts);
		snprintf(tunnel->remote_ts, sizeof(tunnel->remote_ts), "%s", fact->remote_ts);
		tunnel->suite.by_kernel = false;
		tunnel->suite.udp = fact->encapsulated;
		tunnel->suite.protocol = fact->protocol == 51 ? MTU_AH : MTU_ESP;
		if (mtu_names_mode(fact->mode, &tunnel->suite.mode) ||
		    mtu_names_daemon(fact->suite, tunnel->suite.proposal))
			tunnel->suite.proposal[0] = '\0';
	}
	if (!fact->spi_in || !fact->spi_out)
		return;
	in = tunnel_facts_child(t, tunnel, tunnel->local, fact->spi_in, fact->protocol, fact->installed_ns,
				TIMELINE_FROM_VICI);
	out = tunnel_facts_child(t, tunnel, tunnel->remote, fact->spi_out, fact->protocol, fact->installed_ns,
				 TIMELINE_FROM_VICI);
	if (!in || !out)
		return;
	in->reqid = out->reqid = fact->reqid;
	tunnel_pair_exact(in, out);
}

static void fold_daemon_ike(struct tunnels *t, const struct fact_daemon *daemon, const struct fact_ike *ike,
			    struct tunnel *tunnel)
{
	bool connecting = ike->state == FACT_IKE_CONNECTING;

	(void)t;
	/* Of several IKE SAs of a connection that one counts that got farthest */
	if (tunnel->told > TOLD_CONNECTING && tunnel->told_ns == daemon->snapshot_ns)
		return;
	tunnel->told = connecting			 ? TOLD_CONNECTING
		       : ike->state == FACT_IKE_DELETING ? TOLD_NOTHING
							 : TOLD_IKE_ONLY;
	tunnel->told_by = TIMELINE_FROM_VICI;
	tunnel->told_ns = daemon->snapshot_ns;
	snprintf(tunnel->told_text, sizeof(tunnel->told_text), "the IKE daemon has IKE SA #%llu %s",
		 (unsigned long long)ike->unique_id, connecting ? "connecting" : "without a child SA");
}

/* Children come in the order of their IKE SAs, mostly: the search goes on where the last one ended. */
static void fold_daemon(struct tunnels *t, const struct fact_daemon *daemon)
{
	struct tunnel **of = calloc(daemon->ike_count + 1, sizeof(struct tunnel *));
	size_t at = 0, tries;

	if (!of) {
		t->failed = true;
		return;
	}
	for (size_t i = 0; i < daemon->ike_count; i++) {
		const struct fact_ike *ike = &daemon->ikes[i];

		if (!ike->connection[0] || !address_known(ike->remote))
			continue;
		of[i] = tunnel_of_ike(t, daemon, ike);
		if (of[i])
			fold_daemon_ike(t, daemon, ike, of[i]);
	}
	for (size_t i = 0; i < daemon->child_count && daemon->ike_count; i++) {
		const struct fact_child *child = &daemon->children[i];

		for (tries = 0;
		     tries < daemon->ike_count && daemon->ikes[at].unique_id != child->ike_unique_id; tries++)
			at = (at + 1) % daemon->ike_count;
		if (tries < daemon->ike_count && of[at])
			fold_daemon_child(t, child, of[at]);
	}
	free(of);
}

/* Who had an IKE SA and is not configured alone is a peer of many: down, when no daemon has it and all of them were asked. */
static void expect_nothing(struct tunnels *t)
{
	const struct tunnel_input *in = t->input;
	uint64_t asked_ns = t->now_ns;
	struct tunnel *tunnel;
	bool all = in->daemon_count > 0;

	for (size_t i = 0; i < in->daemon_count; i++) {
		all &= in->daemons[i].available;
		asked_ns = in->daemons[i].snapshot_ns < asked_ns ? in->daemons[i].snapshot_ns : asked_ns;
	}
	TAILQ_FOREACH(tunnel, &t->all, in_all)
	{
		tunnel->told = TOLD_NOTHING;
		tunnel->told_ns = t->now_ns;
		tunnel->kernel_asked = false;
		tunnel->kernel_sides = 0;
		if (!all || !tunnel->daemon_had)
			continue;
		tunnel->told = TOLD_DOWN;
		tunnel->told_by = TIMELINE_FROM_VICI;
		tunnel->told_ns = asked_ns;
		snprintf(tunnel->told_text, sizeof(tunnel->told_text),
			 "the IKE daemon no longer has an IKE SA for it");
	}
}

static void note_word(const struct tunnels *t, const struct fact_kernel *kernel, struct tunnel *tunnel)
{
	struct tunnel_word *word = &tunnel->word;

	if (tunnel->told == TOLD_NOTHING)
		return;
	/* What had nothing left loses no more with its IKE SA */
	if (word->what != tunnel->told &&
	    !(word->what == TOLD_IKE_ONLY && tunnel->told == TOLD_DOWN && tunnel->state == STATE_TUNNEL_DOWN))
		word->since_ns = tunnel->told_ns;
	word->what = tunnel->told;
	word->by = tunnel->told_by;
	word->ns = tunnel->told_ns;
	tunnel->on_demand = kernel &&
			    (word->what == TOLD_IKE_ONLY ||
			     (word->what == TOLD_DOWN && word->by == TIMELINE_FROM_KERNEL)) &&
			    (uint64_t)kernel->policy_count * t->stats.tunnels < SEARCH * 10 &&
			    tunnel_kernel_asks(kernel, tunnel);
}

/* Before the rest, so that what follows finds its tunnel. */
void tunnel_facts_fold(struct tunnels *t)
{
	const struct tunnel_input *in = t->input;

	const struct fact_kernel *kernel = in->kernel && in->kernel->available ? in->kernel : NULL;
	struct tunnel *tunnel;

	expect_nothing(t);
	for (size_t i = 0; i < in->daemon_count; i++) {
		if (!in->daemons[i].available)
			continue;
		for (size_t j = 0; j < in->daemons[i].connection_count; j++)
			name_connection(t, &in->daemons[i], &in->daemons[i].connections[j]);
		fold_daemon(t, &in->daemons[i]);
	}
	if (kernel)
		tunnel_facts_kernel(t, kernel);
	TAILQ_FOREACH(tunnel, &t->all, in_all)
	{
		note_word(t, kernel, tunnel);
	}
}
