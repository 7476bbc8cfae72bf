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
	wait_for 60 ns left ping -c 1 -W 1 -q $LAB_RIGHT
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
	wait_for 60 test -s "$LAB_CAPTURE"
}

# Ends when nothing more arrives; 1 when the kernel dropped packets before tcpdump saw them
lab_capture_stop()
{
	local size=-1

	while [ "$size" != "$(stat -c %s "$LAB_CAPTURE")" ]; do
		size=$(stat -c %s "$LAB_CAPTURE")
		sleep 1
	done
	stop_process "$LAB_CAPTURE_PID"
	grep -q '^0 packets dropped by kernel' "$LAB_CAPTURE.log"
}

# lab_ping NAME COUNT [INTERVAL]: from the inner address of left or right to that of the other; prints sent and received. Not ping,
# which waits for the last answers twice as long as the slowest took so far, on a busy machine too short: here until nothing has
# come for three seconds.
lab_ping()
{
	local from=$LAB_LEFT_INNER to=$LAB_RIGHT_INNER

	[ "$1" = left ] || from=$LAB_RIGHT_INNER to=$LAB_LEFT_INNER
	ns "$1" python3 - "$from" "$to" "$2" "${3:-0.005}" <<-'END'
		import os, select, socket, struct, sys, time

		source, target, count, interval = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
		ident, sent, answered = os.getpid() & 0xffff, 0, set()
		s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
		s.bind((source, 0))
		s.setblocking(False)

		def request(number):
		    head, data = struct.pack(">HH", ident, number), bytes(56)
		    total = 0x0800 + sum(struct.unpack(">30H", head + data))
		    total = (total & 0xffff) + (total >> 16)
		    total += total >> 16
		    return struct.pack(">BBH", 8, 0, ~total & 0xffff) + head + data

		now = due = last = time.monotonic()
		while len(answered) < count and (sent < count or now - last < 3):
		    if sent < count and now >= due:
		        try:
		            s.sendto(request(sent), (target, 0))
		        except OSError:
		            pass
		        sent, due, last = sent + 1, now + interval, now
		    if select.select([s], [], [], max(0, due - now) if sent < count else 0.5)[0]:
		        packet, sender = s.recvfrom(2048)
		        icmp = packet[(packet[0] & 15) * 4:]
		        if sender[0] == target and struct.unpack(">BBHH", icmp[:6])[::3] == (0, ident):
		            answered.add(icmp[6:8])
		            last = time.monotonic()
		    now = time.monotonic()
		print(sent, len(answered))
	END
}
