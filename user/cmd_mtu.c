// SPDX-License-Identifier: GPL-2.0-or-later
/* cmd_mtu.c - espial mtu: overhead, inner MTU and MSS of a transform set, given or of an SA that is there */
#include "cmd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cmd_mtu.h"
#include "suggest.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NEAREST 5 /* are named when a transform is not known */
#define LINK_DEFAULT 1500
#define TFC_MAX 65000 /* the ESP payload of one IP packet holds no more */

enum {
	OPTION_LINK = 0x100,
	OPTION_ESP,
	OPTION_AH,
	OPTION_SA,
	OPTION_DESTINATION,
	OPTION_TUNNEL,
	OPTION_SOCKET,
	OPTION_MODE,
	OPTION_OUTER,
	OPTION_INNER,
	OPTION_NATT,
	OPTION_TCP,
	OPTION_GRE,
	OPTION_L2TP,
	OPTION_VXLAN,
	OPTION_OVER,
	OPTION_VLAN,
	OPTION_QINQ,
	OPTION_PPPOE,
	OPTION_TFC,
	OPTION_AH_ALIGN8,
	OPTION_PACKET,
	OPTION_LIST,
	OPTION_JSON,
};

struct request {
	struct mtu_spec spec;
	unsigned int link, packet;
	const char *proposal; /* as given; NULL: none yet */
	bool json, list;
	const char *sa, *destination, *tunnel, *socket;
	const char *given;	/* an option about the SA, which --sa knows better; NULL: none */
	struct mtu_found found; /* by --sa or --tunnel */
};

static const struct argp_option option_table[] = {
	{.doc = "The SA:"},
	{.name = "esp",
	 .key = OPTION_ESP,
	 .arg = "PROPOSAL",
	 .doc = "ESP, as strongSwan writes it: aes256gcm16, aes128-sha256"},
	{.name = "ah", .key = OPTION_AH, .arg = "PROPOSAL", .doc = "AH: sha256, aes128gmac"},
	{.name = "sa",
	 .key = OPTION_SA,
	 .arg = "SPI",
	 .doc = "An SA that the kernel has, like 0xc2f4e5aa: its transforms, mode and encapsulation"},
	{.name = "destination",
	 .key = OPTION_DESTINATION,
	 .arg = "ADDRESS",
	 .doc = "With --sa, when several SAs have this SPI: where this one sends to"},
	{.name = "tunnel",
	 .key = OPTION_TUNNEL,
	 .arg = "NAME",
	 .doc = "A tunnel that the running agent knows: all of that and its path MTU; with --esp only the "
		"path"},
	{.name = "socket",
	 .key = OPTION_SOCKET,
	 .arg = "PATH",
	 .doc = "With --tunnel: the agent's socket (default " CMD_DEFAULT_SOCKET ")"},
	{.name = "mode", .key = OPTION_MODE, .arg = "MODE", .doc = "tunnel (the default), transport or beet"},
	{.name = "outer",
	 .key = OPTION_OUTER,
	 .arg = "FAMILY",
	 .doc = "IP version outside: ipv4 (the default) or ipv6"},
	{.name = "inner",
	 .key = OPTION_INNER,
	 .arg = "FAMILY",
	 .doc = "IP version inside, if only one; with beet it may differ"},
	{.name = "natt", .key = OPTION_NATT, .doc = "UDP encapsulation, NAT traversal (RFC 3948)"},
	{.name = "tcp",
	 .key = OPTION_TCP,
	 .arg = "timestamps",
	 .flags = OPTION_ARG_OPTIONAL,
	 .doc = "TCP encapsulation (RFC 9329), one ESP packet in a segment; --tcp=timestamps: with the TCP "
		"option that Linux sends"},
	{.name = "tfc", .key = OPTION_TFC, .arg = "BYTES", .doc = "TFC padding in each packet (RFC 4303)"},
	{.name = "ah-align8",
	 .key = OPTION_AH_ALIGN8,
	 .doc = "AH over IPv4 padded to 8 bytes: Linux SAs without `flag align4`"},
	{.doc = "Below ESP:"},
	{.name = "link",
	 .key = OPTION_LINK,
	 .arg = "BYTES",
	 .doc = "MTU of the link or path: 68 to 65535, default 1500"},
	{.name = "vlan", .key = OPTION_VLAN, .doc = "A VLAN tag that takes its 4 bytes from the link"},
	{.name = "qinq", .key = OPTION_QINQ, .doc = "Two VLAN tags"},
	{.name = "pppoe", .key = OPTION_PPPOE, .doc = "PPPoE on the link, 8 bytes"},
	{.name = "over",
	 .key = OPTION_OVER,
	 .arg = "LAYER[,OPTIONS]",
	 .doc = "ESP itself travels in gre, l2tp or vxlan, options as inside; may be repeated, the outermost "
		"first"},
	{.doc = "Inside ESP, the outermost first:"},
	{.name = "gre",
	 .key = OPTION_GRE,
	 .arg = "OPTIONS",
	 .flags = OPTION_ARG_OPTIONAL,
	 .doc = "GRE; options key, csum, seq, and ipv4 or ipv6 for its own header in tunnel mode (default: "
		"as outside)"},
	{.name = "l2tp",
	 .key = OPTION_L2TP,
	 .arg = "OPTIONS",
	 .flags = OPTION_ARG_OPTIONAL,
	 .doc = "L2TPv2 in UDP, with PPP; options nolength (Linux), seq, acfc, pfc, ipv4, ipv6"},
	{.name = "vxlan",
	 .key = OPTION_VXLAN,
	 .arg = "OPTIONS",
	 .flags = OPTION_ARG_OPTIONAL,
	 .doc = "VXLAN with Ethernet inside; options vlan (a tag inside), ipv4, ipv6"},
	{.doc = "What to show:"},
	{.name = "packet",
	 .key = OPTION_PACKET,
	 .arg = "BYTES",
	 .doc = "What an inner packet of this size becomes"},
	{.name = "list", .key = OPTION_LIST, .doc = "The transforms, their sizes and sources"},
	{.name = "json", .key = OPTION_JSON, .doc = "Everything, exactly, as JSON"},
	{0},
};

