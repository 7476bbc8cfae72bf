// SPDX-License-Identifier: GPL-2.0-or-later
/* cmd_mtu_sa.c - espial mtu: the transforms of an SA that the kernel has, or of a tunnel that the agent knows */
#include "cmd.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <netinet/in.h>

#include "cmd_mtu.h"
#include "cmd_tunnel.h"
#include "model/address.h"
#include "model/mtu_names.h"
#include "source/xfrm.h"

static void parse_address(const char *text, uint8_t ret[static 16])
{
	if (!address_parse(text, ret))
		cmd_usage("--destination %s is no IP address: give the one the SA sends to, in numbers",
			  text);
}

static uint32_t parse_spi(const char *text)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = hex ? text + 2 : text;
	unsigned long long n = 0;
	size_t length = strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789");

	if (length && length <= 10 && !digits[length])
		n = strtoull(digits, NULL, hex ? 16 : 10);
	if (!n || n > UINT32_MAX)
		cmd_usage("--sa %s is no SPI: give it as `ip xfrm state` shows it, like 0xc2f4e5aa", text);
	return (uint32_t)n;
}

/* ---- the kernel */

/* The only SA with this SPI, and destination. */
static const struct fact_sa *choose(const struct fact_kernel *kernel, const char *text,
				    const char *destination)
{
	uint8_t address[16] = {0};
	uint32_t spi = parse_spi(text);
	const struct fact_sa *found = NULL;
	char one[ADDRESS_TEXT], other[ADDRESS_TEXT];

	if (destination)
		parse_address(destination, address);
	for (size_t i = 0; i < kernel->sa_count; i++) {
		const struct fact_sa *sa = &kernel->sas[i];

		if (sa->spi != spi || (sa->protocol != IPPROTO_ESP && sa->protocol != IPPROTO_AH) ||
		    (destination && memcmp(sa->destination, address, sizeof(address)) != 0))
			continue;
		if (found && memcmp(found->destination, sa->destination, 16) != 0)
			cmd_usage("--sa %s: several SAs have this SPI: add --destination %s or --destination "
				  "%s",
				  text, address_text(found->destination, one),
				  address_text(sa->destination, other));
		found = sa;
	}
	return found;
}

static int describe(const struct fact_sa *sa, const char *text, struct mtu_found *ret)
{
	const char *unknown;
	struct mtu_proposal_fault fault;
	enum mtu_protocol protocol = sa->protocol == IPPROTO_AH ? MTU_AH : MTU_ESP;
	char destination[ADDRESS_TEXT];

	if (sa->larval)
		return cmd_cannot("SA %s: has no keys yet, its negotiation is under way: try again", text);
	if (mtu_names_mode(sa->mode, &ret->spec.mode))
		return cmd_cannot("SA %s: its mode is none whose sizes are known here: tunnel, transport or "
				  "beet",
				  text);
	if (mtu_names_kernel(sa, ret->proposal, &unknown) ||
	    mtu_proposal_parse(protocol, ret->proposal, &ret->spec.proposal, &fault))
		return cmd_cannot("SA %s: the sizes of '%s' are not known here: --esp or --ah with a "
				  "transform of the same IV, block and ICV",
				  text, *unknown ? unknown : ret->proposal);
	ret->spec.outer = sa->family;
	ret->spec.ah_align8 = sa->protocol == IPPROTO_AH && sa->family == 4 && !sa->align4;
	ret->spec.encapsulation = sa->encap_destination_port ? MTU_UDP : MTU_PLAIN;
	snprintf(ret->source, sizeof(ret->source), "SA 0x%08x to %s, from the kernel", sa->spi,
		 address_text(sa->destination, destination));
	return CMD_OK;
}

int mtu_find_sa(const char *spi, const char *destination, struct mtu_found *ret)
{
	const struct fact_sa *sa;
	struct xfrm *x = NULL;
	char error[256];
	int status;

	*ret = (struct mtu_found){0};
	parse_spi(spi); /* what is wrong with it is said before anything else */
	if (cmd_tunnel_kernel(&x, error, sizeof(error)))
		return cmd_cannot("--sa %s: %s", spi, error);
	sa = choose(xfrm_facts(x), spi, destination);
	status = sa ? describe(sa, spi, ret)
		    : cmd_cannot("--sa %s%s%s: the kernel has no such SA: `ip xfrm state` lists them; "
				 "user-space ESP (libipsec) has none there: use --tunnel",
				 spi, destination ? " --destination " : "", destination ? destination : "");
	xfrm_close(x);
	return status;
}

/* ---- the agent */

static int read_child(const json_t *child, const char *name, bool known, struct mtu_found *ret)
{
	const char *proposal = json_string_value(json_object_get(child, "proposal"));
	enum mtu_protocol protocol = cmd_tunnel_is(child, "protocol", "ah") ? MTU_AH : MTU_ESP;
	struct mtu_proposal_fault fault;

	if (known)
		return CMD_OK;
	if (!proposal || strlen(proposal) >= sizeof(ret->proposal) ||
	    mtu_proposal_parse(protocol, proposal, &ret->spec.proposal, &fault))
		return cmd_cannot("--tunnel %s: its transforms are not known: the agent sees them in the "
				  "kernel's SAs (xfrm) or asks the IKE daemon (vici); or give them with "
				  "--esp",
				  name);
	snprintf(ret->proposal, sizeof(ret->proposal), "%s", proposal);
	ret->spec.mode = cmd_tunnel_is(child, "mode", "transport") ? MTU_TRANSPORT
			 : cmd_tunnel_is(child, "mode", "beet")	   ? MTU_BEET
								   : MTU_TUNNEL;
	ret->spec.encapsulation = cmd_tunnel_is(child, "encapsulation", "udp") ? MTU_UDP : MTU_PLAIN;
	return CMD_OK;
}

static int read_tunnel(const json_t *tunnel, const char *name, bool known, struct mtu_found *ret)
{
	const json_t *mtu = json_object_get(tunnel, "mtu");
	const char *remote = json_string_value(json_object_get(tunnel, "remote"));
	const char *source = json_string_value(json_object_get(mtu, "source"));

	ret->spec.outer = remote && strchr(remote, ':') ? 6 : 4;
	ret->link = (unsigned int)json_integer_value(json_object_get(mtu, "path"));
	if (ret->link < MTU_LINK_MIN || ret->link > MTU_LINK_MAX)
		ret->link = 0;
	snprintf(ret->source, sizeof(ret->source), "tunnel %.64s, from the agent; %s%.15s", name,
		 ret->link ? "path MTU from " : "path MTU unknown", ret->link && source ? source : "");
	return read_child(json_object_get(tunnel, "child"), name, known, ret);
}

int mtu_find_tunnel(const char *name, const char *socket, bool known, struct mtu_found *ret)
{
	json_t *document = NULL;
	const json_t *tunnel;
	int status = cmd_tunnel_state(socket, &document);

	*ret = (struct mtu_found){0};
	if (status)
		return status;
	tunnel = cmd_tunnel_named(document, "--tunnel", name);
	status = tunnel ? read_tunnel(tunnel, name, known, ret) : CMD_CANNOT;
	json_decref(document);
	return status;
}
