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
