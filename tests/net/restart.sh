#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A hundred restarts while packets pass: told to end, killed, and with tables of another size, as after an upgrade. Not one packet
# is uncounted, no counter goes back, programs of others stay, nothing leaks. (Every hook, and crashes at any moment of
# a start: tests/prog/test_pin.c.)
#
# What is counted is held against the kernel's own counters of the interface: a veth drops what its peer is too slow to take.
#
# timeout: 600
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
need_netns
need_cmd jq bpftool
net_pair 1500 || skip_all "no veth here"

# One bpffs for all agents, in a mount namespace that ends with the test
mkdir -p "$TMPDIR/bpf"
# shellcheck disable=SC2016 # the inner shell's
unshare -m sh -c 'mount -t bpf -o mode=0700 bpf "$0" && echo mounted && exec sleep 3600' "$TMPDIR/bpf" >"$TMPDIR/holder" 2>&1 &
HOLDER=$!
at_exit stop_process "$HOLDER" KILL
wait_for 60 grep -q mounted "$TMPDIR/holder" || skip_all "no bpffs here: $(cat "$TMPDIR/holder")"

# with_kept COMMAND...: where it is mounted
with_kept()
{
	nsenter --mount="/proc/$HOLDER/ns/mnt" "$@"
}

detach()
{
	ns dut nsenter --mount="/proc/$HOLDER/ns/mnt" "$ESPIAL" detach --bpffs "$KEPT" "$@"
}

KEPT=$TMPDIR/bpf/espial
AGENT_SOCKET=$TMPDIR/agent.sock
AGENT_LOG=$TMPDIR/agent.log

# start OPTIONS...: an agent that takes over what is there; ready when it answers
start()
{
	ns_spawn dut "$AGENT_LOG" nsenter --mount="/proc/$HOLDER/ns/mnt" "$ESPIAL" run -i b0 --journal none --socket "$AGENT_SOCKET" --bpffs "$KEPT" "$@"
	AGENT_PID=$SPAWNED
	wait_for 60 _agent_answers_or_ended
	is_running "$AGENT_PID" || { cat "$AGENT_LOG"; return 1; }
}
# shellcheck disable=SC2317 # at_exit calls it
end_agent()
{
	stop_process "$AGENT_PID" KILL
}
at_exit end_agent

# kernel FIELD: rx or tx packets of b0, by the kernel
kernel()
{
	ns dut cat "/sys/class/net/b0/statistics/$1_packets"
}

# generate NAMESPACE DEVICE: traffic without a pause until $TMPDIR/stop is there
GENERATORS=()
generate()
{
	# shellcheck disable=SC2016 # the inner shell's
	ns_spawn "$1" "$TMPDIR/generator.log" bash -c \
		'while [ ! -e "$3" ]; do "$0" "$1" 20 || sleep 0.05; done' "$NET_PROGRAMS/traffic" "$2" '' "$TMPDIR/stop"
	GENERATORS+=("$SPAWNED")
	at_exit stop_process "$SPAWNED" KILL
}

# shellcheck disable=SC2317 # check calls it
generators_are_gone()
{
	local pid

	for pid in "${GENERATORS[@]}"; do
		is_gone "$pid" || return 1
	done
}

# settled: nothing arrives any more
# shellcheck disable=SC2317 # check calls it
settled()
{
	local before

	before=$(kernel rx)/$(kernel tx)
	sleep 0.2
	[ "$before" = "$(kernel rx)/$(kernel tx)" ]
}

# shellcheck disable=SC2317 # check calls it
reached()
{
	[ "$(kernel "$1")" -gt "$2" ]
}

others()
{
	ns dut tc filter show dev b0 ingress
	ns dut tc filter show dev b0 egress
	ns dut tc qdisc show dev b0
}

# ours: programs that hang on b0, and files in bpffs
ours()
{
	ns dut bpftool net show dev b0 | grep -c 'esp_\|driver id'
	with_kept find "$KEPT" -printf '%P\n' | sed 's/^[0-9]*\//N\//; s/^[0-9]*$/N/' | sort
}

# restarts COUNT FLAPS OPTIONS...
restarts()
{
	local i count=$1 flaps=$2 seen=0 now capacity=64 failed='' back=''

	shift 2
	for ((i = 1; i <= count; i++)); do
		if ((i % 2)); then
			stop_process "$AGENT_PID" TERM 60 || failed+="end $i "
		else
			stop_process "$AGENT_PID" KILL
		fi
		if [ "$flaps" = 1 ] && ((i % 20 == 0)); then
			ip -n "${NS_PREFIX}dut" link set b0 down
			ip -n "${NS_PREFIX}dut" link set b0 up
			wait_for 60 _net_has_carrier dut b0
		fi
		((i % 10)) || capacity=$((192 - capacity))
		start --sa-capacity $capacity "$@" >>"$TMPDIR/failed.log" || failed+="start $i "
		((i % 4)) && continue
		now=$(agent_json | jq '.interfaces[0] | .in.seen + .out.seen')
		[ "${now:-0}" -ge "$seen" ] || back+="$seen to ${now:-nothing} at $i "
		seen=$now
	done
	is "$count restarts" "$failed" "" || cat "$TMPDIR/failed.log"
	is "no counter goes back" "$back" ""
}

