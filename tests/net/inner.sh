#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Inner interfaces: the MSS of real TCP connections in both directions, the kernel's own "fragmentation needed" and "packet too
# big", odd SYNs, interfaces that go, come back and are renamed; and nothing is left behind.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
need_netns
need_cmd jq python3 bpftool

# gen a0 --- b0 dut o0 --- f0 far: dut is the gateway, b0 its inner interface
net_pair 1500 || skip_all "no veth here"
check "a network behind" ns_add far || finish
check "and the way there" ns_link dut o0 far f0 || finish
for side in "dut o0 1" "far f0 2"; do
	read -r name device own <<<"$side"
	ns "$name" sysctl -qw "net.ipv6.conf.$device.disable_ipv6=0" "net.ipv6.conf.$device.accept_dad=0"
	ip -n "$NS_PREFIX$name" addr add "10.77.0.$own/24" dev "$device"
	ip -n "$NS_PREFIX$name" addr add "fd77::$own/64" dev "$device" nodad
done
ns dut sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
ip -n "${NS_PREFIX}gen" route add 10.77.0.0/24 via 10.9.0.2 advmss 1300
ip -n "${NS_PREFIX}gen" -6 route add fd77::/64 via fd09::2 advmss 1320
ip -n "${NS_PREFIX}far" route add 10.9.0.0/24 via 10.77.0.1 advmss 1410
ip -n "${NS_PREFIX}far" -6 route add fd09::/64 via fd77::1 advmss 1390
ns_spawn far "$TMPDIR/server.log" python3 -c '
import socket
s = socket.create_server(("::", 5001), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
while True:
    s.accept()[0].close()'
at_exit stop_process "$SPAWNED" KILL

# connect ADDRESS COUNT: whole TCP connections from gen
# shellcheck disable=SC2317 # check calls it
connect()
{
	ns gen python3 -c '
import socket, sys
for i in range(int(sys.argv[2])):
    s = socket.create_connection((sys.argv[1], 5001), timeout=60)
    while s.recv(1):
        pass
    s.close()' "$1" "$2"
}

# datagrams ADDRESS SIZE COUNT: of so many bytes with their IP header, not to be fragmented, whatever the path was said to carry
# shellcheck disable=SC2317 # check calls it
datagrams()
{
	ns gen python3 -c '
import socket, sys
v6 = ":" in sys.argv[1]
s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
if v6:
    s.setsockopt(socket.IPPROTO_IPV6, 23, 3)  # IPV6_MTU_DISCOVER: IPV6_PMTUDISC_PROBE
else:
    s.setsockopt(socket.IPPROTO_IP, 10, 3)    # IP_MTU_DISCOVER: IP_PMTUDISC_PROBE
for i in range(int(sys.argv[3])):
    s.sendto(b"x" * (int(sys.argv[2]) - (48 if v6 else 28)), (sys.argv[1], 9))' "$1" "$2" "$3"
}

# syns HEX...: one TCP SYN each from gen with these options, to a port where nobody listens
# shellcheck disable=SC2317 # check calls it
syns()
{
	ns gen python3 -c '
import socket, struct, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("a0", 0))
for i, text in enumerate(sys.argv[3:]):
    options = bytes.fromhex(text.replace("-", ""))
    tcp = struct.pack(">HHIIBBHHH", 1000 + i, 6000, 1, 0, (5 + len(options) // 4) << 4, 2, 512, 0, 0) + options
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, socket.inet_aton("10.9.0.1"), socket.inet_aton("10.9.9.9"))
    s.send(bytes.fromhex(sys.argv[1].replace(":", "")) + bytes.fromhex(sys.argv[2].replace(":", "")) + b"\x08\x00" + ip + tcp)
' "$NET_MAC_B" "$NET_MAC_A" "$@"
}

# inner FILTER [NAME]: of that inner interface
inner()
{
	agent_json | jq -c "first(.inner.interfaces[] | select(.name == \"${2:-b0}\")) | $1"
}

# shellcheck disable=SC2317 # wait_for calls it
inner_is()
{
	[ "$(inner "$1" "${3:-b0}")" = "$2" ]
}

adds_up()
{
	agent_json >"$TMPDIR/sums.json"
	is_json "$1: seen = kinds + rejected" "$TMPDIR/sums.json" \
		'[.inner.interfaces[] | .in, .out | .seen == ([.kinds[]] | add) + ([.rejected[]] + [0] | add)] | all' true
	is_json "$1: SYNs = without + garbled + sizes" "$TMPDIR/sums.json" \
		'[.inner.interfaces[] | .in, .out | .kinds.syn == ([.ipv4, .ipv6 | .syn, .syn_ack] | add), (.ipv4, .ipv6 |
			.syn + .syn_ack == .without_mss + .garbled + ([.largest_of[]] + [0] | add))] | all' true
	is_json "$1: each was told" "$TMPDIR/sums.json" \
		'.inner | .matched + .unmatched + ([.interfaces[] | .in, .out | .missed] | add) ==
			([.interfaces[] | .in, .out | .kinds.syn + .kinds.too_big] | add)' true
}

