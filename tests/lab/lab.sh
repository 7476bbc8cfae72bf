# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lab.sh - left - isp - right: two gateways and the router between them, in network namespaces
#
#   192.168.1.1 (lo)  left  l0 10.1.0.2 --- 10.1.0.1 il  isp  ir 10.2.0.1 --- 10.2.0.2 r0  right  (lo) 192.168.2.1
#
# Sourced, after base.sh (or ../lib.sh). Everything is torn down when the script ends, on whatever way. ipsec.sh adds
# strongSwan to it, impair.sh makes the router lose and duplicate.

LAB_LEFT=10.1.0.2 LAB_RIGHT=10.2.0.2
LAB_LEFT_INNER=192.168.1.1 LAB_RIGHT_INNER=192.168.2.1

lab_up()
{
	local name

	# Short: paths of Unix sockets end at 107 characters
	LAB_DIR=$(mktemp -d /tmp/espial-lab.XXXXXX) || return 1
	at_exit rm -rf "$LAB_DIR"
	for name in left isp right; do
		mkdir "$LAB_DIR/$name"
		ns_add $name || return 1
	done
	ns_link left l0 isp il && ns_link right r0 isp ir || return 1
	ip -n "${NS_PREFIX}left" addr add $LAB_LEFT/24 dev l0
	ip -n "${NS_PREFIX}isp" addr add 10.1.0.1/24 dev il
	ip -n "${NS_PREFIX}isp" addr add 10.2.0.1/24 dev ir
	ip -n "${NS_PREFIX}right" addr add $LAB_RIGHT/24 dev r0
	ip -n "${NS_PREFIX}left" addr add $LAB_LEFT_INNER/24 dev lo
	ip -n "${NS_PREFIX}right" addr add $LAB_RIGHT_INNER/24 dev lo
	ip -n "${NS_PREFIX}left" route add default via 10.1.0.1
	ip -n "${NS_PREFIX}right" route add default via 10.2.0.1
	ns isp sysctl -qw net.ipv4.ip_forward=1
	wait_for 5 ns left ping -c 1 -W 1 -q $LAB_RIGHT
}

# ---- captures: one at a time

# lab_capture_start FILE NAME DEVICE [FILTER]: FILE ends in .pcap (AppArmor's profile of tcpdump allows no other)
lab_capture_start()
{
	LAB_CAPTURE=$1
	# -Z root: the directory is root's. The header of the file is written when the socket is open.
	ns_spawn "$2" "$LAB_CAPTURE.log" tcpdump -U --immediate-mode -B 16384 -Z root -nn -i "$3" -w "$LAB_CAPTURE" "${4:-not arp}"
	LAB_CAPTURE_PID=$SPAWNED
	at_exit stop_process "$LAB_CAPTURE_PID"
	wait_for 5 test -s "$LAB_CAPTURE"
}

# Ends when nothing more arrives; 1 when the kernel dropped packets before tcpdump saw them
lab_capture_stop()
{
	local size=-1

	while [ "$size" != "$(stat -c %s "$LAB_CAPTURE")" ]; do
		size=$(stat -c %s "$LAB_CAPTURE")
		sleep 0.2
	done
	stop_process "$LAB_CAPTURE_PID"
	grep -q '^0 packets dropped by kernel' "$LAB_CAPTURE.log"
}

# lab_ping NAME COUNT [INTERVAL]: from the inner address of left or right to that of the other; prints sent and received
lab_ping()
{
	local from=$LAB_LEFT_INNER to=$LAB_RIGHT_INNER

	[ "$1" = left ] || from=$LAB_RIGHT_INNER to=$LAB_LEFT_INNER
	ns "$1" ping -q -c "$2" -i "${3:-0.005}" -W 1 -I "$from" "$to" | awk '/transmitted/ { print $1, $4 }'
}
