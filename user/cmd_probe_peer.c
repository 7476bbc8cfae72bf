// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd_probe_peer.c - espial probe: the MTU of each way, ours as measured, the other as measured too or as the peer's agent has it
 *
 * An agent only answers what it knows, and measures for nobody. But when it probes its tunnels it has measured the way to us, and
 * of our packets it has seen what arrived.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "cmd_probe.h"
#include "cmd_tunnel.h"
#include "ui/format.h"

#define SECOND UINT64_C(1000000000)

/* ---- what the peer's agent says */

static bool is_address(const json_t *object, const char *key, const struct probe_address *wanted)
{
	uint8_t a[16] = {0}, b[16] = {0};
	char text[PROBE_ADDRESS_SIZE];

	return address_parse(json_string_value(json_object_get(object, key)), a) &&
	       address_parse(probe_address_text(wanted, text), b) && memcmp(a, b, 16) == 0;
}

/* Seen from there, the remote end is ours. */
static const json_t *find_tunnel(const json_t *document, const struct probe_result *r)
{
	const json_t *tunnel;
	size_t i;

	json_array_foreach(json_object_get(document, "tunnels"), i, tunnel) {
		if (is_address(tunnel, "remote", &r->source) && is_address(tunnel, "local", &r->target))
			return tunnel;
	}
	return NULL;
}

/* The largest of our ESP packets that got there, in fragments or not. */
static void read_arrived(const json_t *document, const struct probe_result *r, struct probe_peer *ret)
{
	const json_t *sa;
	size_t i;

	json_array_foreach(json_object_get(document, "sas"), i, sa) {
		json_int_t largest = json_integer_value(json_object_get(json_object_get(sa, "size"), "max"));

		if (!cmd_tunnel_is(sa, "direction", "in") || !is_address(sa, "source", &r->source) ||
		    !is_address(sa, "destination", &r->target))
			continue;
		if (largest > (json_int_t)ret->arrived && largest <= UINT16_MAX)
			ret->arrived = (unsigned int)largest;
		ret->arrived_cut += (uint64_t)json_integer_value(json_object_get(sa, "fragmented"));
		ret->arrived_packets += (uint64_t)json_integer_value(json_object_get(sa, "packets"));
	}
}

/* As far as both clocks agree. */
static uint64_t age(const json_t *mtu)
{
	const char *at = json_string_value(json_object_get(mtu, "at"));
	uint64_t at_ns = at ? format_parse_time(at) : 0;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return at_ns && (uint64_t)now.tv_sec > at_ns / SECOND ? (uint64_t)now.tv_sec * SECOND - at_ns : 0;
}

static void read_tunnel(const json_t *tunnel, const char *source, struct probe_peer *ret)
{
	const json_t *mtu = json_object_get(tunnel, "mtu");
	const char *name = json_string_value(json_object_get(tunnel, "name"));
	const char *by = json_string_value(json_object_get(mtu, "source"));
	json_int_t path = json_integer_value(json_object_get(mtu, "path"));

	ret->found = true;
	snprintf(ret->tunnel, sizeof(ret->tunnel), "%s", name ? name : "");
	if (by && path > 0 && path <= UINT16_MAX) {
		ret->mtu = (unsigned int)path;
		snprintf(ret->source, sizeof(ret->source), "%s", by);
		ret->age_ns = age(mtu);
	}
	/* The MTU of its interface is no measure of the way */
	if (!ret->mtu || strcmp(ret->source, "interface") == 0)
		snprintf(ret->problem, sizeof(ret->problem),
			 "it has not measured the way here: `espial run --probe-interval 1h` there does so, "
			 "or "
			 "once `espial probe %s`",
			 source);
}

void probe_ask_peer(const struct probe_request *q, const struct probe_result *r, struct probe_peer *ret)
{
	char source[PROBE_ADDRESS_SIZE], target[PROBE_ADDRESS_SIZE];
	json_t *document = NULL;
	const json_t *tunnel;
	int err = cmd_tunnel_state_quiet(q->peer_agent, &document);

	*ret = (struct probe_peer){0};
	probe_address_text(&r->source, source);
	probe_address_text(&r->target, target);
	if (err) {
		snprintf(ret->problem, sizeof(ret->problem), "it does not answer (%s): %s",
			 err == -EPROTO ? "what answers is no agent" : strerror(-err),
			 "`espial run --listen ADDRESS:PORT` there makes it, and a firewall has to let that "
			 "pass");
		return;
	}
	ret->answered = true;
	tunnel = find_tunnel(document, r);
	if (tunnel)
		read_tunnel(tunnel, source, ret);
	else
		snprintf(ret->problem, sizeof(ret->problem),
			 "it has no tunnel from %s to %s: behind a NAT, or its agent watches other "
			 "interfaces",
			 target, source);
	read_arrived(document, r, ret);
	json_decref(document);
}

/* ---- both ways */

static void find_there(const struct probe_result *r, struct probe_ways *ret)
{
	static const char *const names[] = {
		[PROBE_ECHO] = "ICMP echo", [PROBE_IKE] = "IKE on UDP 500", [PROBE_NATT] = "IKE on UDP 4500"};

	ret->there = r->path_mtu;
	if (!r->path_mtu)
		return;
	ret->there_at_least = !r->forward && !r->threshold[r->measured_by].limited;
	snprintf(ret->there_by, sizeof(ret->there_by), "measured by %s", names[r->measured_by]);
}

static void find_back(const struct probe_result *r, struct probe_ways *ret)
{
	const struct probe_threshold *echo = &r->threshold[PROBE_ECHO];

	if (r->return_mtu) {
		ret->back = r->return_mtu;
		snprintf(ret->back_by, sizeof(ret->back_by), "measured by ICMP echo%s",
			 r->way_back.mtu ? " that was sent in fragments" : "");
	} else if (echo->mtu) {
		ret->back = echo->mtu;
		ret->back_at_least = true;
		snprintf(ret->back_by, sizeof(ret->back_by), "measured by ICMP echo");
	}
}

/*
 * What the peer's agent measured is exact, unless nobody answered its IKE messages: then it is the smaller of both ways, and when
 * that is the way there, the way back may be wider. A fresh measurement of ours comes before it.
 */
static void find_told(const struct probe_peer *peer, struct probe_ways *ret)
{
	if (!peer || !peer->mtu || strcmp(peer->source, "interface") == 0)
		return;
	if (peer->mtu > ret->there)
		ret->there_at_least = false; /* then the smaller of both is the way there */
	if (ret->back && (!ret->back_at_least || peer->mtu < ret->back))
		return;
	ret->back_at_least = peer->mtu == ret->there;
	ret->back = peer->mtu;
	snprintf(ret->back_by, sizeof(ret->back_by), "by the peer's agent (%s)", peer->source);
}

void probe_find_ways(const struct probe_result *r, const struct probe_peer *peer, struct probe_ways *ret)
{
	*ret = (struct probe_ways){0};
	find_there(r, ret);
	find_back(r, ret);
	find_told(peer, ret);
}
