#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What this host drops of IPsec, with the kernel's reason: in the state, the metrics, and what people read
. "$(dirname "$0")/lib.sh"
need_netns
need_cmd jq
need_cmd curl
net_pair 1500 || skip_all "no veth here"

# datagrams COUNT PORT: from gen, each of a socket of its own
datagrams()
{
	# shellcheck disable=SC2016 # the inner shell's
	ns gen bash -c 'for ((i = 0; i < $0; i++)); do echo x >/dev/udp/10.9.0.2/$1; done' "$1" "$2"
}

agent_start dut -i b0 || skip_all "the agent does not start"
check "the host is looked at" agent_shows 60 '.host.taken != null' true
if [ "$(agent_json | jq '.host.drops == null')" = true ]; then
	matches "why drops are not known is said" "$(cat "$AGENT_LOG")" 'drop reasons: '
	finish
fi
is "nothing yet" "$(agent_json | jq -c '[.host.drops, .host.drops_unlisted]')" '[[],0]'
datagrams 30 9
datagrams 20 500
datagrams 10 4500
check "IKE that nobody listens for is counted, other UDP is not" agent_shows 60 '.host.drops' \
	'[{"interface":"b0","packet":"outer","reason":"NO_SOCKET","packets":30}]'
curl -s --max-time 30 --unix-socket "$AGENT_SOCKET" http://x/metrics >"$TMPDIR/metrics"
is "as a metric" "$(grep '^espial_host_drops_total' "$TMPDIR/metrics")" \
	'espial_host_drops_total{interface="b0",packet="outer",reason="NO_SOCKET"} 30'
is "the interface's own counters are there" "$(grep -c '^espial_host_nic_dropped_total{interface="b0",' "$TMPDIR/metrics")" 5
check "its queues count what came" agent_shows 60 '[.host.queues[] | select(.interface == "b0" and .queue == "rx-0" and .packets >= 60)] | length' 1
is "softnet's, too" "$(grep -c '^espial_host_softnet_' "$TMPDIR/metrics")" 2
matches "for people" "$("$ESPIAL" status host --socket "$AGENT_SOCKET")" 'b0 +outer +NO_SOCKET +30'
agent_stop
is "the agent stops" $? 0
finish