ours_left()
{
	ns dut bpftool net | grep -c esp_tc_
}

check "somebody listens" wait_for 60 connect fd77::2 1 || finish

# ---- what cannot be

is "none is named" "$(ns dut "$ESPIAL" run --inner b7 -i o0 --socket "$TMPDIR/none" --journal none 2>&1 | tail -1)" \
	"espial: inner interface 'b7': there is none: see \`ip -brief link\`"
matches "inner and outer at once" "$(ns dut "$ESPIAL" run --inner o0 -i o0 --socket "$TMPDIR/none" --journal none 2>&1 | tail -1)" \
	"inner interface 'o0': it is watched by --interface, or by another agent"
is "nothing is left of these" "$(ours_left)" 0

# ---- connections

check "the agent starts" agent_start dut -i o0 --inner b0 || finish
matches "attached" "$(inner '[.ingress, .egress, .up, .mtu]')" '^\["(tcx|clsact)","(tcx|clsact)",true,1500\]$'
check "connections" connect 10.77.0.2 5
check "connections, IPv6" connect fd77::2 5
# Not how often exactly: a SYN may be sent again when the machine is busy
check "SYNs of the inner host" wait_for 60 inner_is '[.in.ipv4, .in.ipv6 | .syn >= 5]' '[true,true]'
check "with its MSS" inner_is '[.in.ipv4, .in.ipv6 | .min, .max]' '[1300,1300,1320,1320]' || inner .in
check "SYN-ACKs to it" wait_for 60 inner_is '[.out.ipv4, .out.ipv6 | .syn_ack >= 5]' '[true,true]'
check "with the other end's MSS" inner_is '[.out.ipv4, .out.ipv6 | .min, .max]' '[1410,1410,1390,1390]' || inner .out
is "no SYN-ACK came from there" "$(inner '[.in.ipv4, .in.ipv6 | .syn_ack]')" '[0,0]'
is "in sizes" "$(inner '[.in.ipv4, .out.ipv4, .out.ipv6 | .largest_of | keys[]]')" '["1300","1420","1400"]'
adds_up "connections"

# ---- odd ones

before=$(inner .in.ipv4.without_mss)
check "odd SYNs" syns '' 01010101 0101-0204-0578-0101 0200-0578 0102-0405 0205-0578 0300-0000 0204-05dc-0204-0200
check "without an MSS" wait_for 60 inner_is '.in.ipv4.without_mss' $((before + 2))
check "garbled" inner_is .in.ipv4.garbled 4 || inner .in.ipv4
is "of two the last one counts" "$(inner '.in.ipv4 | [.min, .max]')" '[512,1400]'
adds_up "odd ones"

