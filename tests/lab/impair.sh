# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# impair.sh - makes the router of lab.sh lose, duplicate and block, and count what it did
#
# Sourced, after lab.sh. By nftables: netem is not in every kernel. Counted, not random: each Nth packet, so that a test can
# ask for exact numbers. ESP in UDP only: the first four bytes of the payload are not zero (IKE has the non-ESP marker
# there), and a NAT keepalive has no four bytes.
#
#   lab_impair lose left 20       drop each 20th ESP packet towards left
#   lab_impair dup left 50        send each 50th twice
#   lab_impaired lose left        how many so far
#   lab_block 4500                drop a UDP port altogether
#   lab_delay 700                 what comes from right takes so many milliseconds more (needs python3)
#   lab_clear                     all as before

_lab_esp='udp dport 4500 @th,64,32 != 0'

# lose comes first: what is dropped must not be counted as duplicated too
_lab_table()
{
	ns isp nft list table ip lab >/dev/null 2>&1 || ns isp nft -f - <<-END
	table ip lab {
	  chain do_dup {
	    type filter hook forward priority 10
	  }
	  chain do_lose {
	    type filter hook forward priority 0
	  }
	}
	END
}

# lab_impair lose|dup left|right N
lab_impair()
{
	local to device action

	case $2 in
	left) to=$LAB_LEFT device=il ;;
	right) to=$LAB_RIGHT device=ir ;;
	esac
	case $1 in
	lose) action=drop ;;
	dup) action="dup to $to device \"$device\"" ;;
	esac
	_lab_table
	ns isp nft -f - <<-END
	add counter ip lab $1_$2
	add rule ip lab do_$1 oifname "$device" $_lab_esp numgen inc mod $3 $(($3 - 1)) counter name $1_$2 $action
	END
}

lab_impaired()
{
	ns isp nft list counter ip lab "$1_$2" | awk '/packets/ { print $2 }'
}

lab_block()
{
	_lab_table
	ns isp nft add rule ip lab do_lose udp dport "$1" drop
}

lab_clear()
{
	ns isp nft flush ruleset
}

# Through a tun device, which gives the packets back later
lab_delay()
{
	ns_spawn isp "$LAB_DIR/delay" python3 -c '
import collections, fcntl, os, select, struct, sys, time
tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH", b"late", 0x1001)) # TUNSETIFF: IFF_TUN | IFF_NO_PI
waiting = collections.deque()
while True:
    left = max(0, waiting[0][0] - time.monotonic()) if waiting else None
    if select.select([tun], [], [], left)[0]:
        waiting.append((time.monotonic() + int(sys.argv[1]) / 1000, os.read(tun, 65536)))
    while waiting and waiting[0][0] <= time.monotonic():
        os.write(tun, waiting.popleft()[1])
' "$1"
	at_exit stop_process "$SPAWNED"
	wait_for 60 ip -n "${NS_PREFIX}isp" link set late up || return 1
	ns isp sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.late.rp_filter=0
	ip -n "${NS_PREFIX}isp" route add default dev late table 8 && ip -n "${NS_PREFIX}isp" rule add iif ir table 8
}
