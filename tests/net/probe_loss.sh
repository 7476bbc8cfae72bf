#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# espial probe: 20 % of all packets are lost at random, in each direction; a peer that answers only so often; and its manners:
# not more packets than allowed, and not faster
# shellcheck source=tests/net/lib_probe.sh
. "$(dirname "$0")/lib_probe.sh"
need_netns
need_cmd jq python3 nft

for name in told hole wide calm; do
	check "path $name" probe_path $name 1400 || finish
	check "responder $name" probe_responder $name || finish
done
for row in "limited 5" "rare 2"; do
	read -r name answers <<<"$row"
	check "path $name" probe_path "$name" 1400 || finish
	check "responder $name" probe_responder "$name" "$answers" || finish
done
for mtu in "r r0" "q r1"; do
	read -r node device <<<"$mtu"
	ip -n "${NS_PREFIX}wide$node" link set "$device" mtu 1500
done
for name in told hole wide; do
	check "$name loses" probe_nft $name r "numgen random mod 100 < 20 drop"
done
for name in hole limited rare calm; do
	check "$name is a black hole" probe_black_hole $name
done

# The limit of time is far above what they take, for the machine's sake
probes "told $PROBE_PEER --time 100" "hole $PROBE_PEER --time 100" "wide $PROBE_PEER6 --time 100" "limited $PROBE_PEER --time 100" \
	"rare $PROBE_PEER --time 200"
for name in told hole limited rare; do
	says $name '[.path_mtu, .confirmed, .complete]' '[1400,true,true]'
	says $name '[.methods.icmp, .methods.udp500, .methods.udp4500 | .threshold.mtu]' '[1400,1400,1400]'
done
# A port whose answers are few beside those of the other is not called filtered
says rare '[.methods.udp500, .methods.udp4500 | .state]' '["answered","answered"]'
says told '[.icmp_reporter, .black_hole]' '["10.80.1.2",false]'
says hole .black_hole true
says wide '[.path_mtu, .loss_depends_on_size, [.findings[].id]]' '[1500,false,[]]'
for name in told hole wide; do
	says $name .fragments_pass true
	says $name '[.methods.icmp, .methods.udp500, .methods.udp4500 | .state]' '["answered","answered","answered"]'
done

# ---- limits
check "what is sent is counted" probe_nft calm r "prerouting: ip daddr $PROBE_PEER counter"
start=${EPOCHREALTIME/[.,]/}
probes "calm $PROBE_PEER --packets 30 --rate 20"
took=$((${EPOCHREALTIME/[.,]/} - start))
says calm '[.packets, .complete, .path_mtu]' '[30,false,null]'
is "as many packets on the wire" "$(ns calmr nft list chain inet probe prerouting | sed -n 's/.*counter packets \([0-9]*\).*/\1/p')" 30
check "no faster than 20 a second" test $took -ge 1400000
says calm '.path_mtu_at_least >= 300' true
ns calmc "$ESPIAL" probe $PROBE_PEER --packets 30 >"$TMPDIR/text"
matches "what is known then" "$(cat "$TMPDIR/text")" "Path MTU     at least [0-9]+: .*--packets"
finish
