#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two strongSwan gateways, a rekey, and the agent on both interfaces of the router between them: what it counts per SA is what
# captures on the same interfaces show, read by espial and, independently, by tcpdump. The router loses and duplicates some ESP
# on purpose: on the way in (XDP) all of it is still there, on the way out (tc) not.
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/net/lib_lab.sh
. "$(dirname "$0")/lib_lab.sh"
need_lab python3 iperf3 tcpdump ss

# What tcpdump's text says of a capture, folded like by_sa() and classes() fold espial's. No code of ours sees a packet here.
tcpdump_says()
{
	tcpdump -nn -v -r "$1" 2>/dev/null | python3 -c '
import json, re, sys
classes = dict.fromkeys(("esp_udp", "ike", "ike_natt", "nat_keepalive", "icmp_quote", "fragment"), 0)
sas, exchanges, length, quoted = {}, {}, 0, False
names = {"parent_sa": "IKE_SA_INIT", "ikev2_auth": "IKE_AUTH", "child_sa": "CREATE_CHILD_SA", "inf2": "INFORMATIONAL"}
for line in sys.stdin:
    if " IP (tos " in line:
        length = int(re.search(r"length (\d+)\)", line)[1])
        classes["fragment"] += "offset 0," not in line
        continue
    classes["icmp_quote"] += bool(re.search("ICMP .* udp port 4500 unreachable", line))
    head = re.match(r"    ([\d.]+)\.(\d+) > ([\d.]+)\.(\d+): (.*)", line)
    if line.startswith("\tIP ("): # what an ICMP error quotes: its addresses and ports follow
        quoted = True
    if not head or quoted:
        quoted = quoted and not head
        continue
    esp = re.search(r"ESP\(spi=(0x[0-9a-f]+),seq=(0x[0-9a-f]+)\)", head[5])
    ike = re.search(r"isakmp 2\.0 .*?: (?:child_sa  |phase\S* )?(\w+)(?:\[\w*\])?", head[5])
    if esp:
        classes["esp_udp"] += 1
        sa = sas.setdefault(head[3] + " " + esp[1], [0, 0, []])
        sa[0] += 1
        sa[1] += length
        sa[2].append(int(esp[2], 16))
    elif "isakmp-nat-keep-alive" in head[5]:
        classes["nat_keepalive"] += 1
    elif ike:
        classes["ike_natt" if "NONESP" in head[5] else "ike"] += 1
        name = names.get(ike[1], ike[1])
        exchanges[name] = exchanges.get(name, 0) + 1
for name, (packets, octets, numbers) in sas.items():
    sas[name] = [packets, octets, min(numbers), max(numbers), len(set(numbers)), len(numbers) - len(set(numbers)),
                 max(numbers) - min(numbers) + 1 - len(set(numbers))]
json.dump({"sas": sas, "class": classes, "exchanges": exchanges}, sys.stdout, sort_keys=True)'
}

# by_sa [FILTER]: of espial's document: destination and SPI, and packets, bytes, first, highest, received, duplicate, missing
by_sa()
{
	jq -cS "[.sas[] | ${1:-.} | {key: \"\(.destination) \(.spi)\", value: [.packets, .bytes, .sequence.first, .sequence.highest,
		.sequence.received, .sequence.duplicate, .sequence.lost + .sequence.pending]}] | from_entries"
}

# classes FILTER: those that tcpdump_says() tells, of the counters that the filter chooses (one or several)
classes()
{
	jq -cS "[$1 | .class] | . as \$all | [\"esp_udp\", \"ike\", \"ike_natt\", \"nat_keepalive\", \"icmp_quote\", \"fragment\"] |
		map({key: ., value: (. as \$name | \$all | map(.[\$name]) | add)}) | from_entries"
}

# shellcheck disable=SC2317 # check calls it
capture_start()
{
	lab_capture_start "$LAB_DIR/$1.pcap" isp "$1" && capture_pid[$1]=$LAB_CAPTURE_PID
}

# shellcheck disable=SC2317 # check calls it
capture_stop()
{
	LAB_CAPTURE=$LAB_DIR/$1.pcap LAB_CAPTURE_PID=${capture_pid[$1]}
	lab_capture_stop
}

# The agent polls each second: nothing of IPsec came between two looks (the neighbours' ARP may)
# shellcheck disable=SC2317 # check calls it
agent_is_stable()
{
	local before counters='[.packets.class.other = 0 | .packets.class, (.sas | map([.spi, .packets, .sequence]))]'

	before=$(agent_json | jq -c "$counters")
	sleep 2
	[ "$(agent_json | jq -c "$counters")" = "$before" ]
}

