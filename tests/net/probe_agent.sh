#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The agent probes by itself: the path of a tunnel through a router that is narrower and silent is measured, kept in the journal, found
# to be a black hole, and the inner MTU follows; not configured, nothing is sent.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/net/lib_lab.sh
. "$(dirname "$0")/lib_lab.sh"
need_lab nft

# shellcheck disable=SC2317 # wait_for calls it
mtu_is()
{
	[ "$(agent_json | jq -c 'first(.tunnels[] | select(.name == "t")) | [.mtu.path, .mtu.source]')" = "$1" ]
}

# shellcheck disable=SC2317 # wait_for calls it
is_found()
{
	"$ESPIAL" diagnose --json --socket "$AGENT_SOCKET" | jq -e --arg id "$1" '[.. | .id? | strings] | index($id)' >/dev/null
}

# shellcheck disable=SC2317 # wait_for calls it
is_kept()
{
	"$ESPIAL" journal --file "$TMPDIR/journal.db" --kind probe --json | grep -q 'path MTU 1400: larger packets vanish'
}

# Echo requests: charon sends none
probes()
{
	ns isp nft list chain ip espial probes | sed -n 's/.*echo-request counter packets \([0-9]*\).*/\1/p'
}

check "the lab comes up" lab_up || finish
ip -n "${NS_PREFIX}isp" link set ir mtu 1400
ns isp nft -f - <<'END'
table ip espial {
	chain silent {
		type filter hook output priority 0; policy accept;
		icmp type destination-unreachable drop
	}
	chain probes {
		type filter hook forward priority 0; policy accept;
		icmp type echo-request counter
	}
}
END
before=$(probes)
check "the agent, without probes" agent_start left -i l0 --vici "$LAB_DIR/left/vici" || finish
check "charon on both sides, configured" lab_daemons || finish
check "the tunnel comes up" lab_initiate || { cat "$LAB_DIR/left/charon.log"; finish; }
check "packets pass" test "$(lab_ping left 20)" = "20 20"
check "the path is as wide as the interface, as far as anybody knows" wait_for 60 mtu_is '[1500,"interface"]'
is "nothing was sent" "$(probes)" "$before"
agent_stop
is "agent stops" $? 0

check "the agent, with probes" agent_start left -i l0 --vici "$LAB_DIR/left/vici" --probe-interval 10m \
	--journal "$TMPDIR/journal.db" || finish
check "measured" wait_for 90 mtu_is '[1400,"probe"]' || agent_json | jq -c '.tunnels[].mtu'
check "and found to be a black hole" wait_for 60 is_found pmtu-blackhole
check "it is in the journal" wait_for 60 is_kept
check "packets were sent" test "$(probes)" -gt "$before"
agent_stop
is "agent stops" $? 0
finish
