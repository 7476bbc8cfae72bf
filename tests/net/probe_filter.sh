#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# espial probe: what is filtered and what only keeps silent. Silence alone is never called filtered.
# shellcheck source=tests/net/lib_probe.sh
. "$(dirname "$0")/lib_probe.sh"
need_netns
need_cmd jq python3 nft

for name in natt ike esp drop frag silent dead strict; do
	check "path $name" probe_path $name 1400 || finish
	form=v3
	[ $name = strict ] && form=init
	[ $name = dead ] || check "responder $name" probe_responder $name 0 $form || finish
done
check "UDP 4500 is dropped" probe_nft natt r "udp dport 4500 drop"
check "UDP 500 is refused" probe_nft ike r "udp dport 500 reject with icmpx type admin-prohibited"
check "protocol 50 is refused" probe_nft esp r "meta l4proto esp reject with icmpx type admin-prohibited"
check "protocol 50 is dropped" probe_nft drop r "meta l4proto esp drop"
# In the second router: there the first one's fragments have been made
check "fragments are dropped" probe_nft frag q "ip frag-off & 0x3fff != 0 drop" "exthdr frag exists drop"
check "the host takes IKE and says nothing" probe_nft silent p "input: udp dport { 500, 4500 } drop"
check "nothing gets there" probe_nft dead q "ip daddr $PROBE_PEER drop"

probes "natt $PROBE_PEER" "ike $PROBE_PEER" "esp $PROBE_PEER" "drop $PROBE_PEER" "frag $PROBE_PEER" "silent $PROBE_PEER" \
	"dead $PROBE_PEER --hops" "strict $PROBE_PEER"
for name in natt ike esp drop frag silent strict; do
	says $name '[.path_mtu, .confirmed, .icmp_reporter]' '[1400,true,"10.80.1.2"]'
done
for name in natt ike esp drop strict silent; do
	says $name .fragments_pass true
done

says natt '.reachable | [.icmp, .udp500, .udp4500]' '[true,true,false]'
says natt '[.methods.udp4500.state, .measured_by]' '["filtered","udp500"]'
says natt '[.findings[].id] | contains(["nat-t-port-blocked"])' true

says ike '.reachable | [.icmp, .udp500, .udp4500]' '[true,false,true]'
says ike '[.methods.udp500.state, .methods.udp500.refused_by, .measured_by]' '["rejected","10.80.1.2","udp4500"]'
says ike '[.findings[] | select(.id == "ike-no-response") | .confidence]' '["certain"]'

says esp '[.reachable.esp, .methods.esp.state, .methods.esp.refused_by]' '[false,"rejected","10.80.1.2"]'
says esp '[.findings[].id] | contains(["esp-blocked"])' true
says drop '[.reachable.esp, .methods.esp.state]' '[null,"silent"]'
says drop '[.findings[].id] | contains(["esp-blocked"])' false

says frag '[.fragments_pass, .fragments.by_source, .fragments.by_router]' '[false,false,false]'
says frag '[.findings[].id] | contains(["fragments-lost"])' true
says frag '.each_way | [.there.mtu, .back.mtu, .back.at_least]' '[1400,1400,true]'

# Echo is answered, so the MTU is known; about IKE nothing is
says silent '.reachable | [.icmp, .udp500, .udp4500]' '[true,null,null]'
says silent '[.measured_by, .direction, .methods.udp500.state, .methods.udp4500.state]' '["icmp","smaller","silent","silent"]'
says silent '[.findings[].id]' '["pmtu-exceeded"]'

says dead .reachable '{"icmp":null,"udp500":null,"udp4500":null,"esp":null}'
says dead '[.path_mtu, .inner_mtu, .measured_by, .fragments_pass, .black_hole, .findings]' '[null,null,null,null,null,[]]'
says dead '[.hops[] | [.address, .target]]' '[["10.80.1.2",false],["10.80.2.2",false]]'

# A responder that keeps silent about versions that it does not know
says strict '.reachable | [.udp500, .udp4500]' '[true,true]'
matches "strict: it is said" "$(jq -r .methods.udp500.note "$TMPDIR/strict.json")" "IKE_SA_INIT"

# ---- for people, and the exit status
ns nattc "$ESPIAL" probe $PROBE_PEER --time 100 --exit-code >"$TMPDIR/text" 2>"$TMPDIR/err"
is "with a finding: status" $? 1
is "nothing on stderr in a pipe" "$(cat "$TMPDIR/err")" ""
text=$(cat "$TMPDIR/text")
matches "the MTU" "$text" "Path MTU     1400"
matches "what is filtered" "$text" "UDP 4500     filtered  0 of [0-9]+: silence, while UDP 500 is answered"
matches "the finding" "$text" "warning nat-t-port-blocked, likely: "
ns espc "$ESPIAL" probe $PROBE_PEER --time 100 >"$TMPDIR/text" 2>&1
is "without --exit-code: status" $? 0
ns deadc "$ESPIAL" probe $PROBE_PEER --time 100 --exit-code --time 1 >"$TMPDIR/text" 2>&1
is "nothing is known: no finding" $? 0
matches "unknown is said" "$(cat "$TMPDIR/text")" "Path MTU     unknown"
finish
