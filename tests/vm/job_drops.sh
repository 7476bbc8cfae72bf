# shellcheck shell=bash disable=SC2317 # functions that wait_for calls
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the host refuses and drops, with real ESP: each fault moves its own counter and reason, as the running agent tells it.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
vm_esp
SOCKET=$TMPDIR/espial.sock
nsq b "$ESPIAL" run -i b0 --socket "$SOCKET" --journal none >"$TMPDIR/agent.log" 2>&1 &
agent=$!
answers()
{
	"$ESPIAL" status --socket "$SOCKET" >/dev/null 2>&1
}
check "the agent starts" wait_for 300 answers
matches "and counts drops" "$(grep -c 'drop reasons' "$TMPDIR/agent.log")" '^0$'

# asked FILTER: of the host's part of the state
asked()
{
	"$ESPIAL" status --json --socket "$SOCKET" | jq "[.host | $1] | add // 0"
}
xfrm()
{
	asked ".xfrm.$1"
}
# drops PACKET [REASON]
drops()
{
	asked ".drops[] | select(.interface == \"b0\" and .packet == \"$1\" ${2:+and .reason == \"$2\"}) | .packets"
}
is_at_least()
{
	[ "$("${@:2}")" -ge "$1" ]
}

nsq a ping -c 20 -i 0.02 -W 1 -q 10.9.2.1 | grep transmitted
is "nothing is refused or dropped while all is well" "$(xfrm XfrmInNoStates) $(drops outer) $(drops inner)" "0 0 0"

nsq a "$WATCH" send 0x0000dead 300 10.9.0.2
check "an unknown SPI: refused for want of a state" wait_for 300 is_at_least 300 xfrm XfrmInNoStates
check "and dropped, as a packet on the wire" wait_for 300 is_at_least 300 drops outer
is "as many as were sent" "$(xfrm XfrmInNoStates) $(drops outer)" "300 300"

nsq b ip xfrm policy delete src 10.9.1.1 dst 10.9.2.1 dir in
nsq b ip xfrm policy add src 10.9.1.1 dst 10.9.2.1 dir in action block
nsq a ping -c 30 -i 0.02 -W 1 -q 10.9.2.1 | grep transmitted
check "a policy that blocks: what was inside is dropped" wait_for 300 is_at_least 30 drops inner
is "and refused by the policy" "$(xfrm XfrmInPolBlock)" 30
is "no packet of the wire is" "$(drops outer)" 300
is "the kernel says why" "$(drops inner XFRM_POLICY)" 30

nsq b ip link add c0 mtu 1280 type veth peer name d0
nsq b ip link set c0 up
nsq b ip link set d0 up
nsq b ip addr add 10.8.0.1/24 dev c0
nsq b ip neigh add 10.8.0.2 lladdr 02:00:00:00:00:02 dev c0
nsq b sysctl -qw net.ipv4.ip_forward=1
nsq a ip route add 10.8.0.0/24 via 10.9.0.2
nsq a ping -c 5 -i 0.1 -W 1 -s 1372 -M "do" -q 10.8.0.2 | grep transmitted
check "too big for the next link" wait_for 300 is_at_least 1 drops other PKT_TOO_BIG
kill $agent
wait $agent 2>/dev/null
finish
