#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# espial probe: exact path MTUs, with routers that tell of packets that are too large and with those that do not, IPv4 and
# IPv6; one direction narrower than the other; the hops; and that the kernel's path MTU cache is neither trusted nor written
# shellcheck source=tests/net/lib_probe.sh
. "$(dirname "$0")/lib_probe.sh"
need_netns
need_cmd jq python3 nft ping

# narrow links: two of them; on the way back alone, with and without IKE
for row in "m1500 1500" "m1492 1492" "m1400 1400" "m1280 1280" "two 1492 1400" "back 1500" "echo 1500" "there 1500"; do
	name=${row%% *}
	# shellcheck disable=SC2086 # a row
	check "path $name" probe_path $row || finish
	[ "$name" = echo ] || check "responder $name" probe_responder "$name" || finish
done
for name in back echo; do
	ip -n "$NS_PREFIX${name}q" route add 10.80.1.0/24 via 10.80.2.1 mtu lock 1400
done
ip -n "${NS_PREFIX}therer" route add 10.80.3.0/24 via 10.80.2.2 mtu lock 1405
ip -n "${NS_PREFIX}therer" route add fd80:3::/64 via fd80:2::2 mtu lock 1405
ip -n "${NS_PREFIX}thereq" route add 10.80.1.0/24 via 10.80.2.1 mtu lock 1461

# ---- routers tell
probes "m1500 $PROBE_PEER" "m1492 $PROBE_PEER" "m1400 $PROBE_PEER --esp aes256gcm16" "m1280 $PROBE_PEER --natt" \
	"two $PROBE_PEER --hops" "back $PROBE_PEER" "echo $PROBE_PEER" "there $PROBE_PEER"
for mtu in 1500 1492 1400 1280; do
	says m$mtu '[.path_mtu, .confirmed, .direction, .complete]' "[$mtu,true,\"forward\",true]"
	says m$mtu '.reachable' '{"icmp":true,"udp500":true,"udp4500":true,"esp":false}'
	says m$mtu .fragments_pass true
	says m$mtu '[.methods.icmp, .methods.udp500, .methods.udp4500 | .threshold.mtu]' "[$mtu,$mtu,$mtu]"
done
says m1500 '[.df_honoured, .icmp_reporter, .black_hole, .loss_depends_on_size]' '[null,null,null,false]'
for mtu in 1492 1400 1280; do
	says m$mtu '[.df_honoured, .icmp_reporter, .black_hole]' '[true,"10.80.1.2",false]'
	says m$mtu '[.icmp_reported_mtu, .loss_depends_on_size]' "[$mtu,true]"
	says m$mtu '.methods.udp4500.threshold.above | [.size, .passed]' "[$((mtu + 1)),0]"
	says m$mtu '[.findings[].id]' '["pmtu-exceeded"]'
done
# The numbers of espial mtu
is "inner sizes" "$(jq -c '[.inner_mtu, .mss4, .mss6]' "$TMPDIR/m1400.json")" \
	"$("$ESPIAL" mtu --json --link 1400 --esp aes256gcm16 | jq -c '[.inner_mtu, .mss4, .mss6]')"
is "inner sizes in UDP" "$(jq -c '.natt | [.inner_mtu, .mss4, .mss6]' "$TMPDIR/m1400.json")" \
	"$("$ESPIAL" mtu --json --link 1400 --esp aes256gcm16 --natt | jq -c '[.inner_mtu, .mss4, .mss6]')"
is "with --natt they are the first" "$(jq -c .inner_mtu "$TMPDIR/m1280.json")" \
	"$("$ESPIAL" mtu --json --link 1280 --esp aes256gcm16 --natt | jq -c .inner_mtu)"
says two '[.path_mtu, .icmp_reporter]' '[1400,"10.80.2.2"]'
says two '[.hops[] | [.hop, .address, .mtu, .target]]' \
	'[[1,"10.80.1.2",1500,false],[2,"10.80.2.2",1492,false],[3,"10.80.3.2",1400,true]]'
says two '[.hops[].inner_mtu]' '[1446,1438,1346]'

# ---- one way is narrower: IKE shows the way there, echo the way back
says back '[.path_mtu, .return_mtu, .black_hole]' '[1500,1400,null]'
says back '[.methods.icmp, .methods.udp500, .methods.udp4500 | .threshold.mtu]' '[1400,1500,1500]'
says back '[.findings[].id]' '["pmtu-asymmetric"]'
says echo '[.path_mtu, .direction, .return_mtu, .black_hole]' '[1400,"smaller",1400,false]'
says echo '.reachable' '{"icmp":true,"udp500":false,"udp4500":false,"esp":false}'
says echo '[.methods.udp500.state, .methods.udp500.refused_by]' '["closed","10.80.3.2"]'

