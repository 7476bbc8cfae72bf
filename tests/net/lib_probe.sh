# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# net/lib_probe.sh - a path for `espial probe`: client - r1 - r2 - peer, and a peer that answers IKE
#
#   client c0 10.80.1.1 fd80:1::1 --- r1 --- 10.80.2.0/24 --- r2 --- p0 10.80.3.2 fd80:3::2 peer
#
# Sourced. Several paths can live at the same time: each has a name, which begins the names of its namespaces.
# shellcheck source=tests/net/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

PROBE_PEER=10.80.3.2
PROBE_PEER6=fd80:3::2

# probe_path NAME [MTU of r1 - r2 [MTU of r2 - peer]]
probe_path()
{
	local name=$1 middle=${2:-1500} last=${3:-1500} node

	for node in c r p q; do
		ns_add "$name$node" || return 1
		ns "$name$node" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 \
			net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.accept_ra=0 net.ipv6.conf.lo.disable_ipv6=0 \
			net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	done
	ns_link "${name}c" c0 "${name}r" c1 && ns_link "${name}r" r0 "${name}q" r1 && ns_link "${name}q" p1 "${name}p" p0 || return 1
	_probe_node "${name}c" 10.80.1.2 fd80:1::2 "c0 10.80.1.1 fd80:1::1 1500" &&
		_probe_node "${name}r" 10.80.2.2 fd80:2::2 "c1 10.80.1.2 fd80:1::2 1500" "r0 10.80.2.1 fd80:2::1 $middle" &&
		_probe_node "${name}q" 10.80.2.1 fd80:2::1 "r1 10.80.2.2 fd80:2::2 $middle" "p1 10.80.3.1 fd80:3::1 $last" &&
		_probe_node "${name}p" 10.80.3.1 fd80:3::1 "p0 $PROBE_PEER $PROBE_PEER6 $last" &&
		wait_for 60 ns "${name}c" ping -c 1 -W 1 -q $PROBE_PEER && wait_for 10 ns "${name}c" ping -6 -c 1 -W 1 -q $PROBE_PEER6
}

# _probe_node NAME GATEWAY GATEWAY6 DEVICE...: each "NAME ADDRESS ADDRESS6 MTU"
_probe_node()
{
	local name=$1 gateway=$2 gateway6=$3 device address address6 mtu row

	shift 3
	{
		for row in "$@"; do
			read -r device address address6 mtu <<<"$row"
			printf 'link set %s mtu %s\naddr add %s/24 dev %s\naddr add %s/64 dev %s nodad\n' "$device" "$mtu" \
				"$address" "$device" "$address6" "$device"
		done
		printf 'route add default via %s\nroute add default via %s\n' "$gateway" "$gateway6"
	} | ip -n "$NS_PREFIX$name" -batch -
}

# probe_nft NAME NODE RULES...: each a rule of a chain that forwards, or of the chain named before a colon
probe_nft()
{
	local node=$1$2 rule chain

	shift 2
	for rule in "$@"; do
		chain=forward
		[[ $rule =~ ^(output|input|prerouting):\ (.*) ]] && chain=${BASH_REMATCH[1]} rule=${BASH_REMATCH[2]}
		# Before defragmentation of connection tracking would see it; there is none here
		ns "$node" nft -f - <<-END || return 1
			add table inet probe
			add chain inet probe $chain { type filter hook $chain priority -450 ; }
			add rule inet probe $chain $rule
		END
	done
}

# No router tells of packets that are too large
probe_black_hole()
{
	probe_nft "$1" r 'output: icmp type destination-unreachable drop' 'output: icmpv6 type packet-too-big drop'
	probe_nft "$1" q 'output: icmp type destination-unreachable drop' 'output: icmpv6 type packet-too-big drop'
}

# probe_responder NAME [LIMIT [FORM]]: answers IKE on 500 and 4500 at the peer as a responder does, with a notify and without
# state; at most LIMIT answers per second (0: all). FORM is v3 (INVALID_MAJOR_VERSION) or init (only what has version 2).
probe_responder()
{
	local log=$TMPDIR/responder-$1

	ns_spawn "${1}p" "$log" python3 -u -c '
import select, socket, sys, time
limit, form = float(sys.argv[1]), sys.argv[2]
sockets = {}
for family, wild in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
    for port in (500, 4500):
        s = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.bind((wild, port))
        sockets[s] = port
print("ready")
tokens, last = limit, time.monotonic()
while True:
    for s in select.select(list(sockets), [], [])[0]:
        data, peer = s.recvfrom(65535)
        marker = b"\0\0\0\0" if sockets[s] == 4500 else b""
        message = data[len(marker):]
        if not data.startswith(marker) or len(message) < 28 or int.from_bytes(message[24:28], "big") != len(message):
            continue
        if form == "init" and message[17] != 0x20 or message[17] >> 4 not in (2, 3):
            continue
        if limit:
            now = time.monotonic()
            tokens, last = min(limit, tokens + (now - last) * limit), now
            if tokens < 1:
                continue
            tokens -= 1
        notify = 5 if message[17] == 0x30 else 14
        answer = message[:8] + bytes(8) + bytes([41, 0x20, 34, 0x20]) + bytes(4) + (36).to_bytes(4, "big")
        answer += bytes([0, 0, 0, 8, 0, 0, 0, notify])
        s.sendto(marker + answer, peer)
' "${2:-0}" "${3:-v3}"
	at_exit stop_process "$SPAWNED" KILL
	wait_for 60 grep -q ready "$log"
}

# probe NAME OPTIONS...: its JSON in $TMPDIR/NAME.json; prints what went wrong
probe()
{
	local name=$1

	shift
	ns "${name}c" "$ESPIAL" probe --json --time 100 "$@" >"$TMPDIR/$name.json" 2>"$TMPDIR/$name.err" || {
		echo "status $?"
		cat "$TMPDIR/$name.err"
		return 1
	}
}

# probes ROW...: rows of "NAME OPTIONS...", all at the same time; their status in $TMPDIR/NAME.status
probes()
{
	local row name pids=()

	for row in "$@"; do
		name=${row%% *}
		# shellcheck disable=SC2086 # options, in words
		{ probe $row >"$TMPDIR/$name.said"; echo $? >"$TMPDIR/$name.status"; } &
		pids+=($!)
	done
	wait "${pids[@]}"
	for row in "$@"; do
		name=${row%% *}
		is "$name: the probe ran" "$(cat "$TMPDIR/$name.status" "$TMPDIR/$name.said")" 0
	done
}

# says NAME FILTER WANTED: of that probe's document
says()
{
	is_json "$1: $2" "$TMPDIR/$1.json" "$2" "$3"
}
