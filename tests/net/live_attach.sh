#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The agent and its interfaces as a user sees them: other people's programs survive it however it ends, and it follows what happens
# to the interface. (Every hook in every combination: tests/prog/test_live*.c.)
. "$(dirname "$0")/lib.sh"
need_netns
need_cmd jq bpftool
net_pair 1500 || skip_all "no veth here"

# b0's field in the state
b0()
{
	agent_json | jq -r "[.interfaces[] | select(.name == \"${2:-b0}\")][0].$1"
}

ours_left()
{
	ns dut bpftool net | grep -c 'esp_xdp_in\|esp_tc_'
}

# foreign_xdp_id; foreign filters as text
foreign()
{
	ip -n "${NS_PREFIX}dut" -d link show b0 | grep -o 'prog/xdp id [0-9]*'
	ns dut tc filter show dev b0 ingress | grep -v esp_tc_
	ns dut tc filter show dev b0 egress | grep -v esp_tc_
}

# shellcheck disable=SC2317 # check calls it
gone()
{
	[ "$(ours_left)" = 0 ]
}

# ---- next to others

object=$TMPDIR/foreign.o
printf '%s\n' '__attribute__((section("xdp"), used)) int other(void *ctx) { return 2; }' \
	'char _license[] __attribute__((section("license"), used)) = "GPL";' |
	clang -O2 -target bpf -x c -c -o "$object" - || skip_all "clang has no BPF here"
ip -n "${NS_PREFIX}dut" link set dev b0 xdpdrv obj "$object" sec xdp || not_ok "a foreign XDP program" "is not loaded"
ns dut tc qdisc add dev b0 clsact
ns dut tc filter add dev b0 ingress prio 10 protocol ip u32 match u32 0 0 flowid 1:1
ns dut tc filter add dev b0 egress prio 1 protocol all u32 match u32 0 0 flowid 1:1
before=$(foreign)
matches "foreign programs are there" "$before" "prog/xdp id.*u32.*u32"

check "agent starts next to a foreign XDP program" agent_start dut -i b0
matches "tc ingress is used" "$(b0 ingress)" "^(tcx|clsact)$"
matches "and said in the state" "$(b0 note)" "XDP is taken by program"
matches "and said in the log" "$(cat "$AGENT_LOG")" "XDP is taken by program"
is "they are there while it runs" "$(foreign)" "$before"
agent_stop
is "it stops" $? 0
is "they survive its end" "$(foreign)" "$before"
is "nothing of ours is left" "$(ours_left)" 0

check "agent starts again" agent_start dut -i b0
stop_process "$AGENT_PID" KILL
check "killed: its links go" wait_for 60 gone
is "they survive its death" "$(foreign)" "$before"
check "agent starts after the death of one" agent_start dut -i b0
ns dut timeout 60 "$ESPIAL" run -i b0 --journal none --socket "$TMPDIR/second" >"$TMPDIR/second.log" 2>&1
is "a second one cannot run" $? 3
matches "is told why it may not" "$(cat "$TMPDIR/second.log")" "another espial agent"
agent_stop
ip -n "${NS_PREFIX}dut" link set dev b0 xdpdrv off
ns dut tc qdisc del dev b0 clsact

# ---- followed

check "agent starts on a free interface" agent_start dut -i b0
is "native XDP" "$(b0 ingress)" "xdp native"
ip -n "${NS_PREFIX}dut" link set b0 name wan0
check "renamed" agent_shows 60 '[.interfaces[] | [.name, .ingress]]' '[["wan0","xdp native"]]'
ip -n "${NS_PREFIX}dut" link set wan0 down
check "down" agent_shows 60 '.interfaces[0].up' false
ip -n "${NS_PREFIX}dut" link set wan0 up mtu 4000
check "up, with another MTU" agent_shows 60 '.interfaces[0] | [.up, .mtu]' '[true,4000]'
ip -n "${NS_PREFIX}dut" link set wan0 name b0
check "called as before" agent_shows 60 '.interfaces[0].name' b0
SENT=$TMPDIR/sent.json
ns gen "$NET_PROGRAMS/traffic" a0 50 >"$SENT"
sent=$(jq .seen "$SENT")
check "counts" agent_shows 60 '.interfaces[0].in.seen' "$sent"
ip -n "${NS_PREFIX}dut" link del b0
check "gone: its counters stay" agent_shows 60 '.interfaces[0] | [.ingress, .in.seen]' "[\"none\",$sent]"
ip link add a0 netns "${NS_PREFIX}gen" address "$NET_MAC_A" type veth peer name b0 netns "${NS_PREFIX}dut" address "$NET_MAC_B"
ip -n "${NS_PREFIX}gen" link set a0 up arp off
ip -n "${NS_PREFIX}dut" link set b0 up arp off
check "back: watched again" agent_shows 60 '.interfaces[0] | [.ingress, .up]' '["xdp native",true]'
ns gen "$NET_PROGRAMS/traffic" a0 50 >"$SENT"
check "and counts on from where it was" agent_shows 60 '.interfaces[0].in.seen' $((2 * sent))
is "one row" "$(agent_json | jq '.interfaces | length')" 1
agent_stop
is "nothing of ours is left at the end" "$(ours_left)" 0
finish
