// SPDX-License-Identifier: GPL-2.0-or-later
/* cmd_probe_findings.c - espial probe: what the measurement means, and what to do */
#include "cmd_probe.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct findings {
	struct probe_finding *list;
	size_t count;
};

static struct probe_finding *add(struct findings *f, const char *id, const char *severity,
				 const char *confidence, const char *platform)
{
	static struct probe_finding nowhere;
	struct probe_finding *ret = f->count < PROBE_FINDINGS ? &f->list[f->count++] : &nowhere;

	*ret = (struct probe_finding){
		.id = id, .severity = severity, .confidence = confidence, .platform = platform};
	return ret;
}

__attribute__((format(printf, 3, 4))) static void say(char *ret, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ret, size, format, args);
	va_end(args);
}

#define SAY(field, ...) say(field, sizeof(field), __VA_ARGS__)

/* ---- states in words */

static const char *rejection(const struct probe_result *r, const struct probe_reach *reach)
{
	bool is_v6 = r->target.family == 6;

	if (!is_v6 && reach->type == 3 && (reach->code == 9 || reach->code == 10 || reach->code == 13))
		return "administratively prohibited";
	if (is_v6 && reach->type == 1 && (reach->code == 1 || reach->code == 5 || reach->code == 6))
		return "administratively prohibited";
	if (reach->code == (is_v6 ? 4 : 3) && reach->type == (is_v6 ? 1 : 3))
		return "port unreachable";
	if ((!is_v6 && reach->type == 3 && reach->code == 2) || (is_v6 && reach->type == 4))
		return "protocol unreachable";
	return "destination unreachable";
}

void probe_state_text(const struct probe_result *r, enum probe_method method, char *ret, size_t size)
{
	const struct probe_reach *reach = &r->reach[method];
	char by[PROBE_ADDRESS_SIZE];

	probe_address_text(&reach->by, by);
	*ret = '\0';
	switch (reach->state) {
	case PROBE_ANSWERED:
		if (reach->old_form)
			say(ret, size, "only to an IKE_SA_INIT that offers nothing acceptable");
		break;
	case PROBE_CLOSED:
		say(ret, size,
		    method == PROBE_ESP
			    ? "the peer says protocol unreachable: it gets there, but its kernel takes no ESP"
			    : "the peer says port unreachable: it gets there, but no IKE daemon listens");
		break;
	case PROBE_REJECTED:
		if (*by)
			say(ret, size, "%s says %s", by, rejection(r, reach));
		else
			say(ret, size, "this host's own packet filter drops it");
		break;
	case PROBE_FILTERED:
		if (method == PROBE_ECHO)
			say(ret, size,
			    "no echo, while IKE is answered: filtered, or the peer keeps silent on purpose");
		else
			say(ret, size, "silence, while UDP %s is answered, which the same daemon serves",
			    method == PROBE_IKE ? "4500" : "500");
		break;
	case PROBE_SILENT:
		if (method == PROBE_ESP)
			say(ret, size, "silence, which is how a peer takes an SPI that it does not know");
		else if (method == PROBE_ECHO)
			say(ret, size, "silence: filtered, or no host there");
		else
			say(ret, size, "silence: filtered, no daemon, or one that ignores strangers");
		break;
	case PROBE_UNTRIED:
	case PROBE_STATES:
		break;
	}
}

/* ---- findings */

/* "the MTU of the tunnel to …": of both encapsulations, unless one was asked for. */
static const char *settings(const struct probe_request *q, const struct probe_result *r, unsigned int mtu,
			    char *ret, size_t size)
{
	bool natt = q->spec.encapsulation == MTU_UDP;
	struct probe_sizes s, in_udp;

	probe_sizes(q, r, mtu, natt, &s);
	probe_sizes(q, r, mtu, true, &in_udp);
	if (natt || q->through || s.inner == in_udp.inner)
		say(ret, size, "the MTU of the tunnel to %u, or clamp the TCP MSS to %u (IPv4), %u (IPv6)",
		    s.inner, s.mss4, s.mss6);
	else
		say(ret, size,
		    "the MTU of the tunnel to %u, or clamp the TCP MSS to %u (IPv4), %u (IPv6); where ESP is "
		    "in UDP to %u, "
		    "%u, %u",
		    s.inner, s.mss4, s.mss6, in_udp.inner, in_udp.mss4, in_udp.mss6);
	return ret;
}

static void find_asymmetry(const struct probe_request *q, const struct probe_result *r,
			   const struct probe_ways *ways, struct findings *f)
{
	struct probe_finding *finding;
	char set[200];

	/* One that may be wider only if it were narrower already, and the other way round */
	if (!ways->back || !ways->there || (ways->back < ways->there && ways->back_at_least) ||
	    (ways->back > ways->there && ways->there_at_least) || ways->back == ways->there)
		return;
	finding = add(f, "pmtu-asymmetric", ways->back < ways->there ? "warning" : "info", "likely", "linux");
	SAY(finding->meaning, "The way back carries %u bytes, the way there %u", ways->back, ways->there);
	SAY(finding->remedy, "At both ends set %s",
	    settings(q, r, ways->back < ways->there ? ways->back : ways->there, set, sizeof(set)));
}

