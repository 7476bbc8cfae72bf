#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The MSS of connections through a real tunnel: well while nft clamps it, told to be too high when nobody does, with the value to
# clamp to; and inner hosts that have to be told that their packets are too big.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/net/lib_lab.sh
. "$(dirname "$0")/lib_lab.sh"
need_lab python3

# host h0 192.168.1.10 --- 192.168.1.1 n0 left === right 192.168.2.1
check "the lab comes up" lab_up || finish
check "an inner host" ns_add host || finish
check "and its network" ns_link left n0 host h0 || finish
ip -n "${NS_PREFIX}left" addr del 192.168.1.1/24 dev lo
ip -n "${NS_PREFIX}left" addr add 192.168.1.1/24 dev n0
ip -n "${NS_PREFIX}host" addr add 192.168.1.10/24 dev h0
ip -n "${NS_PREFIX}host" route add default via 192.168.1.1
ns left sysctl -qw net.ipv4.ip_forward=1
# A line of 1400 bytes: less goes through the tunnel than the ends, whose tunnel devices have 1400, take for granted
ip -n "${NS_PREFIX}left" link set l0 mtu 1400
ip -n "${NS_PREFIX}isp" link set il mtu 1400
check "the agent on the left gateway" agent_start left -i l0 --inner n0 --vici "$LAB_DIR/left/vici" || finish
check "charon on both sides, configured" lab_daemons || finish
check "the tunnel comes up" lab_initiate || { cat "$LAB_DIR/left/charon.log"; finish; }
check "packets pass" test "$(lab_ping left 20)" = "20 20"
ns_spawn right "$TMPDIR/server.log" python3 -c '
import socket
s = socket.create_server(("192.168.2.1", 5001), backlog=64)
while True:
    s.accept()[0].close()'
at_exit stop_process "$SPAWNED" KILL

# connect COUNT: whole TCP connections from the host
# shellcheck disable=SC2317 # check calls it
connect()
{
	ns host python3 -c '
import socket, sys
for i in range(int(sys.argv[1])):
    s = socket.create_connection(("192.168.2.1", 5001), timeout=60)
    while s.recv(1):
        pass
    s.close()' "$1"
}

# datagrams SIZE COUNT: not to be fragmented, whatever the path was said to carry
# shellcheck disable=SC2317 # check calls it
datagrams()
{
	ns host python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, 10, 3)  # IP_MTU_DISCOVER: IP_PMTUDISC_PROBE
for i in range(int(sys.argv[2])):
    s.sendto(b"x" * (int(sys.argv[1]) - 28), ("192.168.2.1", 9))' "$1" "$2"
}

# finding ID FILTER: of the raised one
finding()
{
	agent_json | jq -c "first(.findings[] | select(.id == \"$1\" and .until == null)) | $2"
}

# shellcheck disable=SC2317 # wait_for calls it
is_raised()
{
	[ "$(finding "$1" .id)" = "\"$1\"" ]
}

# seen FILTER: of the tunnel
seen()
{
	agent_json | jq -c "first(.inner.tunnels[] | select(.tunnel == \"t\")) | $1"
}

# shellcheck disable=SC2317 # wait_for calls it
seen_is()
{
	[ "$(seen "$1")" = "$2" ]
}

# shellcheck disable=SC2317 # wait_for calls it
knows_size()
{
	[ "$(agent_json | jq 'first(.tunnels[] | select(.name == "t")) | .mtu.mss4')" -gt 0 ]
}

check "what fits is known" wait_for 60 knows_size
fits=$("$ESPIAL" mtu --json --esp aes128gcm16 --natt --link 1400 | jq .mss4)

# ---- clamped: inner hosts announce too much, and are told what fits

if ns left nft -f - <<-END 2>"$TMPDIR/nft"
	table ip mangle {
		chain forward {
			type filter hook forward priority mangle;
			tcp flags syn tcp option maxseg size set $fits
		}
	}
	END
then
	check "somebody listens" wait_for 60 connect 1
	check "connections with the clamp" connect 8
	check "they are the tunnel's" wait_for 60 seen_is '[.mss4, (.out.recent >= 8), .in.max, .out.max, .out.recent_above]' \
		"[$fits,true,1460,$fits,0]" || seen .
	check "large datagrams" datagrams 1450 4
	check "that hosts have to be told is a finding" wait_for 60 is_raised df-drop || agent_json | jq -c '[.findings[] | [.id, .explains, .until]]'
	is "with the MTU" "$(finding df-drop '[.subject.tunnel, (.evidence[] | select(.what == "MTU that they were told") | .value)]')" '["t",1400]'
	is "the MSS is none" "$(finding mss-too-high .id)" ''
	ns left nft delete table ip mangle
else
	skip "clamped" "nft cannot set an MSS here: $(tail -1 "$TMPDIR/nft")"
	check "somebody listens" wait_for 60 connect 1
fi

# ---- more than fits

check "connections" connect 8
check "they are the tunnel's" wait_for 60 seen_is '[.in.max, .out.latest, .out.recent_above >= 8]' '[1460,1360,true]' || seen .
check "too high an MSS is told" wait_for 60 is_raised mss-too-high || { agent_json | jq -c .findings; finish; }
is "of which tunnel" "$(finding mss-too-high '[.subject.tunnel, .subject.peer, .severity]')" '["t","10.2.0.2","warning"]'
is "in a sentence" "$(finding mss-too-high .meaning)" \
	"\"Inner TCP connections agree on segments that do not fit (1360 bytes where $fits fit) the path to 10.2.0.2.\""
is "with the clamp to set" "$(finding mss-too-high '.remedies[0].command')" \
	"\"iptables -t mangle -A FORWARD -p tcp --syn -j TCPMSS --set-mss $fits\""
is "and what was seen" "$(finding mss-too-high '[.evidence[] | select(.what | test("MSS|fits")) | select(.what | test("SYNs") | not) | .value]')" \
	"[1360,$fits,$((fits + 40))]"
matches "as text" "$("$ESPIAL" diagnose --socket "$AGENT_SOCKET")" "mss-too-high"
matches "in the table" "$("$ESPIAL" status inner --socket "$AGENT_SOCKET")" " t +$fits .* 1360 "

# ---- packets that do not fit: a consequence

check "large datagrams" datagrams 1450 4
check "are answered by the gateway" wait_for 60 seen_is '.too_big | [.packets >= 3, .mtu, .host, .target]' '[true,1400,"192.168.1.10","192.168.2.1"]' ||
	seen .too_big
# shellcheck disable=SC2317 # wait_for calls it
explained()
{
	[ "$(finding mss-too-high .explains)" = '["df-drop"]' ]
}
check "which is one finding, not two" wait_for 60 explained || agent_json | jq -c '[.findings[] | [.id, .explains, .until]]'
is "of which the consequence is none" "$(finding df-drop .id)" ''
agent_stop
is "agent stops" $? 0
finish
