// SPDX-License-Identifier: GPL-2.0-or-later
/* tunnel_name.c - what a tunnel is called when no daemon has a name for it: LOCAL-REMOTE, a NAT's port or the reqid behind it */
#include "model/tunnel_internal.h"

#include <stdio.h>
#include <string.h>

#include "model/address.h"

static void name_end(const uint8_t address[16], uint16_t port, char *buffer, size_t size)
{
	if (!address_is_any(address))
		address_print(address, port, buffer, size);
	else if (port)
		snprintf(buffer, size, "any:%u", port);
	else
		snprintf(buffer, size, "any");
}

/* Two tunnels never share a name: metrics are told apart by it. */
static bool is_taken(const struct tunnels *t, const struct tunnel *tunnel, const char *name)
{
	const struct tunnel *other = tunnel_table_named(t, name);

	return other && other != tunnel;
}

void tunnel_name_by_address(struct tunnels *t, const struct tunnel *tunnel, char ret[static TIMELINE_TUNNEL])
{
	char local[54], remote[54], base[TIMELINE_TUNNEL - 20];
	unsigned int number;

	name_end(tunnel->local, tunnel->port[0], local, sizeof(local));
	name_end(tunnel->remote, tunnel->port[1], remote, sizeof(remote));
	snprintf(base, sizeof(base), "%s-%s", local, remote);
	snprintf(ret, TIMELINE_TUNNEL, "%s", base);
	if (is_taken(t, tunnel, ret) && tunnel->reqid)
		snprintf(ret, TIMELINE_TUNNEL, "%s/reqid=%u", base, tunnel->reqid);
	for (number = 2; is_taken(t, tunnel, ret); number++)
		snprintf(ret, TIMELINE_TUNNEL, "%s/%u", base, number);
}

bool tunnel_name_is_by_address(const char *name, const uint8_t local[16], const uint8_t remote[16])
{
	char a[54], b[54];
	size_t length;

	name_end(local, 0, a, sizeof(a));
	name_end(remote, 0, b, sizeof(b));
	length = strlen(a);
	if (name[0] == '[')
		name++;
	if (strncmp(name, a, length) != 0)
		return false;
	name = strchr(name + length, '-');
	return name && strncmp(name + 1 + (name[1] == '['), b, strlen(b)) == 0;
}

const char *tunnel_name_time(uint64_t ns, char ret[static NAME_TIME])
{
	uint64_t second = ns / TUNNEL_SECOND % 86400;

	if (ns <= CONVERSATION_NO_TIME) { /* the capture has none */
		snprintf(ret, NAME_TIME, "(no time)");
		return ret;
	}
	snprintf(ret, NAME_TIME, "%02u:%02u:%02u", (unsigned int)(second / 3600),
		 (unsigned int)(second / 60 % 60), (unsigned int)(second % 60));
	return ret;
}