# ---- too big

ip -n "${NS_PREFIX}dut" link set o0 mtu 1350
ip -n "${NS_PREFIX}far" link set f0 mtu 1350
check "what fits" datagrams 10.77.0.2 1350 2
check "what does not" datagrams 10.77.0.2 1351 3
check "told by the gateway" wait_for 60 inner_is '[.out.own.too_big, .out.kinds.too_big]' '[3,3]' || inner .out
check "what fits, IPv6" datagrams fd77::2 1350 2
check "what does not, IPv6" datagrams fd77::2 1351 2
check "told by the gateway, IPv6" wait_for 60 inner_is '[.out.own.too_big, .out.kinds.too_big]' '[5,5]' || inner .out
is "none came from within" "$(inner .in.kinds.too_big)" 0
adds_up "too big"
is "no tunnel, no finding" "$(agent_json | jq -c '[.inner.tunnels, [.findings[].id | select(. == "mss-too-high")]]')" '[[],[]]'

# ---- other outputs

matches "as a table" "$("$ESPIAL" status inner --socket "$AGENT_SOCKET")" 'INNER .* MSS4 OUT .*b0 .* 1410'
if command -v curl >/dev/null; then
	is "as metrics" "$(curl -s --unix-socket "$AGENT_SOCKET" http://localhost/metrics | grep -E '^espial_inner_(too_big|mss)' | LC_ALL=C sort)" \
'espial_inner_mss_max_bytes{interface="b0",direction="in",family="ipv4"} 1400
espial_inner_mss_max_bytes{interface="b0",direction="in",family="ipv6"} 1320
espial_inner_mss_max_bytes{interface="b0",direction="out",family="ipv4"} 1410
espial_inner_mss_max_bytes{interface="b0",direction="out",family="ipv6"} 1390
espial_inner_too_big_sent_total{interface="b0"} 5'
fi

# ---- what happens to interfaces

ip -n "${NS_PREFIX}dut" link set b0 down
ip -n "${NS_PREFIX}dut" link set b0 name lan7
ip -n "${NS_PREFIX}dut" link set lan7 up
check "renamed, and watched on" wait_for 60 inner_is '[.up, .out.own.too_big]' '[true,5]' lan7
ip -n "${NS_PREFIX}dut" link del lan7
check "gone, and its counters kept" wait_for 60 inner_is '[.up, .out.own.too_big]' '[false,5]' lan7
ip -n "${NS_PREFIX}dut" link add b0 type veth peer name b1
ip -n "${NS_PREFIX}dut" link set b0 up
check "another of that name is watched" wait_for 60 inner_is '[.up, .out.own.too_big]' '[true,0]'

# ---- killed, and stopped

stop_process "$AGENT_PID" KILL
printf '[run]\ninterface = o0\ninner = b*\n' >"$TMPDIR/espial.conf"
check "after it was killed it starts again" agent_start dut --config "$TMPDIR/espial.conf"
matches "attached" "$(inner .egress)" '^"(tcx|clsact)"$'

# ---- other settings, while it runs

printf '[run]\ninterface = o0\ninner = b8\n' >"$TMPDIR/espial.conf"
kill -HUP "$AGENT_PID"
check "one that is not there is refused" wait_for 60 grep -q "reload: inner interface 'b8': there is none" "$AGENT_LOG"
matches "and the others stay" "$(inner .egress)" '^"(tcx|clsact)"$'
printf '[run]\ninterface = o0\n' >"$TMPDIR/espial.conf"
kill -HUP "$AGENT_PID"
check "not asked for any more" wait_for 60 inner_is '[.egress, .note]' '["none","not asked for any more"]' || inner .
is "nothing of ours on it" "$(ns dut bpftool net | grep -c 'b0.*esp_tc_')" 0
agent_stop
is "it stops" $? 0
is "nothing of ours is left" "$(ours_left)" 0
finish
