#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# IPsec in another network namespace: its SAs, policies and refusals are the agent's facts, under its name; it may not be there
# yet, go and come again; and check finds it
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
need_netns
need_cmd jq
need_cmd python3
check "a pair of interfaces" net_pair || finish
vpn=${NS_PREFIX}vpn

# vpn_up [SPI]: the namespace, with a policy and an SPI that waits for its keys, for long: no cipher is needed for that
vpn_up()
{
	ns_add vpn &&
		ns vpn sysctl -qw net.core.xfrm_acq_expires=3600 &&
		ns vpn ip xfrm policy add src 10.1.0.0/16 dst 10.2.0.0/16 dir out \
			tmpl src 10.9.0.2 dst 10.9.0.1 proto esp reqid 7 mode tunnel &&
		ns vpn ip xfrm state allocspi src 10.9.0.1 dst 10.9.0.2 proto esp mode tunnel reqid 7 min "$1" max "$1" >/dev/null
}

# send SPI COUNT: ESP to the agent's interface, numbered from 1
send()
{
	ns gen python3 - "$1" "$2" <<-'END'
		import socket, struct, sys
		s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 50)
		for n in range(1, int(sys.argv[2]) + 1):
		    s.sendto(struct.pack('!II', int(sys.argv[1], 0), n) + bytes(48), ('10.9.0.2', 0))
	END
}

# space FILTER: of the state's line of the namespace
space()
{
	printf '[.host.namespaces[] | select(.name == "%s")][0] | %s' "$vpn" "$1"
}

known_is()
{
	printf '[.sas[] | select(.spi == "%s" and .direction == "in")][0].known' "$1"
}

check "the other namespace has an SA" vpn_up 0x1001 || skip_all "the kernel has no XFRM here"

# ---- check tells

ns dut "$ESPIAL" check --json --vici "$TMPDIR/none" >"$TMPDIR/check.json"
is_json "check names it" "$TMPDIR/check.json" \
	"[.checks[] | select(.id == \"netns\" and (.value | startswith(\"$vpn: \")))] | map([.value, .remedy])" \
	"[[\"$vpn: 1 SAs\",\"espial run --netns $vpn\"]]"

# ---- followed

check "the agent starts" agent_start dut -i b0 --netns "$vpn" --netns "${NS_PREFIX}later" || finish
matches "it says that it follows it" "$(cat "$AGENT_LOG")" "network namespace $vpn: its SAs and policies are followed"
matches "and that another is not there" "$(cat "$AGENT_LOG")" "warning: network namespace ${NS_PREFIX}later: not there"
check "its SA and policy are known" agent_shows 60 "$(space '[.available, .why, .sas, .policies]')" '[true,null,1,1]'
is_json "those of the agent's own are none" "$AGENT_STATE" '.host.namespaces[0] | [.name, .available, .sas]' '[null,true,0]'
is_json "the one that is not there says so" "$AGENT_STATE" \
	'.host.namespaces[2] | [.available, .sas, .xfrm, (.why | contains("not there: looked for every second"))]' '[false,0,null,true]'
is_json "what it heard is counted" "$AGENT_STATE" "$(space '[.notices.added, .notices.removed, .overruns]')" '[1,0,0]'
is_json "a tunnel names it" "$AGENT_STATE" '[.tunnels[] | .netns]' "[\"$vpn\"]"
if ns vpn test -e /proc/net/xfrm_stat; then
	is_json "what its IPsec refuses is counted" "$AGENT_STATE" "$(space '.xfrm.XfrmInNoStates')" 0
fi
check "packets are sent" send 0x1001 20
send 0xdead 20
check "its SPI is known" agent_shows 60 "$(known_is 0x00001001)" true
check "another is not" agent_shows 60 "$(known_is 0x0000dead)" false
check "who sent it is told, to the packet" agent_shows 60 '.unknown_spi | [.packets, .others, (.peers | map([.peer, .packets, .estimated]))]' \
	'[20,0,[["10.9.0.1",20,0]]]'
matches "and to people" "$("$ESPIAL" status sas --socket "$AGENT_SOCKET")" '10\.9\.0\.1 +20 +0 '
matches "for people" "$("$ESPIAL" status host --socket "$AGENT_SOCKET")" "$vpn +1 +1 "

# ---- a notice from there

ns vpn ip xfrm state allocspi src 10.9.0.1 dst 10.9.0.2 proto esp mode tunnel reqid 7 min 0x1002 max 0x1002 >/dev/null
check "a new SA there is heard of" agent_shows 60 "$(space '[.sas, .notices.added]')" '[2,2]'
ns vpn ip xfrm state flush
check "and that it went" agent_shows 60 "$(space '[.sas, .notices.removed]')" '[0,2]'
check "its SPI is not known any more" agent_shows 60 "$(known_is 0x00001001)" false

# ---- more notices than the queue of the agent holds, while it stands still

kill -STOP "$AGENT_PID"
awk 'BEGIN { for (i = 0; i < 14000; i++) printf "xfrm policy add src 10.3.%d.%d/32 dst 10.2.0.1/32 dir out tmpl src 10.9.0.2 dst " \
	"10.9.0.1 proto esp reqid 7 mode tunnel\n", i / 250, i % 250 }' >"$TMPDIR/policies"
check "thousands of policies" ip -n "$vpn" -batch "$TMPDIR/policies"
check "packets are sent meanwhile" send 0xdead 20
kill -CONT "$AGENT_PID"
check "notices were lost, which is counted, and all are there in the end" agent_shows 120 "$(space '[.policies, .overruns > 0]')" \
	'[14001,true]' || jq -c .host.namespaces "$AGENT_STATE"
equations "lost notices"
ns vpn ip xfrm policy flush
check "and gone" agent_shows 60 "$(space .policies)" 0

# ---- it goes, and comes again

before=$(descriptors)
ns_del vpn
check "it goes" agent_shows 60 "$(space '[.available, .policies, (.why | contains("not there"))]')" '[false,0,true]'
matches "that is told" "$(cat "$AGENT_LOG")" "warning: network namespace $vpn: gone, with its SAs"
# shellcheck disable=SC2317 # by wait_for
fewer_descriptors()
{
	[ "$(descriptors)" -lt "$before" ]
}
equations_now "gone"
check "nothing of it is left open" wait_for 60 fewer_descriptors
check "it comes again" vpn_up 0x1003
check "it is followed again" agent_shows 60 "$(space '[.available, .sas, .policies]')" '[true,1,1]'
is_json "counting on" "$AGENT_STATE" "$(space '.notices.added')" 3
check "with no more descriptors" wait_for 60 descriptors_at_most "$before" || ls -l "/proc/$AGENT_PID/fd"
is "the agent's own namespace is the one it began in" "$(stat -L -c %i "/proc/$AGENT_PID/ns/net")" \
	"$(stat -c %i "/run/netns/${NS_PREFIX}dut")"
agent_stop
is "the agent stops" $? 0

# ---- what cannot be

printf 'no namespace\n' >"$TMPDIR/file"
check "the agent starts with what is none" agent_start dut -i b0 --netns "$TMPDIR/file" --netns "${NS_PREFIX}dut" || finish
check "a file is no namespace, and its own is not another" agent_shows 60 \
	'[.host.namespaces[1, 2].why | test("no network namespace|agent itself")]' '[true,true]'
agent_stop
is "it stops as well" $? 0
finish