/* ---- proposals */

struct near {
	const char *name;
	size_t distance;
};

/* Keeps the nearest names in order of their distance; of equals the first. */
static void add_near(struct near nearest[static NEAREST], const char *name, const char *word)
{
	size_t distance = suggest_distance(word, name), limit = strlen(word) / 2, i = NEAREST;

	if (distance > (limit > 2 ? limit : 2) || distance >= strlen(name))
		return;
	for (; i && (!nearest[i - 1].name || nearest[i - 1].distance > distance); i--)
		if (i < NEAREST)
			nearest[i] = nearest[i - 1];
	if (i < NEAREST)
		nearest[i] = (struct near){name, distance};
}

/* The nearest names, into `text`; empty when none is near. */
static void list_nearest(enum mtu_protocol protocol, const char *word, char *text, size_t size)
{
	struct near nearest[NEAREST] = {0};
	size_t used = 0, i;

	for (i = 0; protocol == MTU_ESP && mtu_cipher(i); i++)
		add_near(nearest, mtu_cipher(i)->name, word);
	for (i = 0; mtu_integrity(i); i++)
		if (protocol == MTU_AH || !mtu_integrity(i)->iv)
			add_near(nearest, mtu_integrity(i)->name, word);
	*text = '\0';
	for (i = 0; i < NEAREST && nearest[i].name && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", nearest[i].name);
}

void mtu_refuse_proposal(enum mtu_protocol protocol, const char *text, const struct mtu_proposal_fault *fault)
{
	const char *option = protocol == MTU_AH ? "ah" : "esp";
	char near[160];

	switch (fault->fault) {
	case MTU_FAULT_NONE:
	case MTU_FAULT_EMPTY:
		break;
	case MTU_FAULT_UNKNOWN:
		list_nearest(protocol, fault->word, near, sizeof(near));
		if (*near)
			cmd_usage("no transform '%s': near it are %s", fault->word, near);
		cmd_usage("no transform '%s': `espial mtu --list` shows them", fault->word);
	case MTU_FAULT_SEVERAL:
		cmd_usage("--%s %s: '%s' differs in size from what is before it: give the one that was "
			  "negotiated",
			  option, text, fault->word);
	case MTU_FAULT_NO_CIPHER:
		cmd_usage("--esp %s has no cipher: null-%s for ESP without encryption, --ah %s for AH", text,
			  text, text);
	case MTU_FAULT_NO_INTEGRITY:
		cmd_usage("--%s %s has no integrity algorithm: one like sha256 is needed", option, text);
	case MTU_FAULT_CIPHER_IN_AH:
		cmd_usage("--ah %s: '%s' is a cipher, and AH does not encrypt", text, fault->word);
	case MTU_FAULT_TOO_LONG:
		cmd_usage("no transform '%s…': `espial mtu --list` shows them", fault->word);
	}
	cmd_usage("--%s wants a proposal, like %s", option, protocol == MTU_AH ? "sha256" : "aes256gcm16");
}

static void parse_proposal(struct request *r, enum mtu_protocol protocol, const char *text)
{
	struct mtu_proposal_fault fault;

	if (r->proposal)
		cmd_usage("one SA at a time: '%s' or '%s'", r->proposal, text);
	if (strchr(text, ','))
		cmd_usage("one proposal at a time: give the one that was negotiated of '%s'", text);
	if (mtu_proposal_parse(protocol, text, &r->spec.proposal, &fault))
		mtu_refuse_proposal(protocol, text, &fault);
	r->proposal = text;
}

/* ---- options */

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct request *r = state->input;
	struct mtu_spec *spec = &r->spec;

	switch (key) {
	case OPTION_LINK:
		r->link = mtu_parse_number("link", arg, MTU_LINK_MIN, MTU_LINK_MAX);
		return 0;
	case OPTION_ESP:
		parse_proposal(r, MTU_ESP, arg);
		return 0;
	case OPTION_AH:
		parse_proposal(r, MTU_AH, arg);
		return 0;
	case OPTION_SA:
		if (r->sa)
			cmd_usage("one SA at a time: '%s' or '%s'", r->sa, arg);
		r->sa = arg;
		return 0;
	case OPTION_DESTINATION:
		r->destination = arg;
		return 0;
	case OPTION_TUNNEL:
		if (r->tunnel)
			cmd_usage("one tunnel at a time: '%s' or '%s'", r->tunnel, arg);
		r->tunnel = arg;
		return 0;
	case OPTION_SOCKET:
		r->socket = arg;
		return 0;
	case OPTION_MODE:
		r->given = "--mode";
		spec->mode = mtu_parse_mode(arg);
		return 0;
	case OPTION_OUTER:
		r->given = "--outer";
		spec->outer = mtu_parse_family("outer family", arg);
		return 0;
	case OPTION_INNER:
		spec->inner = mtu_parse_family("inner family", arg);
		return 0;
	case OPTION_NATT:
	case OPTION_TCP:
		if (spec->encapsulation != MTU_PLAIN &&
		    spec->encapsulation != (key == OPTION_TCP ? MTU_TCP : MTU_UDP))
			cmd_usage("ESP is encapsulated in UDP or in TCP: --natt or --tcp");
		if (arg && strcasecmp(arg, "timestamps") != 0)
			cmd_usage("--tcp=%s: --tcp or --tcp=timestamps", arg);
		r->given = key == OPTION_TCP ? "--tcp" : "--natt";
		spec->encapsulation = key == OPTION_TCP ? MTU_TCP : MTU_UDP;
		spec->tcp_timestamps = arg != NULL;
		return 0;
	case OPTION_GRE:
		mtu_parse_inside(spec, MTU_CARRIER_GRE, arg);
		return 0;
	case OPTION_L2TP:
		mtu_parse_inside(spec, MTU_CARRIER_L2TP, arg);
		return 0;
	case OPTION_VXLAN:
		mtu_parse_inside(spec, MTU_CARRIER_VXLAN, arg);
		return 0;
	case OPTION_OVER:
		mtu_parse_over(spec, arg);
		return 0;
	case OPTION_VLAN:
		spec->vlan_tags = spec->vlan_tags ? spec->vlan_tags : 1;
		return 0;
	case OPTION_QINQ:
		spec->vlan_tags = 2;
		return 0;
	case OPTION_PPPOE:
		spec->pppoe = true;
		return 0;
	case OPTION_TFC:
		spec->tfc = mtu_parse_number("tfc", arg, 0, TFC_MAX);
		return 0;
	case OPTION_AH_ALIGN8:
		spec->ah_align8 = true;
		return 0;
	case OPTION_PACKET:
		r->packet = mtu_parse_number("packet", arg, 20, MTU_LINK_MAX);
		return 0;
	case OPTION_LIST:
		r->list = true;
		return 0;
	case OPTION_JSON:
		r->json = true;
		return 0;
	case ARGP_KEY_ARG:
		cmd_usage("what is '%s'? Options of a layer follow an equals sign, as in --gre=key", arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = option_table,
	.parser = parse_option,
	.doc = "The exact sizes of IPsec packets: overhead layer by layer, the largest inner packet (MTU), "
	       "the MSS of TCP for "
	       "it, and the lines that configure both.\vFor example: espial mtu --link 1492 --esp "
	       "aes256gcm16 --natt",
};

/* ---- and the answer */

static void default_families(struct mtu_spec *spec)
{
	size_t i;

	if (!spec->outer)
		spec->outer = 4;
	for (i = 0; i < spec->outsides; i++)
		if (!spec->outside[i].family)
			spec->outside[i].family = spec->outer;
	for (i = 0; i < spec->insides; i++)
		if (!spec->inside[i].family)
			spec->inside[i].family = spec->outer;
}

static void solve(const struct request *r, struct mtu_answer *ret)
{
	const char *conflict = mtu_conflict(&r->spec);
	unsigned int smallest;

	*ret = (struct mtu_answer){.spec = r->spec,
				   .link = r->link,
				   .packet_asked = r->packet != 0,
				   .source = r->found.source[0] ? r->found.source : NULL};
	if (conflict)
		cmd_usage("%s", conflict);
	if (mtu_solve(&r->spec, r->link, &ret->inner)) {
		smallest = mtu_smallest_link(&r->spec);
		if (smallest)
			cmd_usage("a link MTU of %u is too small for any payload: with these layers it takes "
				  "at least %u",
				  r->link, smallest);
		cmd_usage("these layers leave no payload on any link: %d bytes are the most", MTU_LINK_MAX);
	}
	mtu_packet_build(&r->spec, ret->inner, &ret->largest);
	ret->packet = ret->largest;
	if (r->packet && mtu_packet_build(&r->spec, r->packet, &ret->packet))
		cmd_usage("--packet %u is smaller than its IP header", r->packet);
}

/* What --sa and --tunnel are about goes over the defaults; what was asked for beside it stays. */
static int find(struct request *r)
{
	const struct mtu_found *found = &r->found;
	int status;

	if (r->sa && r->tunnel)
		cmd_usage("--sa or --tunnel, not both");
	if (r->destination && !r->sa)
		cmd_usage("--destination is for --sa: it tells SAs with the same SPI apart");
	if (r->socket && !r->tunnel)
		cmd_usage("--socket is for --tunnel: nobody else asks the agent");
	if (!r->sa && !r->tunnel)
		return CMD_OK;
	if (r->sa && r->proposal)
		cmd_usage("--sa %s has transforms of its own: leave out '%s'", r->sa, r->proposal);
	if (r->given && !r->proposal)
		cmd_usage("%s knows that by itself: leave out %s", r->sa ? "--sa" : "--tunnel", r->given);
	status = r->sa ? mtu_find_sa(r->sa, r->destination, &r->found)
		       : mtu_find_tunnel(r->tunnel, r->socket ? r->socket : CMD_DEFAULT_SOCKET,
					 r->proposal != NULL, &r->found);
	if (status)
		return status;
	if (!r->spec.outer)
		r->spec.outer = found->spec.outer;
	if (!r->link)
		r->link = found->link;
	if (r->proposal)
		return CMD_OK;
	r->proposal = found->proposal;
	r->spec.proposal = found->spec.proposal;
	r->spec.mode = found->spec.mode;
	r->spec.encapsulation = found->spec.encapsulation;
	r->spec.ah_align8 |= found->spec.ah_align8;
	return CMD_OK;
}

int cmd_mtu(int argc, char **argv)
{
	struct request r = {0};
	struct mtu_answer answer;
	int status;

	cmd_parse(&argp, argc, argv, &r);
	if (r.list)
		return mtu_print_transforms();
	status = find(&r);
	if (status)
		return status;
	if (!r.link)
		r.link = LINK_DEFAULT;
	if (!r.proposal)
		cmd_usage("which transforms? For example `espial mtu --esp aes256gcm16`; --list shows all");
	default_families(&r.spec);
	solve(&r, &answer);
	status = r.json ? mtu_print_json(&answer) : mtu_print_text(&answer);
	return status ? status : cmd_close_output();
}
