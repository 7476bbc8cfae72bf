#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two agents, one at each end of a path that drops certain packets: espial compare says which end sent how many that the other did not
# get, exactly, by Unix sockets, TCP and files, and in either order
. "$(dirname "$0")/lib.sh"
need_netns
need_cmd jq nft

# gen: a0 --- m0 :mid: m1 --- b0 :dut, mid a bridge
net_pair 1500 || skip_all "no veth here"
ns_add mid
ip -n "${NS_PREFIX}gen" link del a0
ip link add a0 netns "${NS_PREFIX}gen" address "$NET_MAC_A" type veth peer name m0 netns "${NS_PREFIX}mid"
ip link add b0 netns "${NS_PREFIX}dut" address "$NET_MAC_B" type veth peer name m1 netns "${NS_PREFIX}mid"
ip -n "${NS_PREFIX}mid" link add br0 type bridge || skip_all "no bridge here"
# Where br_netfilter is loaded, a bridge checks IP headers, and the senders here leave out their checksums
ns mid sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0 2>/dev/null
for device in m0 m1; do
	ip -n "${NS_PREFIX}mid" link set $device master br0
	ip -n "${NS_PREFIX}mid" link set $device up
done
ip -n "${NS_PREFIX}mid" link set br0 up
ip -n "${NS_PREFIX}gen" link set a0 arp off up
ip -n "${NS_PREFIX}dut" link set b0 arp off up
ns mid nft -f - <<END || skip_all "no nftables here"
table netdev path {
	chain in {
		type filter hook ingress device m0 priority 0
		ether type ip ip protocol esp esp sequence { 50-74, 333, 1000-1009 } counter drop
	}
}
END
forwards()
{
	ip -n "${NS_PREFIX}mid" -j -d link show master br0 | jq -e '[.[].linkinfo.info_slave_data.state] == ["forwarding", "forwarding"]'
}
check "the bridge forwards" wait_for 60 forwards

check "an agent at the sender" agent_start gen -i a0
sender=$AGENT_SOCKET sender_pid=$AGENT_PID
check "an agent at the receiver" agent_start dut -i b0 --listen 127.0.0.1:9641
receiver=$AGENT_SOCKET
ns gen "$NET_PROGRAMS/traffic" a0 1500 0 >"$TMPDIR/sent.json" || not_ok "traffic" "not sent"
# Of this one the sender leaves out every tenth number; of the other every packet comes in fragments
spi=$(jq -r '[.sas | to_entries[] | select(.value.missing > 0)][0].key' "$TMPDIR/sent.json")
whole=$(jq -r '[.sas | to_entries[] | select(.value.fragments > 0)][0].key' "$TMPDIR/sent.json")
dropped()
{
	ns mid nft -j list ruleset | jq '[.nftables[].rule.expr[]? | select(.counter).counter.packets] | add'
}
# packets_of SOCKET: of all its SAs
packets_of()
{
	"$ESPIAL" status --json --socket "$1" | jq '[.sas[].packets] | add'
}
# The sender's agent has counted all that was sent, the receiver's all but what the path dropped
settled()
{
	local sent

	sent=$(jq '.class | .esp + .esp_udp + .ah' "$TMPDIR/sent.json")
	[ "$(packets_of "$sender")" = "$sent" ] && [ "$(packets_of "$receiver")" = $((sent - $(dropped))) ]
}
check "everything has passed" wait_for 60 settled
check "the path dropped some" test "$(dropped)" -gt 0

"$ESPIAL" compare --json "$sender" "$receiver" >"$TMPDIR/compare.json" 2>"$TMPDIR/err" || cat "$TMPDIR/err"
lost_of()
{
	jq -c --arg spi "$2" '.sas[] | select(.spi == $spi) | [.lost.least, .lost.most, .arrived, .dropped_by_sender, .verdict]' "$1"
}
is "36 numbers of one SA, exactly" "$(lost_of "$TMPDIR/compare.json" "$whole")" '[36,36,1464,0,"exact"]'
is "of another some were never sent" "$(lost_of "$TMPDIR/compare.json" "$spi")" '[33,33,1317,150,"exact"]'
is "in all what the path dropped, of all SAs" "$(jq '[.sas[].lost.least] | add' "$TMPDIR/compare.json")" "$(dropped)"
is "and no more" "$(jq '[.sas[].lost.most] | add' "$TMPDIR/compare.json")" "$(dropped)"
is "what the sender left out is the sender's" "$(jq '[.sas[].dropped_by_sender] | add' "$TMPDIR/compare.json")" "$(jq '[.sas[].missing] | add' "$TMPDIR/sent.json")"

"$ESPIAL" compare --json "$receiver" "$sender" >"$TMPDIR/back.json"
is "in the other order too" "$(lost_of "$TMPDIR/back.json" "$whole")" '[36,36,1464,0,"exact"]'

ns dut "$ESPIAL" status --json --socket "$sender" >"$TMPDIR/sender.json"
ns dut "$ESPIAL" compare --json "$TMPDIR/sender.json" http://127.0.0.1:9641 >"$TMPDIR/tcp.json"
is "a file and an agent over TCP" "$(lost_of "$TMPDIR/tcp.json" "$whole")" '[36,36,1464,0,"exact"]'
ns dut "$ESPIAL" compare --json - http://127.0.0.1:9641/ <"$TMPDIR/sender.json" >"$TMPDIR/tcp.json"
is "standard input" "$(lost_of "$TMPDIR/tcp.json" "$whole")" '[36,36,1464,0,"exact"]'

# Until ten seconds after the last packet they may still come
# shellcheck disable=SC2317 # wait_for calls it
lost_for_certain()
{
	"$ESPIAL" status --json --socket "$receiver" >"$TMPDIR/receiver.json"
	text=$("$ESPIAL" compare "$TMPDIR/sender.json" "$TMPDIR/receiver.json" --exit-code)
	[ $? = 1 ]
}
check "losses are an exit status" wait_for 60 lost_for_certain
matches "the first line says it" "$(head -n 1 <<<"$text")" '^[0-9]+ of [0-9]+ packets \([0-9.]+%\) from .* did not reach .*, tunnel '
is "an end with itself has no SA in common: both send" "$("$ESPIAL" compare --exit-code --json "$sender" "$sender" | jq '[.sas[].lost.most] | add')" null
ns dut "$ESPIAL" compare "$sender" http://127.0.0.1:1 2>"$TMPDIR/err"
is "nobody listens" $? 3
matches "which is said" "$(cat "$TMPDIR/err")" 'http://127.0.0.1:1: no agent listens there'
stop_process "$sender_pid" TERM 10
agent_stop
finish
