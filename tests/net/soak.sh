#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# As many packets as the machine makes, for SOAK_SECONDS (10; `make soak`: an hour): an agent that keeps a journal sees every one of
# them, while 50 peers replace their SAs every 20 s (2 s when it is short), and numbers are left out and repeated. Beside it another agent watches two
# strongSwan gateways that rekey all the time and ask each other whether they live. Memory, descriptors and threads of both stay as they
# were half-way; what was sent, seen, lost and repeated is the same to the packet; each rekey is counted; and of the gateways, which
# are well, no finding is raised in all that time. timeout: 900
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/lab.sh
. "$(dirname "$0")/../lab/lab.sh"
# shellcheck source=tests/lab/ipsec.sh
. "$(dirname "$0")/../lab/ipsec.sh"
need_netns
need_cmd jq
net_pair 1500 || skip_all "no veth here"
SOAK_SECONDS=${SOAK_SECONDS:-10}
TUNNELS=50 EVERY=$((SOAK_SECONDS >= 100 ? 20 : 2))
# What memory may grow by from half-way on, kB. Within minutes lists and caches still fill.
allowed=$((SOAK_SECONDS >= 600 ? 4096 : 65536))

received()
{
	ns dut cat /sys/class/net/b0/statistics/rx_packets
}

# use NAME: the agent that lib.sh talks to
declare -A pid socket
use()
{
	AGENT_PID=${pid[$1]} AGENT_SOCKET=${socket[$1]}
}

# start NAME NAMESPACE OPTIONS...
start()
{
	agent_start "${@:2}" --journal "$TMPDIR/$1.db" || return 1
	pid[$1]=$AGENT_PID socket[$1]=$AGENT_SOCKET
}

# "kB descriptors threads" of an agent. Memory of its own: what it maps are the kernel's tables, whose size is fixed at the start; how much
# of them was touched grows with each new SA, until all was.
size()
{
	awk -v fds="$(find "/proc/${pid[$1]}/fd" -mindepth 1 | wc -l)" '$1 == "RssAnon:" { kb = $2 } $1 == "Threads:" { n = $2 }
		END { print kb, fds, n }' "/proc/${pid[$1]}/status"
}

# flat NAME FROM SAS: against FROM; what the agent knows of each SA that came since takes somewhat more than a kilobyte, until the
# table is full
flat()
{
	local kb fds threads kb2 fds2 threads2 allowed=$((allowed + $3 * 3 / 2))

	read -r kb fds threads <<<"$2"
	read -r kb2 fds2 threads2 <<<"$(size "$1")"
	check "$1: memory stays: $kb kB half-way, $kb2 kB at the end" test "$kb2" -le $((kb + allowed))
	# One more for who asks at the moment
	check "$1: descriptors stay: $fds, $fds2" test "$fds2" -le $((fds + 2))
	check "$1: threads stay: $threads, $threads2" test "$threads2" -le "$threads"
}

# The numbers of the JSON that the generator printed
sent()
{
	jq ".$1" "$TMPDIR/sent.json"
}

check "the agent starts" start load dut -i b0 --sa-capacity 32768 --events-per-second 100000 || finish
lab=''
# shellcheck disable=SC2119 # the defaults
if [ -z "$(lab_ipsec_missing)" ] && lab_up && lab_tunnel options='dpd_delay = 20s'; then
	check "the agent of the gateway starts" start gateway left -i l0 --vici "$LAB_DIR/left/vici" --sa-capacity 1024 && lab=1
else
	skip "gateways that rekey" "no strongSwan here, or no tunnel"
fi

use load
before=$(received)
ns_spawn gen "$TMPDIR/sent.json" "$NET_PROGRAMS/flood" a0 rekeyed "$SOAK_SECONDS" $TUNNELS $EVERY
generator=$SPAWNED
at_exit stop_process "$generator" KILL
begin=$SECONDS half='' half_gateway='' echoes=0 trouble=0 asked=0 told=$SECONDS
# How many there were, as the daemon's own log says
rekeys()
{
	grep -o 'inbound CHILD_SA c{[0-9]*} established' "$LAB_DIR/left/charon.log" | sort -u | wc -l
}

# findings NAME: what an agent's journal has of tunnels, peers and what it missed itself, but for what only tells that this machine is
# slow; ids, each once
findings()
{
	"$ESPIAL" journal --file "$TMPDIR/$1.db" --kind finding-raised --limit 0 --json |
		jq -r 'select(.peer or .cause == "observation-gap") | .cause | select(IN("ike-slow", "ike-reply-lost") | not)' | sort -u | tr '\n' ' '
}
# The tunnel's rekeys, by the agent of the gateway
rekeys_by_agent()
{
	"$ESPIAL" status --json --socket "${socket[gateway]}" | jq '.tunnels[] | select(.name == "t") | .rekeys'
}

