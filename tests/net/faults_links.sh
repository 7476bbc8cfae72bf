#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What can happen to an interface happens 1000 times over while the agent watches: renamed, down and up, MTU 9000, moved to another
# namespace and back, deleted and made again. Afterwards it watches what is there, to the packet, with one row for the
# interface, no more descriptors and as many programs as before, and the equations of the counters hold.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
need_netns
need_cmd jq bpftool
net_pair 1500 || skip_all "no veth here"
ns_add away || finish

dut()
{
	ip -n "${NS_PREFIX}dut" "$@"
}

# By its own id, so that what other tests load does not count
programs()
{
	find "/proc/$AGENT_PID/fd" -lname 'anon_inode:bpf-prog' | wc -l
}

# shellcheck disable=SC2317 # by wait_for
programs_are()
{
	[ "$(programs)" = "$1" ]
}

same()
{
	check "$1: no more descriptors than before" wait_for 60 descriptors_at_most "$fds" || ls -l "/proc/$AGENT_PID/fd"
	check "$1: as many programs" wait_for 60 programs_are "$progs"
}

# What is to be seen in all: what was before, and what the interface received since
# shellcheck disable=SC2317 # agent_agrees calls it
expected()
{
	echo $((from + $(ns dut cat /sys/class/net/b0/statistics/rx_packets) - before))
}

# counts NAME: traffic now is counted to the packet
counts()
{
	local from before

	check "$1: watched" agent_shows 60 '[.interfaces[] | select(.name == "b0") | [.ingress, .up]]' '[["xdp native",true]]' ||
		jq -c '.interfaces' "$AGENT_STATE"
	from=$(jq '[.interfaces[] | select(.name == "b0") | .in.seen] | add' "$AGENT_STATE")
	before=$(ns dut cat /sys/class/net/b0/statistics/rx_packets)
	ns gen "$NET_PROGRAMS/traffic" a0 100 >"$TMPDIR/sent.json"
	check "$1: counted to the packet" agent_agrees 60 '[.interfaces[] | select(.name == "b0") | .in.seen] | add' expected
	equations "$1"
}

check "the agent starts" agent_start dut -i 'b*' --xdp-mode native || finish
counts "at first"
fds=$(descriptors)
progs=$(programs)

# ---- 800 changes as fast as the kernel makes them
for _ in {1..100}; do
	printf '%s\n' 'link set b0 down' 'link set b0 name b1' 'link set b1 mtu 9000' 'link set b1 up' \
		'link set b1 down' 'link set b1 name b0' 'link set b0 mtu 1500' 'link set b0 up'
done >"$TMPDIR/changes"
check "800 changes" dut -batch "$TMPDIR/changes"
ip -n "${NS_PREFIX}gen" link set a0 mtu 1500
dut neigh replace 10.9.0.1 lladdr "$NET_MAC_A" dev b0
counts "changed"
same "changed"
is "changed: one row" "$(agent_json | jq '.interfaces | length')" 1

# ---- renamed and of another MTU, and left so: told as it is now
dut link set b0 down
dut link set b0 name b1
dut link set b1 mtu 9000 up
check "renamed: told" agent_shows 60 '[.interfaces[] | [.name, .mtu]]' '[["b1",9000]]'
dut link set b1 down
dut link set b1 name b0
dut link set b0 mtu 1500 up
check "renamed back: told" agent_shows 60 '[.interfaces[] | [.name, .mtu]]' '[["b0",1500]]'
dut neigh replace 10.9.0.1 lladdr "$NET_MAC_A" dev b0
counts "renamed"

# ---- moved to another namespace and back: 100 changes
for _ in {1..50}; do
	dut link set b0 netns "${NS_PREFIX}away" || break
	ip -n "${NS_PREFIX}away" link set b0 netns "${NS_PREFIX}dut" || break
done
dut link set b0 up
counts "moved"
same "moved"
is "moved: one row" "$(agent_json | jq '.interfaces | length')" 1

# ---- deleted and made again: 100 changes
for _ in {1..50}; do
	dut link del b0
	ip link add a0 netns "${NS_PREFIX}gen" address "$NET_MAC_A" type veth peer name b0 netns "${NS_PREFIX}dut" address "$NET_MAC_B" ||
		break
done
for end in gen:a0 dut:b0; do
	ns "${end%:*}" sysctl -qw "net.ipv6.conf.${end#*:}.disable_ipv6=1"
	ip -n "$NS_PREFIX${end%:*}" link set "${end#*:}" up arp off
done
counts "made again"
same "made again"
is "made again: one row" "$(agent_json | jq '.interfaces | length')" 1
agent_stop
is "the agent ends well" $? 0
is "nothing of ours is left" "$(ns dut bpftool net | grep -c esp_)" 0

# ---- a bpffs that cannot be written to: it says so with the remedy, counts, and leaves nothing
mkdir "$TMPDIR/bpf"
AGENT_SOCKET=$TMPDIR/ro AGENT_LOG=$TMPDIR/ro.log
# shellcheck disable=SC2016 # the inner shell's
ns_spawn dut "$AGENT_LOG" unshare -m sh -c 'mount -t bpf bpf "$0" && mount -o remount,ro "$0" && exec "$@"' "$TMPDIR/bpf" \
	"$ESPIAL" run -i b0 --journal none --socket "$AGENT_SOCKET" --keep --bpffs "$TMPDIR/bpf/espial"
AGENT_PID=$SPAWNED
at_exit stop_process "$AGENT_PID" KILL
check "bpffs read-only: the agent answers" wait_for 60 agent_json
matches "bpffs read-only: said, with the remedy" "$(cat "$AGENT_LOG")" \
	"$TMPDIR/bpf/espial: cannot be made: Read-only file system: mount bpffs for writing"
counts "bpffs read-only"
agent_stop
is "bpffs read-only: the agent ends well" $? 0
is "bpffs read-only: nothing of ours is left" "$(ns dut bpftool net | grep -c esp_)" 0
finish
