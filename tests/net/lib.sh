# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# net/lib.sh - for network tests: a quiet pair of interfaces, the agent on one of them, and its answers
#
#   . "$(dirname "$0")/lib.sh"
#   need_netns
#   net_pair                          # gen: a0 --- b0 :dut
#   agent_start dut -i b0
#   ns gen "$NET_PROGRAMS/espgen" a0 …
#   agent_json sas | jq …
#   finish                            # everything goes, on whatever way the script ends
# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh"

# What tests/net/*.c became
# shellcheck disable=SC2034 # for the tests
NET_PROGRAMS=$ESPIAL_BUILD/test/net
NET_MAC_A=02:00:00:00:00:0a NET_MAC_B=02:00:00:00:00:0b

# descriptors: what the agent keeps open; the fewest of two seconds, as it opens some for a moment (rules of the firewall, a daemon)
descriptors()
{
	for _ in {1..20}; do
		find "/proc/$AGENT_PID/fd" -mindepth 1 | wc -l
		sleep 0.1
	done | sort -n | head -n 1
}

# descriptors_at_most COUNT: for wait_for. A busy agent may have had one more when they were counted first
descriptors_at_most()
{
	[ "$(descriptors)" -le "$1" ]
}

# net_pair [MTU]: namespaces gen and dut, a0 10.9.0.1 fd09::1 --- b0 10.9.0.2 fd09::2. Nothing is on the wire but what a test
# sends: neighbours are static, ARP is off, IPv6 sends nothing by itself. Checksums and segmentation are done before the
# wire, so that what is counted is what was sent. On veth native XDP works without more.
net_pair()
{
	local mtu=${1:-1500} side name device mac

	ns_add gen && ns_add dut || return 1
	ip link add a0 netns "${NS_PREFIX}gen" address $NET_MAC_A mtu "$mtu" type veth \
		peer name b0 netns "${NS_PREFIX}dut" address $NET_MAC_B mtu "$mtu" || return 1
	for side in "gen a0 1 2 $NET_MAC_B" "dut b0 2 1 $NET_MAC_A"; do
		read -r name device own other mac <<<"$side"
		ns "$name" sysctl -qw "net.ipv6.conf.$device.disable_ipv6=0"
		ip -n "$NS_PREFIX$name" link set "$device" arp off addrgenmode none
		ns "$name" sysctl -qw "net.ipv6.conf.$device.accept_ra=0" "net.ipv6.conf.$device.mldv2_unsolicited_report_interval=0"
		ip -n "$NS_PREFIX$name" addr add "10.9.0.$own/24" dev "$device"
		ip -n "$NS_PREFIX$name" addr add "fd09::$own/64" dev "$device" nodad
		ip -n "$NS_PREFIX$name" link set "$device" up
		ip -n "$NS_PREFIX$name" neigh replace "10.9.0.$other" lladdr "$mac" dev "$device"
		ip -n "$NS_PREFIX$name" neigh replace "fd09::$other" lladdr "$mac" dev "$device"
	done
	wait_for 60 _net_has_carrier dut b0 && wait_for 5 _net_has_carrier gen a0
}

_net_has_carrier()
{
	ip -n "$NS_PREFIX$1" -o link show "$2" | grep -q LOWER_UP
}

# ---- the agent: one at a time. bpffs is the namespace's own, so that agents of several tests do not meet there.

AGENT_PID='' AGENT_LOG='' AGENT_SOCKET=''

# agent_start NAME OPTIONS...: in the namespace; ready when it answers
agent_start()
{
	local name=$1

	shift
	AGENT_SOCKET=$(mktemp -u "$TMPDIR/agent.XXXXXX")
	AGENT_LOG=$(mktemp "$TMPDIR/agent-log.XXXXXX")
	# shellcheck disable=SC2016 # the inner shell's
	ns_spawn "$name" "$AGENT_LOG" sh -c 'mount -t bpf none /sys/fs/bpf; exec "$0" "$@"' \
		"$ESPIAL" run --socket "$AGENT_SOCKET" --journal none "$@"
	AGENT_PID=$SPAWNED
	at_exit stop_process "$AGENT_PID" KILL
	wait_for 90 _agent_answers_or_ended
	if ! is_running "$AGENT_PID"; then
		cat "$AGENT_LOG"
		return 1
	fi
}

_agent_answers_or_ended()
{
	is_gone "$AGENT_PID" || "$ESPIAL" status --json --socket "$AGENT_SOCKET"
}

# Its exit status; 124 when it had to be killed
agent_stop()
{
	stop_process "$AGENT_PID" TERM 60
}

# agent_json [sas|interfaces|self]
# shellcheck disable=SC2120 # tests pass it
agent_json()
{
	"$ESPIAL" status "$@" --json --socket "$AGENT_SOCKET"
}

# agent_shows SECONDS FILTER WANTED: waits until jq's answer to the state is that (the agent polls); keeps it in $AGENT_STATE. The
# second look is for what tables were read before the last packet and others after it.
AGENT_STATE=$TMPDIR/state.json
agent_shows()
{
	wait_for "$1" _agent_shows_twice "$2" "$3"
}

_agent_shows()
{
	"$ESPIAL" status --json --socket "$AGENT_SOCKET" >"$AGENT_STATE" && [ "$(jq -c -r "$1" "$AGENT_STATE")" = "$2" ]
}

_agent_shows_twice()
{
	_agent_shows "$@" && _agent_shows "$@"
}

# agent_agrees SECONDS FILTER COMMAND...: waits until jq's answer to the state is what the command prints, and both stay so: packets
# that were sent may still be under way
agent_agrees()
{
	wait_for "$1" _agent_agrees "${@:2}"
}

_agent_agrees()
{
	local wanted

	wanted=$("${@:2}")
	_agent_shows "$1" "$wanted" && sleep 0.3 && [ "$("${@:2}")" = "$wanted" ] && _agent_shows "$1" "$wanted"
}

# equations_now NAME: of the state as it is; nothing is under way any more
equations_now()
{
	check "$1: the state" _agent_shows .source.kind live
	equations "$1"
}

# equations NAME: of $AGENT_STATE, as README promises them
equations()
{
	is "$1: packets = received + duplicate + too_old + outlier" "$(jq -c '[.sas[] |
		.packets - .sequence.received - .sequence.duplicate - .sequence.too_old - .sequence.outlier | select(. != 0)] | length' \
		"$AGENT_STATE")" 0
	is "$1: highest - first + 1 = received + lost + pending" "$(jq -c '[.sas[] | select(.sequence.restarts == 0) |
		.sequence.highest - .sequence.first + 1 - .sequence.received - .sequence.lost - .sequence.pending |
		select(. != 0)] | length' "$AGENT_STATE")" 0
	is "$1: live + evicted + refused = seen" \
		"$(jq '([.sas[].packets] | add // 0) + .losses.evicted + .losses.refused' "$AGENT_STATE")" \
		"$(jq '[.interfaces[] | .in.class, .out.class | .esp + .esp_udp + .ah] | add' "$AGENT_STATE")"
	is "$1: seen = classes + rejected" "$(jq '[.interfaces[] | .in, .out |
		.seen - ([.class[]] | add) - ([.rejected[]?] | add // 0)] | unique' -c "$AGENT_STATE")" "[0]"
}
