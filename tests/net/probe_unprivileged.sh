#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# espial probe without CAP_NET_RAW: UDP sockets, and ping sockets where the host allows them; what is missing is said. And with
# that capability alone everything is done.
# shellcheck source=tests/net/lib_probe.sh
. "$(dirname "$0")/lib_probe.sh"
need_netns
need_cmd jq python3 nft setpriv

for row in "none 1400" "ping 1400" "hole 1400" "only 1400"; do
	name=${row%% *}
	# shellcheck disable=SC2086 # a row
	check "path $name" probe_path $row || finish
	check "responder $name" probe_responder "$name" || finish
done
check "black hole" probe_black_hole hole
# Ping sockets for this user, who is root without a capability
for name in ping hole; do
	ns ${name}c sysctl -qw "net.ipv4.ping_group_range=0 0"
done

# without CAPABILITIES NAME OPTIONS...
with_only()
{
	local capabilities=$1 name=$2

	shift 2
	ns "${name}c" setpriv --bounding-set "$capabilities" --inh-caps "$capabilities" "$ESPIAL" probe --json --time 100 "$@" \
		>"$TMPDIR/$name.json" 2>"$TMPDIR/$name.err" || cat "$TMPDIR/$name.err"
}

with_only -all none $PROBE_PEER
says none '[.privileged, .path_mtu, .confirmed, .icmp_reporter]' '[false,1400,true,"10.80.1.2"]'
says none .reachable '{"icmp":null,"udp500":true,"udp4500":true,"esp":null}'
says none '.methods.icmp.state' untried
says none '[(.notes | length), (.notes[0] | contains("CAP_NET_RAW")), (.notes[1] | contains("ping_group_range"))]' '[2,true,true]'
with_only -all none $PROBE_PEER6
says none '[.privileged, .path_mtu, .confirmed, .icmp_reporter]' '[false,1400,true,"fd80:1::2"]'

with_only -all ping $PROBE_PEER --hops
says ping '[.privileged, .path_mtu, .confirmed, .fragments_pass]' '[false,1400,true,true]'
says ping .reachable '{"icmp":true,"udp500":true,"udp4500":true,"esp":null}'
says ping '[.methods.icmp, .methods.udp500, .methods.udp4500 | .threshold.mtu]' '[1400,1400,1400]'
says ping '[.hops[] | [.address, .mtu]]' '[["10.80.1.2",1500],["10.80.2.2",1400],["10.80.3.2",1400]]'
says ping '.notes | length' 1

with_only -all hole $PROBE_PEER
says hole '[.path_mtu, .confirmed, .black_hole]' '[1400,true,true]'
ns holec setpriv --bounding-set -all --inh-caps -all "$ESPIAL" probe --time 100 --through t --target $PROBE_PEER >"$TMPDIR/text" 2>&1
is "inside a tunnel: status" $? 0
matches "inside a tunnel" "$(cat "$TMPDIR/text")" "Inner MTU    1400"
ns nonec setpriv --bounding-set -all --inh-caps -all "$ESPIAL" probe --time 100 --through t --target $PROBE_PEER >"$TMPDIR/text" 2>&1
is "echo alone, and not even that: status" $? 3
matches "the remedy" "$(cat "$TMPDIR/text")" "^espial: no socket for ICMP: .*CAP_NET_RAW, or .*ping_group_range"

# Of all capabilities, CAP_NET_RAW is enough
with_only -all,+net_raw only $PROBE_PEER
says only '[.privileged, .path_mtu, .confirmed, .notes]' '[true,1400,true,[]]'
says only .reachable '{"icmp":true,"udp500":true,"udp4500":true,"esp":false}'

# ---- no route
check "a host without a network" ns_add lonely || finish
ns lonely "$ESPIAL" probe 192.0.2.1 >"$TMPDIR/text" 2>&1
is "no route: status" $? 3
is "no route" "$(cat "$TMPDIR/text")" "espial: no route to 192.0.2.1: \`ip route get 192.0.2.1\` tells what the kernel would do"
finish