# all NAME DIRECTION FIELD BEFORE: what the kernel has counted since, the agent has
all()
{
	check "$1: every packet" agent_agrees 60 ".interfaces[0].$2.seen" eval "echo \$((\$(kernel $3) - $4))" ||
		echo "agent $(jq ".interfaces[0].$2.seen" "$AGENT_STATE"), kernel $(($(kernel "$3") - $4))"
}

account()
{
	is "live + evicted + refused = seen" \
		"$(agent_json | jq '([.sas[].packets] | add) + .losses.evicted + .losses.refused')" \
		"$(agent_json | jq '.packets.class | .esp + .esp_udp + .ah')"
}

ns dut tc qdisc add dev b0 clsact
ns dut tc filter add dev b0 ingress prio 10 protocol ip u32 match u32 0 0 flowid 1:1
ns dut tc filter add dev b0 egress prio 10 protocol all u32 match u32 0 0 flowid 1:1
foreign=$(others)

# ---- native XDP, with the interface going down now and then
before=$(kernel rx)
check "agent starts" start --keep --sa-capacity 64 || finish
is "native XDP" "$(agent_json | jq -r '.interfaces[0].ingress')" "xdp native"
stop_process "$AGENT_PID" TERM
check "agent starts again" start --keep --sa-capacity 64 || finish
files=$(ours)
open_files=$(descriptors)
generate gen a0
restarts 60 1 --keep
touch "$TMPDIR/stop"
check "traffic ends" wait_for 60 generators_are_gone
check "and has arrived" wait_for 60 settled
check "there was some" reached rx $((before + 1000))
all "native XDP" in rx "$before"
account
is "no pins or programs more than at the start" "$(ours)" "$files"
check "no descriptors more" wait_for 60 descriptors_at_most "$open_files" || ls -l "/proc/$AGENT_PID/fd"
is "others' programs are there" "$(others)" "$foreign"

# ---- a service's: tc, both ways
stop_process "$AGENT_PID" TERM
check "detach" detach
rm "$TMPDIR/stop"
before=$(kernel rx) before_out=$(kernel tx)
detach >"$TMPDIR/detach"
is "detach once more: nothing" "$(cat "$TMPDIR/detach")" "nothing of espial's is attached or kept here"
check "agent starts" start --keep=yes --xdp-mode off --sa-capacity 64 || finish
generate gen a0
generate dut b0
restarts 40 0 --xdp-mode off # keeping stays keeping
touch "$TMPDIR/stop"
check "traffic ends" wait_for 60 generators_are_gone
check "and has arrived" wait_for 60 settled
check "there was some out" reached tx $((before_out + 1000))
all "tc in" in rx "$before"
all "tc out" out tx "$before_out"
account
is "others' programs are there" "$(others)" "$foreign"

# ---- a second agent, and the end
ns dut nsenter --mount="/proc/$HOLDER/ns/mnt" "$ESPIAL" run -i b0 --journal none --socket "$TMPDIR/second" --bpffs "$KEPT" >"$TMPDIR/second.log" 2>&1
is "a second one cannot run" $? 3
is "it is told who has it" "$(grep "^espial: " "$TMPDIR/second.log")" \
	"espial: $KEPT: another espial agent has it (pid $AGENT_PID): stop that one, or choose another with --bpffs"
detach >"$TMPDIR/detach" 2>&1
is "nor can detach" $? 3
stop_process "$AGENT_PID" TERM
is "the agent ends" $? 0
matches "it says what stays" "$(cat "$AGENT_LOG")" "programs and tables stay and go on counting: .espial detach. removes them"
detach --json >"$TMPDIR/detach"
is "detach: status" $? 0
is_json "detach: what was removed" "$TMPDIR/detach" '[.removed[] | select(.interface) | [.interface, .side]] | sort' '[["b0","in"],["b0","out"]]'
is "nothing of ours is left" "$(ns dut bpftool net show dev b0 | grep -c 'esp_')" 0
check "no directory either" with_kept test ! -e "$KEPT"
is "others' programs are there at the end" "$(others)" "$foreign"
finish
