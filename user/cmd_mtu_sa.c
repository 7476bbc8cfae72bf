// SPDX-License-Identifier: GPL-2.0-or-later
/* cmd_mtu_sa.c - espial mtu: the transforms of an SA that the kernel has, or of a tunnel that the agent knows */
#include "cmd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "cmd_ask.h"
#include "cmd_mtu.h"
#include "export/text.h"
#include "model/mtu_names.h"
#include "source/xfrm.h"

#define KERNEL_DEADLINE 10 /* seconds for a dump */
#define ADDRESS INET6_ADDRSTRLEN

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

static const char *print_address(const uint8_t address[16], char ret[static ADDRESS])
{
	bool v4 = memcmp(address, mapped, sizeof(mapped)) == 0;

	return inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? address + 12 : address, ret, ADDRESS);
}

static void parse_address(const char *text, uint8_t ret[static 16])
{
	memcpy(ret, mapped, sizeof(mapped));
	if (inet_pton(AF_INET, text, ret + 12) != 1 && inet_pton(AF_INET6, text, ret) != 1)
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

static int wait_for_kernel(struct xfrm *x)
{
	struct pollfd fd = {.fd = xfrm_fd(x), .events = POLLIN};
	time_t deadline = time(NULL) + KERNEL_DEADLINE;
	int err = 0;

	while (!xfrm_facts(x)->available && !err && time(NULL) <= deadline) {
		if (poll(&fd, 1, 500) < 0 && errno != EINTR)
			return -errno;
		err = xfrm_run(x);
		err = err < 0 ? err : 0;
	}
	return err ? err : xfrm_facts(x)->available ? 0 : -ETIMEDOUT;
}

/* The only SA with this SPI, and destination. */
static const struct fact_sa *choose(const struct fact_kernel *kernel, const char *text,
				    const char *destination)
{
	uint8_t address[16] = {0};
	uint32_t spi = parse_spi(text);
	const struct fact_sa *found = NULL;
	char one[ADDRESS], other[ADDRESS];

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
				  text, print_address(found->destination, one),
				  print_address(sa->destination, other));
		found = sa;
	}
	return found;
}

static int describe(const struct fact_sa *sa, const char *text, struct mtu_found *ret)
{
	const char *unknown;
	struct mtu_proposal_fault fault;
	enum mtu_protocol protocol = sa->protocol == IPPROTO_AH ? MTU_AH : MTU_ESP;
	char destination[ADDRESS];

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
	ret->spec.encapsulation = sa->encap_destination_port ? MTU_UDP : MTU_PLAIN;
	snprintf(ret->source, sizeof(ret->source), "SA 0x%08x to %s, from the kernel", sa->spi,
		 print_address(sa->destination, destination));
	return CMD_OK;
}

int mtu_find_sa(const char *spi, const char *destination, struct mtu_found *ret)
{
	const struct xfrm_options options = {0};
	const struct fact_sa *sa;
	struct xfrm *x = NULL;
	char error[256];
	int status, err;

	*ret = (struct mtu_found){0};
	parse_spi(spi); /* what is wrong with it is said before anything else */
	(void)xfrm_protect_process();
	if (xfrm_open(&options, &x, error, sizeof(error)))
		return cmd_cannot("--sa %s: %s", spi, error);
	err = wait_for_kernel(x);
	if (err) {
		status = cmd_cannot("--sa %s: the kernel's SAs cannot be read: %s", spi, strerror(-err));
	} else {
		sa = choose(xfrm_facts(x), spi, destination);
		status =
			sa ? describe(sa, spi, ret)
			   : cmd_cannot("--sa %s%s%s: the kernel has no such SA: `ip xfrm state` lists them; "
					"user-space ESP (libipsec) has none there: use --tunnel",
					spi, destination ? " --destination " : "",
					destination ? destination : "");
	}
	xfrm_close(x);
	return status;
}

/* ---- the agent */

/* Names of tunnels may come from the network. */
static int no_such_tunnel(const json_t *tunnels, const char *name)
{
	struct text list = {0};
	size_t i, told = 0;
	const json_t *tunnel;
	char *copy;
	int status;

	json_array_foreach(tunnels, i, tunnel) {
		const char *other = json_string_value(json_object_get(tunnel, "name"));

		if (!other || told == 8)
			continue;
		text_printf(&list, "%s", told++ ? ", " : "");
		text_clean(&list, other);
	}
	copy = text_take(&list, NULL);
	status = told ? cmd_cannot("--tunnel %s: the agent has no such tunnel: it has %s%s", name,
				   copy ? copy : "others", json_array_size(tunnels) > told ? ", …" : "")
		      : cmd_cannot("--tunnel %s: the agent has no tunnel yet: `espial status tunnels` shows "
				   "them",
				   name);
	free(copy);
	return status;
}

static bool is(const json_t *object, const char *key, const char *value)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text && strcmp(text, value) == 0;
}

static int read_child(const json_t *child, const char *name, bool known, struct mtu_found *ret)
{
	const char *proposal = json_string_value(json_object_get(child, "proposal"));
	enum mtu_protocol protocol = is(child, "protocol", "ah") ? MTU_AH : MTU_ESP;
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
	ret->spec.mode = is(child, "mode", "transport") ? MTU_TRANSPORT
			 : is(child, "mode", "beet")	? MTU_BEET
							: MTU_TUNNEL;
	ret->spec.encapsulation = is(child, "encapsulation", "udp") ? MTU_UDP : MTU_PLAIN;
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

static int search(const struct client_reply *reply, const char *name, const char *socket, bool known,
		  struct mtu_found *ret)
{
	json_t *document = json_loadb(reply->body, reply->length, 0, NULL);
	const json_t *tunnels = json_object_get(document, "tunnels"), *tunnel;
	int status = -1;
	size_t i;

	if (!json_is_array(tunnels)) {
		json_decref(document);
		return cmd_cannot("agent at %s: its answer has no tunnels: use the agent's own version of "
				  "espial",
				  socket);
	}
	json_array_foreach(tunnels, i, tunnel) {
		if (is(tunnel, "name", name) && status < 0)
			status = read_tunnel(tunnel, name, known, ret);
	}
	if (status < 0)
		status = no_such_tunnel(tunnels, name);
	json_decref(document);
	return status;
}

int mtu_find_tunnel(const char *name, const char *socket, bool known, struct mtu_found *ret)
{
	struct client_reply reply;
	int err = client_get(socket, "/api/v1/state", CLIENT_DEADLINE_MS, CLIENT_LIMIT, &reply);

	*ret = (struct mtu_found){0};
	if (err)
		return cmd_ask_failed(socket, err, 0);
	err = reply.status == 200 ? search(&reply, name, socket, known, ret)
				  : cmd_ask_failed(socket, 0, reply.status);
	client_free(&reply);
	return err;
}