# Echoes over the tunnel; without an answer in time nobody knows how many packets passed
echo_both()
{
	local out back

	read -r out back <<<"$(lab_ping left "$1")"
	echoes=$((echoes + back))
	[ "$out" = "$back" ] || trouble=1
}
while ! is_gone "$generator"; do
	if [ $lab ]; then
		echo_both 5
		if lab_rekey; then
			asked=$((asked + 1))
		else
			trouble=1
		fi
	fi
	sleep 1
	if [ -z "$half" ] && [ $((SECONDS - begin)) -ge $((SOAK_SECONDS / 2)) ]; then
		half=$(size load)
		[ ! $lab ] || half_gateway=$(size gateway)
	fi
	if [ $((SECONDS - told)) -ge 60 ]; then
		told=$SECONDS
		echo "after $((told - begin)) s: $(($(received) - before)) packets, the agent $(size load), the gateway's $([ ! $lab ] || size gateway)" \
			"(kB, descriptors, threads), $([ ! $lab ] || rekeys) rekeys there, by the agent $([ ! $lab ] || rekeys_by_agent)"
	fi
done
seconds=$((SECONDS - begin))
# Before anybody asks for everything: the answer on 9000 SAs is 13 MB, and has nothing to do with time
flat load "${half:-$(size load)}" $((TUNNELS * SOAK_SECONDS / EVERY / 2))
[ ! $lab ] || flat gateway "${half_gateway:-$(size gateway)}" 0

check "all that arrived is seen" agent_shows 120 '.interfaces[] | select(.name == "b0") | .in.seen' $(($(received) - before))
echo "$(sent sent) packets in $seconds s: $(($(sent sent) / (seconds ? seconds : 1))) a second; $(sent sas) SAs of $TUNNELS peers;" \
	"$(($(sent sent) - $(received) + before)) did not fit into the veth"
equations "soak"
is "soak: IKE messages, to the last" "$(jq '.interfaces[] | select(.name == "b0") | .in.class.ike' "$AGENT_STATE")" \
	"$(($(sent ike) - $(sent sent) + $(received) - before))"
if [ "$(jq '.losses.evicted + .losses.refused' "$AGENT_STATE")" = 0 ] && [ "$(sent sent)" = $(($(received) - before)) ]; then
	is "soak: SAs" "$(jq '.sas | length' "$AGENT_STATE")" "$(sent sas)"
	is "soak: numbers that were left out are lost, or may still come" \
		"$(jq '[.sas[].sequence | .lost + .pending] | add' "$AGENT_STATE")" "$(sent skipped)"
	is "soak: what was sent twice is a duplicate" "$(jq '[.sas[].sequence.duplicate] | add' "$AGENT_STATE")" "$(sent twice)"
else
	skip "soak: to the number" "not all that was sent arrived, or SAs were replaced"
fi
agent_stop
is "the agent ends well" $? 0

if [ $lab ]; then
	use gateway
	echo_both 5
	if [ $trouble = 0 ]; then
		check "gateway: the tunnel's packets, both ways" agent_shows 60 \
			'[.tunnels[] | select(.name == "t") | .in.packets, .out.packets]' "[$echoes,$echoes]" || jq -c '.tunnels' "$AGENT_STATE"
		is "gateway: each rekey that was asked for was made, and no other" "$(rekeys)" $asked
		# The last one is told apart from one more SA when the old one has been silent for a while
		check "gateway: and the agent counted each" agent_shows 60 '.tunnels[] | select(.name == "t") | .rekeys' $asked ||
			echo "$asked rekeys, by the agent $(rekeys_by_agent)"
	else
		skip "gateway: to the packet" "an echo had no answer within a second, or a rekey took more than ten: $(rekeys)"
		check "gateway: it answers" agent_shows 60 '.tunnels | length' 1
	fi
	equations "gateway"
	agent_stop
	is "gateway: the agent ends well" $? 0
	if [ $trouble = 0 ]; then
		is "gateway: all is well, and no finding was raised in all that time" "$(findings gateway)" ""
	else
		skip "gateway: no finding in all that time" "not all was well: $(findings gateway)"
	fi
	[ -z "$(findings gateway)" ] || "$ESPIAL" journal --file "$TMPDIR/gateway.db" --kind finding-raised --limit 0 --evidence
fi
finish