# pings NAME LOST: as many of 300 are not answered, left's and right's together
pings()
{
	local left right

	left=$(lab_ping left 150)
	right=$(lab_ping right 150)
	is "$1: pings without an answer" $((${left% *} + ${right% *} - ${left#* } - ${right#* })) "$2"
}

# impaired NAME LOSE-TO DUP-TO|-: traffic while the router is so, and then enough without, so that no loss is the last packet.
# Sets $lost and $duplicated
impaired()
{
	lab_impair lose "$2" 20
	[ "$3" = - ] || lab_impair dup "$3" 50
	pings "$1" 15
	lost=$(lab_impaired lose "$2")
	[ "$3" = - ] || duplicated=$(lab_impaired dup "$3")
	lab_clear
	pings "$1, over" 0
}

declare -A capture_pid
lab_up || skip_all "the lab's namespaces do not come up"
check "agent starts on the router" agent_start isp -i il -i ir || finish
is "hooks" "$(agent_json | jq -c '[.interfaces[] | [.name, .ingress]] | sort')" '[["il","xdp native"],["ir","xdp native"]]'
check "capture of il" capture_start il
check "capture of ir" capture_start ir

# ---- traffic

lab_conn
lab_daemon_start left && lab_daemon_start right && lab_load left && lab_load right
check "tunnel" lab_initiate || { cat "$LAB_DIR/left/charon.log"; finish; }
spis=$(lab_spis left)
pings "good network" 0
ns_spawn right "$TMPDIR/iperf" iperf3 -s -1 -B "$LAB_RIGHT_INNER"
at_exit stop_process "$SPAWNED" KILL
check "iperf3 listens" wait_for 60 ns right sh -c 'ss -ltn | grep -q :5201'
check "iperf3, both ways" ns left iperf3 -c "$LAB_RIGHT_INNER" -B "$LAB_LEFT_INNER" -b 20M -n 3M --bidir
impaired "loss and duplicates to left" left left
lost_left=$lost
check "rekey" lab_rekey || cat "$LAB_DIR/left/charon.log"
spis+=$'\n'$(lab_spis left)
impaired "loss to right, new SAs" right -
# Nothing more is on the wire when both have ended
lab_daemon_stop left
lab_daemon_stop right
# libipsec's NAT is pretended, which makes no keepalives; and to this port nobody listens any more: ICMP errors, as many as
# the kernel's rate limit allows and one more when a daemon's last answer came too late
ns left python3 -c '
import socket
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("", 4500))
for _ in range(3):
    u.sendto(b"\xff", (__import__("sys").argv[1], 4500))' "$LAB_RIGHT"
check "capture of il is whole" capture_stop il
check "capture of ir is whole" capture_stop ir
check "agent's counters come to rest" wait_for 60 agent_is_stable
state=$TMPDIR/state.json events=$TMPDIR/events.json
agent_json >"$state"
"$ESPIAL" events --json --socket "$AGENT_SOCKET" >"$events"

# ---- compared

for device in il ir; do
	offline=$TMPDIR/$device.read.json dumped=$TMPDIR/$device.tcpdump.json
	"$ESPIAL" read --json "$LAB_DIR/$device.pcap" >"$offline"
	tcpdump_says "$LAB_DIR/$device.pcap" >"$dumped"
	wanted=$(jq -cS .sas "$dumped")
	live=$(by_sa "select(.interfaces | map(.name) == [\"$device\"])" <"$state")
	is "$device: two SAs per direction" "$(jq -c '[keys[] | split(" ")[0]] | group_by(.) | map(length)' <<<"$wanted")" "[2,2]"
	is "$device: SPIs are the gateways'" "$(jq -r 'keys[] | split(" ")[1]' <<<"$wanted" | sort)" \
		"$(cut -d ' ' -f 2 <<<"$spis" | sort)"
	while read -r sa; do
		got=$(jq -c --arg sa "$sa" '.[$sa]' <<<"$live")
		want=$(jq -c --arg sa "$sa" '.[$sa]' <<<"$wanted")
		is "$device: $sa: the agent and tcpdump agree" "$got" "$want"
		is "$device: $sa: read and tcpdump agree" "$(by_sa <"$offline" | jq -c --arg sa "$sa" '.[$sa]')" "$want"
	done < <(jq -r 'keys[]' <<<"$wanted")
	is "$device: no other SAs, live" "$(jq length <<<"$live")" 4
	is "$device: no other SAs, offline" "$(jq '.sas | length' "$offline")" 4
	is "$device: direction of what goes to the router's neighbour is out" "$(jq -c "[.sas[] |
		select((.interfaces[0].name == \"$device\") and (.direction == \"out\") != (.destination ==
			(if \"$device\" == \"il\" then \"$LAB_LEFT\" else \"$LAB_RIGHT\" end)))]" "$state")" "[]"

	wanted=$(jq -cS .class "$dumped")
	is "$device: classes: the agent and tcpdump agree" "$(classes ".interfaces[] | select(.name == \"$device\") | .in, .out" <"$state")" "$wanted"
	is "$device: classes: read and tcpdump agree" "$(classes .packets <"$offline")" "$wanted"
	check "$device: all of them were on the wire" jq -e '.ike > 1 and .ike_natt > 5 and .nat_keepalive == 3 and .icmp_quote > 0' <<<"$wanted" ||
		echo "$wanted"

	is "$device: events: the IKE messages of the capture, by exchange" "$(jq -cS -s "map(select(.kind == \"ike\" and .interface ==
		\"$device\") | .ike.exchange) | group_by(.) | map({key: .[0], value: length}) | from_entries" "$events")" \
		"$(jq -cS .exchanges "$dumped")"
	is "$device: events: as many as were counted" "$(jq -s "map(select(.kind == \"ike\" and .interface == \"$device\")) | length" "$events")" \
		"$(jq '.class | .ike + .ike_natt' "$dumped")"
done

# ---- and what the router did is there

# sums DEVICE DIRECTION DESTINATION: missing and duplicate of its SAs
sums()
{
	jq -c "[.sas[] | select(.interfaces[0].name == \"$1\" and .direction == \"$2\" and .destination == \"$3\") | .sequence] |
		[(map(.lost + .pending) | add), (map(.duplicate) | add)]" "$state"
}
is "ir in, to left: before the router's loss" "$(sums ir in "$LAB_LEFT")" "[0,0]"
is "il out, to left: behind it" "$(sums il out "$LAB_LEFT")" "[$lost_left,$duplicated]"
is "il in, to right: before the router's loss" "$(sums il in "$LAB_RIGHT")" "[0,0]"
is "ir out, to right: behind it" "$(sums ir out "$LAB_RIGHT")" "[$lost,0]"
is "nothing was refused or overrun" "$(jq -c '.losses | map_values(select(. > 0))' "$state")" "{}"
agent_stop
is "agent stops" $? 0
finish
