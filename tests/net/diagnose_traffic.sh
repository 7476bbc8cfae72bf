#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the packets of tunnels tell, live, each beside a tunnel that does nearly the same and is well: numbers that run out, that are
# used again and that come twice, congestion marks, and through real gateways a path that is too narrow, and drops fragments.
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/net/lib_lab.sh
. "$(dirname "$0")/lib_lab.sh"
need_lab
out=$TMPDIR/out

lab_up || skip_all "the lab's namespaces do not come up"
OTHER=10.1.0.3
ip -n "${NS_PREFIX}left" addr add $OTHER/24 dev l0
# From the router on the way to the right: larger packets of the left need fragments, and learn so
ip -n "${NS_PREFIX}isp" link set ir mtu 1400
ip -n "${NS_PREFIX}right" link set r0 mtu 1400

# ESP is in user space here: the kernel knows of no SA, and would call each one unknown
check "an agent on the right" agent_start right -i r0 --xfrm no --vici none || finish
right=$AGENT_SOCKET right_pid=$AGENT_PID
check "and one on the left" agent_start left -i l0 --xfrm no --vici none || finish
left=$AGENT_SOCKET

# of SOCKET PEER [OPTION...]: what is raised about the peer, but not what only tells that this machine is slow
of()
{
	TZ=UTC "$ESPIAL" diagnose --json --socket "$1" --peer "$2" "${@:3}" | jq -r '[.[].id | select(IN("ike-slow", "ike-reply-lost") | not)] |
		unique | join(" ")'
}
# shellcheck disable=SC2317 # wait_for calls it
of_is()
{
	sleep 0.3 # asking costs, and the agent looks once a second
	[ "$(of "$1" "$2")" = "$3" ]
}
# raises SOCKET PEER FINDINGS: exactly these, in the end
raises()
{
	check "$2: ${3:-nothing}" wait_for 200 of_is "$1" "$2" "$3" || of "$1" "$2"
}
# well NAME SOCKET PEER: nothing was raised about it at any time
well()
{
	is "$1: nothing" "$(of "$2" "$3" --since '1 hour ago')" ""
}
says()
{
	TZ=UTC "$ESPIAL" diagnose --socket "$2" --peer "$3" >"$out"
	check "$1" grep -qE -- "$4" "$out" || cat "$out"
}

# ---- from the router, and from the left itself

N=$((1 << 32))
ns_spawn isp "$TMPDIR/in" "$NET_PROGRAMS/traffic" il streams \
	10.9.1.1,$LAB_LEFT,0x9001,$((N - 2000000)),plain,1 \
	10.9.1.2,$LAB_LEFT,0x9002,$((N - 20000000)),plain,1 \
	10.9.1.3,$LAB_LEFT,0x9003,1,twice,50 \
	10.9.1.4,$OTHER,0x9003,1,late,500 \
	10.9.1.5,$LAB_LEFT,0x9005,1,ce,20 \
	10.9.1.6,$LAB_LEFT,0x9006,1,ect1,20
at_exit stop_process "$SPAWNED" KILL
ns_spawn left "$TMPDIR/out-of-left" "$NET_PROGRAMS/traffic" l0 streams \
	$LAB_LEFT,10.9.2.1,0xa001,1,twice,300 \
	$LAB_LEFT,10.9.2.2,0xa002,5000,anew,300 \
	$LAB_LEFT,10.9.2.3,0xa003,1,late,20 \
	$OTHER,10.9.2.4,0xa001,1,plain,1
at_exit stop_process "$SPAWNED" KILL

# ---- strongSwan: packets of 100 bytes and of more than the path carries; to the right every fifth loses its end