static void find_mtu(const struct probe_request *q, const struct probe_result *r,
		     const struct probe_ways *ways, struct findings *f)
{
	const struct probe_threshold *t;
	struct probe_finding *finding = NULL;
	char by[PROBE_ADDRESS_SIZE], set[200];

	if (!r->path_mtu)
		return;
	t = &r->threshold[r->measured_by];
	settings(q, r, r->path_mtu, set, sizeof(set));
	if (r->black_hole) {
		finding = add(f, "pmtu-blackhole", "warning", t->confirmed ? "certain" : "likely", "linux");
		SAY(finding->meaning, "%s above %u bytes vanish and nobody reports it%s",
		    q->through ? "Inner packets" : "Packets", r->path_mtu,
		    q->through ? "" : ": ICMP errors are filtered on the path");
		SAY(finding->remedy, "Set %s. Have ICMP %s let through%s", set,
		    r->target.family == 6 ? "packet too big" : "fragmentation needed",
		    q->through ? ", outside the tunnel too" : "");
	} else if (t->told && !t->limited) {
		finding = add(f, "pmtu-exceeded", "info", t->confirmed ? "certain" : "likely", "linux");
		probe_address_text(&t->reporter, by);
		SAY(finding->meaning,
		    "The path carries %u bytes, less than the %u of the interface; %s reports it",
		    r->path_mtu, r->link_mtu, by);
		SAY(finding->remedy, "Set %s", set);
	}
	if (!t->limited && finding && !q->through)
		SAY(finding->command, "espial mtu --link %u --esp %s%s%s%s", r->path_mtu,
		    q->proposal ? q->proposal : PROBE_PROPOSAL,
		    q->spec.mode == MTU_TRANSPORT ? " --mode transport"
		    : q->spec.mode == MTU_BEET	  ? " --mode beet"
						  : "",
		    q->spec.encapsulation == MTU_UDP ? " --natt" : "",
		    r->target.family == 6 ? " --outer ipv6" : "");
	find_asymmetry(q, r, ways, f);
	if (r->target.family == 6 && r->path_mtu < MTU_IPV6_MIN) {
		finding = add(f, "pmtu-below-minimum", "warning", "likely", "isp");
		SAY(finding->meaning,
		    "The path carries %u bytes of IPv6, and %d is what every link must (RFC 8200 section 5)",
		    r->path_mtu, MTU_IPV6_MIN);
		SAY(finding->remedy, "Have the link repaired: nothing can be configured around it");
	}
}

static void find_fragments(const struct probe_request *q, const struct probe_result *r, struct findings *f)
{
	struct probe_finding *finding;
	struct probe_sizes s;

	if (r->fragments.by_source != 0 && r->fragments.by_router != 0)
		return;
	probe_sizes(q, r, r->path_mtu, q->spec.encapsulation == MTU_UDP, &s);
	finding = add(f, "fragments-lost", "warning", "likely", "linux");
	if (q->through) {
		SAY(finding->meaning, "Fragments of inner packets do not get through the tunnel");
		SAY(finding->remedy,
		    "Keep inner packets at %u bytes or below: clamp the TCP MSS to %u (IPv4), %u (IPv6)",
		    s.inner, s.mss4, s.mss6);
		return;
	}
	SAY(finding->meaning, "Fragments do not arrive: ESP and IKE that are fragmented (certificates, large "
			      "inner packets) are lost");
	SAY(finding->remedy,
	    "Keep inner packets at %u bytes or below, and use IKE fragmentation (RFC 7383; strongSwan: "
	    "fragmentation = yes)",
	    s.inner);
}

static void find_ports(const struct probe_result *r, struct findings *f)
{
	static const struct {
		enum probe_method method;
		const char *id, *what, *remedy;
	} ports[] = {
		{PROBE_IKE, "ike-no-response", "UDP 500",
		 "Have UDP 500 allowed in both directions between the two addresses"},
		{PROBE_NATT, "nat-t-port-blocked", "UDP 4500",
		 "Have UDP 4500 allowed in both directions: without it no tunnel behind a NAT comes up"},
		{PROBE_ESP, "esp-blocked", "protocol 50",
		 "Have IP protocol 50 allowed in both directions, or force UDP encapsulation (strongSwan: "
		 "encap = yes)"},
	};
	struct probe_finding *finding;
	char why[160];
	size_t i;

	for (i = 0; i < sizeof(ports) / sizeof(*ports); i++) {
		enum probe_state state = r->reach[ports[i].method].state;

		/* A peer without ESP in its kernel may have it in user space, in UDP */
		if (state != PROBE_FILTERED && state != PROBE_REJECTED &&
		    (state != PROBE_CLOSED || ports[i].method == PROBE_ESP))
			continue;
		/* One daemon serves both: said once */
		if (ports[i].method == PROBE_NATT && state == PROBE_CLOSED &&
		    r->reach[PROBE_IKE].state == state)
			continue;
		finding = add(f, ports[i].id, "warning", state == PROBE_FILTERED ? "likely" : "certain",
			      state == PROBE_CLOSED ? "strongswan" : "isp");
		probe_state_text(r, ports[i].method, why, sizeof(why));
		SAY(finding->meaning, "%s %s: %s", ports[i].what,
		    state == PROBE_CLOSED ? "is closed" : "does not get through", why);
		SAY(finding->remedy, "%s",
		    state == PROBE_CLOSED ? "Start the IKE daemon at the peer" : ports[i].remedy);
	}
}

size_t probe_findings(const struct probe_request *q, const struct probe_result *r,
		      const struct probe_ways *ways, struct probe_finding ret[static PROBE_FINDINGS])
{
	struct findings f = {.list = ret};

	find_mtu(q, r, ways, &f);
	find_fragments(q, r, &f);
	find_ports(r, &f);
	return f.count;
}