# Echo that gets there in fragments shows how much wider the way back is, to the byte
says there '[.path_mtu, .direction, .return_mtu, .way_back.confirmed, .black_hole]' '[1405,"forward",1461,true,false]'
says there '.each_way | [.there.mtu, .there.at_least, .back.mtu, .back.at_least]' '[1405,false,1461,false]'
says there '.way_back | [.below.size, .above.size, .above.passed]' '[1461,1462,0]'
says there '[.findings[].id]' '["pmtu-exceeded","pmtu-asymmetric"]'
says m1400 '[.return_mtu, .way_back.confirmed]' '[1400,true]'
matches "for people" "$(ns therec "$ESPIAL" probe $PROBE_PEER --time 100)" \
	"Each way +here -> there 1405, there -> here 1461: measured by IKE on UDP 4500; measured by ICMP echo that was sent in fragments"

# ---- the kernel's path MTU cache
for name in m1492 m1400 two; do
	is "$name: nothing was noted for IPv4" "$(ns ${name}c ip route get $PROBE_PEER | grep -o 'mtu .*')" ""
done
# With IPv6 this holds where IKE is answered: of echo alone the kernel notes what routers report in any case
probes "m1280 $PROBE_PEER6" "there $PROBE_PEER6"
says there '[.path_mtu, .return_mtu, .way_back.interface_limit]' '[1405,1500,true]'
says m1280 '[.path_mtu, .icmp_reporter, .confirmed]' '[1280,"fd80:1::2",true]'
is "m1280: nothing was noted for IPv6" "$(ns m1280c ip -6 route get $PROBE_PEER6 | grep -o 'mtu .*')" ""
check "the cache is poisoned" bash -c "! ip netns exec ${NS_PREFIX}m1400c ping -c 1 -W 5 -M do -s 1472 $PROBE_PEER" &&
	matches "it is" "$(ns m1400c ip route get $PROBE_PEER)" "mtu 1400"
ip -n "${NS_PREFIX}m1400r" link set r0 mtu 1500
ip -n "${NS_PREFIX}m1400q" link set r1 mtu 1500
probes "m1400 $PROBE_PEER"
says m1400 '[.path_mtu, .confirmed]' '[1500,true]'
ip -n "${NS_PREFIX}m1400r" link set r0 mtu 1400
ip -n "${NS_PREFIX}m1400q" link set r1 mtu 1400

# ---- nobody tells. Routers limit by default how many packets they report whose hop limit is used up: then hops take long.
for node in r q; do
	ns two$node sysctl -qw net.ipv4.icmp_ratelimit=0
done
for name in m1492 m1400 m1280 two; do
	check "$name becomes a black hole" probe_black_hole $name
done
probes "m1492 $PROBE_PEER" "m1400 $PROBE_PEER6" "m1280 $PROBE_PEER6" "two $PROBE_PEER --hops" "m1500 $PROBE_PEER6"
says m1492 '[.path_mtu, .confirmed, .icmp_reporter, .black_hole, .df_honoured]' '[1492,true,null,true,true]'
says m1492 '[.findings[] | [.id, .severity, .confidence]]' '[["pmtu-blackhole","warning","certain"]]'
says m1400 '[.target, .path_mtu, .confirmed, .black_hole]' '["fd80:3::2",1400,true,true]'
says m1280 '[.path_mtu, .confirmed, .black_hole]' '[1280,true,true]'
says m1280 '[.methods.icmp, .methods.udp500, .methods.udp4500 | .threshold.mtu]' '[1280,1280,1280]'
says m1500 '[.path_mtu, .confirmed, .fragments_pass]' '[1500,true,true]'
is "inner sizes over IPv6" "$(jq -c '[.inner_mtu, .mss4, .mss6]' "$TMPDIR/m1400.json")" \
	"$("$ESPIAL" mtu --json --link 1400 --esp aes256gcm16 --outer ipv6 | jq -c '[.inner_mtu, .mss4, .mss6]')"
says two '[.path_mtu, .black_hole, [.hops[].mtu]]' '[1400,true,[1500,1492,1400]]'
finish
