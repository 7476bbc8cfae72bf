#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the agent counts on a wire is what was sent, to the packet and byte: native XDP, generic XDP, tc, and the way out
. "$(dirname "$0")/lib.sh"
need_netns
need_cmd jq
net_pair 1500 || skip_all "no veth here"

ROUNDS=2000 RANDOM_SPIS=6000

# expect NAME COUNTERS-FILTER DIRECTION: traffic's account against the agent's
expect()
{
	local name=$1 counters=$2 direction=$3 spi want

	check "$name: everything is seen" agent_shows 60 "$counters.seen" "$(jq .seen "$SENT")" ||
		echo "seen: $(jq "$counters.seen" "$AGENT_STATE")"
	is "$name: bytes" "$(jq "$counters.bytes" "$AGENT_STATE")" "$(jq .bytes "$SENT")"
	is "$name: classes" "$(jq -cS "$counters.class | with_entries(select(.value > 0))" "$AGENT_STATE")" "$(jq -cS .class "$SENT")"
	is "$name: nothing is rejected" "$(jq -c "$counters.rejected // {} | with_entries(select(.value > 0))" "$AGENT_STATE")" "{}"
	for spi in $(jq -r '.sas | keys[]' "$SENT"); do
		want=$(jq -c ".sas[\"$spi\"] | [.packets, .bytes, .missing, .duplicate, .fragments]" "$SENT")
		is "$name: SA $spi" "$(jq -c "[.sas[] | select(.spi == \"$spi\" and .direction == \"$direction\") |
			[.packets, .bytes, .sequence.lost + .sequence.pending, .sequence.duplicate, .fragments]]" "$AGENT_STATE")" "[$want]"
	done
	is "$name: packets = received + duplicate + too_old + outlier" "$(jq -c '[.sas[] | select(.spi | startswith("0x0000")) |
		.packets - .sequence.received - .sequence.duplicate - .sequence.too_old - .sequence.outlier] | unique' "$AGENT_STATE")" "[0]"
	is "$name: highest - first + 1 = received + lost + pending" "$(jq -c '[.sas[] | select(.spi | startswith("0x0000")) |
		.sequence.highest - .sequence.first + 1 - .sequence.received - .sequence.lost - .sequence.pending] | unique' "$AGENT_STATE")" "[0]"
	is "$name: live + evicted + refused = seen" \
		"$(jq '([.sas[].packets] | add) + .losses.evicted + .losses.refused' "$AGENT_STATE")" \
		"$(jq '.class.esp + .class.esp_udp + .class.ah' "$SENT")"
}

# run NAME DIRECTION INGRESS OPTIONS...
run()
{
	local name=$1 direction=$2 ingress=$3 device=a0 from=gen side=in

	shift 3
	check "$name: agent starts" agent_start dut -i b0 "$@" || return
	matches "$name: hook" "$(agent_json | jq -r '.interfaces[] | select(.name == "b0") | .ingress')" "$ingress"
	[ "$direction" = in ] || device=b0 from=dut side=out
	SENT=$TMPDIR/sent.json
	ns $from "$NET_PROGRAMS/traffic" $device $ROUNDS $RANDOM_SPIS >"$SENT" || not_ok "$name: traffic" "not sent"
	expect "$name" "(.interfaces[] | select(.name == \"b0\") | .$side)" "$direction"
	agent_stop
	is "$name: agent stops" $? 0
	is "$name: nothing of ours is left" "$(ns dut bpftool net | grep -c esp_)" 0
}

need_cmd bpftool
run "native XDP" in "^xdp native$" --xdp-mode native
run "generic XDP" in "^xdp generic$" --xdp-mode generic
run "tc ingress" in "^(tcx|clsact)$" --xdp-mode off
run "tc egress" out "^xdp native$"
finish
