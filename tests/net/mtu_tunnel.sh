#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Path MTU of a tunnel, as its gateway learns it: at first the interface's, then what a router in between tells; inner MTU and MSS
# for the transforms that strongSwan negotiated, as `espial mtu` computes them; and the same from a capture.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/net/lib_lab.sh
. "$(dirname "$0")/lib_lab.sh"
need_lab python3

# tunnel FILTER: of the agent's tunnel t
tunnel()
{
	agent_json | jq -c "first(.tunnels[] | select(.name == \"t\")) | $1"
}

# shellcheck disable=SC2317 # wait_for calls it
tunnel_is()
{
	[ "$(tunnel "$1")" = "$2" ]
}

# esp BYTES: one packet of left's outgoing SA that is this long and must not be fragmented. Not charon's: whether that lets its
# packets be fragmented is a matter of its settings
esp()
{
	ns left python3 - "$1" "$LAB_LEFT" "$LAB_RIGHT" "$(lab_spis left | sed -n 's/^out //p')" <<-'END'
	import socket, struct, sys
	size, source, destination, spi = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4], 16)
	udp = struct.pack(">HHHH", 4500, 4500, size - 20, 0)
	esp = struct.pack(">II", spi, 1).ljust(size - 28, b"\0")
	ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, size, 0, 0x4000, 64, 17, 0, socket.inet_aton(source), socket.inet_aton(destination))
	s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
	s.sendto(ip + udp + esp, (destination, 0))
	END
}

# mtu FILTER OPTION...: of `espial mtu --json`
mtu()
{
	local filter=$1

	shift
	"$ESPIAL" mtu --json "$@" | jq -c "$filter"
}

check "the lab comes up" lab_up || finish
ip -n "${NS_PREFIX}isp" link set ir mtu 1400
check "the agent on the left gateway" agent_start left -i l0 --vici "$LAB_DIR/left/vici" || finish
check "charon on both sides, configured" lab_daemons esp=aes256-sha256-x25519 || finish
check "a capture on the left" lab_capture_start "$LAB_DIR/left.pcap" left l0
check "the tunnel comes up" lab_initiate || { cat "$LAB_DIR/left/charon.log"; finish; }
check "packets pass" test "$(lab_ping left 20)" = "20 20"

# ---- nobody told yet

check "the daemon's transforms are known" wait_for 60 tunnel_is .child \
	'{"protocol":"esp","proposal":"aes256-sha256","mode":"tunnel","encapsulation":"udp"}' || tunnel .
check "the path is taken to be as wide as the interface" wait_for 60 tunnel_is '[.mtu.path, .mtu.source, .mtu.at]' '[1500,"interface",null]' ||
	tunnel .mtu
is "the inner MTU is that of \`espial mtu\`" "$(tunnel '[.mtu.inner, .mtu.mss4, .mtu.mss6]')" \
	"$(mtu '[.inner_mtu, .mss4, .mss6]' --esp aes256-sha256 --natt)"

# ---- the router tells

esp 1400
esp 1401
check "the router's MTU is the path's" wait_for 60 tunnel_is '[.mtu.path, .mtu.source]' '[1400,"icmp"]' || tunnel .mtu
is "and the inner MTU follows" "$(tunnel '[.mtu.inner, .mtu.mss4, .mtu.mss6]')" \
	"$(mtu '[.inner_mtu, .mss4, .mss6]' --esp aes256-sha256 --natt --link 1400)"
check "since when is known" tunnel '.mtu.at | fromdateiso8601? // (.[:19] + "Z" | fromdateiso8601) | . > 1700000000'
is "by name" "$(mtu '[.link_mtu, .inner_mtu, .proposal, .encapsulation]' --tunnel t --socket "$AGENT_SOCKET")" \
	"$(mtu '[.link_mtu, .inner_mtu, .proposal, .encapsulation]' --esp aes256-sha256 --natt --link 1400)"
is "by name, with other transforms" "$(mtu '[.link_mtu, .inner_mtu]' --tunnel t --esp aes256gcm16 --natt --socket "$AGENT_SOCKET")" \
	"$(mtu '[.link_mtu, .inner_mtu]' --esp aes256gcm16 --natt --link 1400)"
is "by name, with another link" "$(mtu .link_mtu --tunnel t --link 1300 --socket "$AGENT_SOCKET")" 1300
is "a tunnel that is not there" "$("$ESPIAL" mtu --tunnel office --socket "$AGENT_SOCKET" 2>&1)" \
	"espial: --tunnel office: the agent has no such tunnel: it has t"
metrics=$(ns left curl -s --unix-socket "$AGENT_SOCKET" http://localhost/metrics 2>/dev/null | sed -n 's/^espial_tunnel_\(path_mtu\|inner_mtu\|mss_ipv4\|mss_ipv6\)_bytes{.*} //p' | paste -sd ' ')
if command -v curl >/dev/null; then
	is "as metrics" "$metrics" "1400 $(mtu '"\(.inner_mtu) \(.mss4) \(.mss6)"' --esp aes256-sha256 --natt --link 1400 | tr -d '"')"
fi

# ---- the same of a capture, in which nobody tells transforms

check "the capture is whole" lab_capture_stop
is "path MTU of the capture" "$("$ESPIAL" read --json --local "$LAB_LEFT" "$LAB_DIR/left.pcap" | jq -c '.tunnels[0].mtu | [.path, .source, .inner]')" \
	'[1400,"icmp",null]'
agent_stop
is "agent stops" $? 0
finish