check "charon on both sides, configured" lab_daemons || finish
check "the tunnel comes up" lab_initiate || { cat "$LAB_DIR/left/charon.log"; finish; }
ns_spawn left "$TMPDIR/small" ping -q -i 0.01 -s 72 -I "$LAB_LEFT_INNER" "$LAB_RIGHT_INNER"
at_exit stop_process "$SPAWNED"
# shellcheck disable=SC2317
passed()
{
	"$ESPIAL" status --json --socket "$1" | jq -e --argjson n "$2" --arg peer "$3" 'any(.tunnels[]; .remote == $peer and .in.packets + .out.packets >= $n)'
}
check "small packets pass" wait_for 120 passed "$left" 100 "$LAB_RIGHT"
well "small packets, left" "$left" "$LAB_RIGHT"
well "small packets, right" "$right" "$LAB_LEFT"
ns isp nft -f - <<-END
table ip lab {
  chain ends {
    type filter hook forward priority 0
    oifname "ir" ip frag-off & 0x1fff != 0 numgen inc mod 5 0 drop
  }
}
END
ns_spawn left "$TMPDIR/large" ping -q -i 0.05 -s 1372 -I "$LAB_LEFT_INNER" "$LAB_RIGHT_INNER"
at_exit stop_process "$SPAWNED"

raises "$left" 10.9.1.1 sequence-exhaustion
raises "$left" 10.9.1.3 duplicate-packets
raises "$left" 10.9.1.5 congestion-marked
raises "$left" 10.9.2.1 sequence-reused
raises "$left" 10.9.2.2 sequence-reused
raises "$left" "$LAB_RIGHT" pmtu-exceeded
raises "$right" "$LAB_LEFT" "esp-fragmented fragments-lost"

says "numbers that run out: when" "$left" 10.9.1.1 'WARNING .*sequence number of an SA with 10\.9\.1\.1 runs out in [0-9]+ hours'
says "twice: what" "$left" 10.9.1.3 'same ESP packets arrive from 10\.9\.1\.3 twice'
says "marks: what" "$left" 10.9.1.5 'Routers mark packets of 10\.9\.1\.5 as congested \(ECN\): [0-9]+ of [0-9]+'
says "used again: what" "$left" 10.9.2.1 'CRITICAL .*SAs to 10\.9\.2\.1 used a sequence number twice, [0-9]+ times'
says "begun anew: what" "$left" 10.9.2.2 'CRITICAL .*SAs to 10\.9\.2\.2 used a sequence number twice: its numbers began anew'
says "too large: who says so" "$left" "$LAB_RIGHT" "WARNING .*Our packets to $LAB_RIGHT are larger than the path carries: 10\\.1\\.0\\.1 says 1400 bytes"
says "too large: what comes of it" "$left" "$LAB_RIGHT" '^  explains +esp-fragmented$'
says "fragments: what" "$right" "$LAB_LEFT" "CRITICAL .*Fragments of ESP packets from $LAB_LEFT are dropped on the path"
says "fragments: there are any" "$right" "$LAB_LEFT" "WARNING .*of the ESP packets from $LAB_LEFT are fragmented"

# ---- near misses: as many packets, at the same time

for peer in 10.9.1.2 10.9.1.4 10.9.1.6 10.9.2.3 10.9.2.4; do
	check "$peer: more packets than any rule wants" wait_for 200 passed "$left" 1500 $peer
done
well "numbers that run out in days" "$left" 10.9.1.2
well "the same SPI and numbers for another address, and some late" "$left" 10.9.1.4
well "ECN in use, and no mark" "$left" 10.9.1.6
well "numbers out of order" "$left" 10.9.2.3
well "the same SPI and numbers from another address" "$left" 10.9.2.4
# The way back is as narrow, but the right knows, and all of its fragments come: the left's findings are not the right's, nor these its
is "a sender that knows the path: no pmtu-exceeded; and the fragments of the way back: none lost" \
	"$(of "$right" "$LAB_LEFT" --since '1 hour ago') / $(of "$left" "$LAB_RIGHT" --since '1 hour ago')" \
	"esp-fragmented fragments-lost / pmtu-exceeded"
agent_stop
is "the left agent stops" $? 0
stop_process "$right_pid" TERM 10
is "the right agent stops" $? 0
finish
