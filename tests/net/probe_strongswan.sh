#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# espial probe and strongSwan: a thousand probes leave nothing behind at the responder, in either form of the message; and
# inside the tunnel the threshold is, to the byte, what espial mtu computes
# shellcheck source=tests/net/lib_probe.sh
. "$(dirname "$0")/lib_probe.sh"
# shellcheck source=tests/net/lib_lab.sh
. "$(dirname "$0")/lib_lab.sh"
need_lab

# left OPTIONS...: espial there; its JSON in $TMPDIR/left.json
left()
{
	ns left "$ESPIAL" probe --json "$@" >"$TMPDIR/left.json" 2>"$TMPDIR/left.err" || cat "$TMPDIR/left.err"
}

ike_sas()
{
	lab_swanctl right --stats | sed -n 's/^IKE_SAs: //p'
}

# answered: IKE messages so far
count_answers()
{
	answers=$((answers + $(jq '.methods.udp500.answered + .methods.udp4500.answered' "$TMPDIR/left.json")))
}

check "the lab" lab_up || finish
check "the tunnel" lab_tunnel || finish
spis=$(lab_spis right)
is "before" "$(ike_sas)" "1 total, 0 half-open"

# The messages go in a row, as fast as allowed
answers=0
for _ in {1..5}; do
	left $LAB_RIGHT --confirm 100 --rate 1000 --packets 5000 --time 100
	count_answers
done
says left '[.path_mtu, .confirmed]' '[1500,true]'
says left '[.methods.udp500.state, .methods.udp4500.state, .methods.udp500.note]' '["answered","answered",null]'
check "a thousand were answered" test $answers -ge 1000
is "no half-open SA, no other" "$(ike_sas)" "1 total, 0 half-open"

# The same with an IKE_SA_INIT that has nothing acceptable in it: a firewall does not let pass the unknown version
ns isp nft -f - <<-END
	add table ip lab
	add chain ip lab version { type filter hook forward priority 0 ; }
	add rule ip lab version udp dport 500 @th,200,8 0x30 drop
	add rule ip lab version udp dport 4500 @th,232,8 0x30 drop
END
answers=0
for _ in {1..5}; do
	left $LAB_RIGHT --confirm 100 --rate 1000 --packets 5000 --time 100
	count_answers
done
says left '[.path_mtu, .confirmed, .methods.udp500.state, .methods.udp4500.state]' '[1500,true,"answered","answered"]'
matches "the other form was answered" "$(jq -r .methods.udp500.note "$TMPDIR/left.json")" "IKE_SA_INIT"
check "a thousand of these too" test $answers -ge 1000
is "no half-open SA after these" "$(ike_sas)" "1 total, 0 half-open"
is "the tunnel's SAs are the same" "$(lab_spis right)" "$spis"
check "and it carries" wait_for 60 ns left ping -c 1 -W 2 -q -I $LAB_LEFT_INNER $LAB_RIGHT_INNER
ns isp nft flush ruleset

# ---- inside. Outer fragments would carry inner packets of any size, so that the router drops them; and it tells nobody.
ns isp nft -f - <<-END
	add table ip lab
	add chain ip lab forward { type filter hook forward priority 0 ; }
	add rule ip lab forward ip frag-off & 0x3fff != 0 drop
	add chain ip lab output { type filter hook output priority 0 ; }
	add rule ip lab output icmp type destination-unreachable drop
END

# narrow MTU: the link between the router and right
narrow()
{
	ip -n "${NS_PREFIX}isp" link set ir mtu "$1" && ip -n "${NS_PREFIX}right" link set r0 mtu "$1"
}

# inside NAME MTU PROPOSAL
inside()
{
	left --through t --source $LAB_LEFT_INNER --target $LAB_RIGHT_INNER --time 100
	says left '[.through, .interface, .confirmed]' '["t","ipsec0",true]'
	is "$1: the threshold is what is computed" "$(jq -c '[.inner_mtu, .mss4]' "$TMPDIR/left.json")" \
		"$("$ESPIAL" mtu --json --link "$2" --esp "$3" --natt | jq -c '[.inner_mtu, .mss4]')"
	says left '[.path_mtu, .natt, .reachable.udp500]' '[null,null,null]'
}

# The device of strongSwan's ESP in user space has an MTU of 1400, and that is the limit of a path of 1500
left --through t --source $LAB_LEFT_INNER --target $LAB_RIGHT_INNER --time 100
says left '[.inner_mtu, .interface, .methods.icmp.threshold.interface_limit, .findings]' '[1400,"ipsec0",true,[]]'
narrow 1400
inside "GCM, 1400" 1400 aes128gcm16
says left '[.black_hole, [.findings[0].id]]' '[true,["pmtu-blackhole"]]'
narrow 1300
inside "GCM, 1300" 1300 aes128gcm16
narrow 1500
lab_swanctl left --terminate --ike t --timeout 10 >"$TMPDIR/terminate" 2>&1
lab_conn esp=aes128-sha256-x25519
check "another proposal" lab_load left || finish
check "at both ends" lab_load right || finish
check "the tunnel again" lab_initiate || finish
narrow 1387
inside "CBC and SHA-256, 1387" 1387 aes128-sha256
matches "for people" "$(ns left "$ESPIAL" probe --through t --source $LAB_LEFT_INNER --target $LAB_RIGHT_INNER --time 100)" \
	"Inner MTU +1310  the smaller of both directions, by ICMP echo"
finish
