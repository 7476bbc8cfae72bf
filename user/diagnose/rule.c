// SPDX-License-Identifier: GPL-2.0-or-later
/* rule.c - what rules have in common and needs no memory */
#include "diagnose/rule.h"

bool rule_recent(const struct rule_run *r, uint64_t at_ns)
{
	return at_ns + RULE_RECENT >= r->input->now_ns;
}

bool rule_tunnel_up(const struct state_tunnel *tunnel)
{
	return tunnel && (tunnel->state == STATE_TUNNEL_UP || tunnel->state == STATE_TUNNEL_IDLE);
}

void rule_set_mtu(struct finding *f, const struct state_tunnel *tunnel)
{
	if (tunnel && tunnel->inner_mtu)
		finding_set(f, "mtu", "%u", tunnel->inner_mtu);
	if (tunnel && tunnel->mss4)
		finding_set(f, "mss", "%u", tunnel->mss4);
}
