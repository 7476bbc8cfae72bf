#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A tunnel of two strongSwan gateways as the agent on one of them tells it, with everything kept (tables pinned, journal): its name
# is the daemon's, it is up, a rekey leaves it the same tunnel, its counters never go back over SIGTERM and kill -9 of the agent, and
# go on by what passed meanwhile; a fall has its time and cause; status, metrics and journal say the same.
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/net/lib_lab.sh
. "$(dirname "$0")/lib_lab.sh"
need_lab curl

# A bpffs that outlives the agents
mkdir "$TMPDIR/bpf"
# shellcheck disable=SC2016 # the inner shell's
unshare -m sh -c 'mount -t bpf -o mode=0700 bpf "$0" && echo mounted && exec sleep 3600' "$TMPDIR/bpf" >"$TMPDIR/holder" 2>&1 &
HOLDER=$!
at_exit stop_process "$HOLDER" KILL
wait_for 20 grep -q mounted "$TMPDIR/holder" || skip_all "no bpffs here: $(cat "$TMPDIR/holder")"
journal=$TMPDIR/journal.db
AGENT_SOCKET=$TMPDIR/agent.sock
AGENT_LOG=$TMPDIR/agent.log

start()
{
	ns_spawn left "$AGENT_LOG" nsenter --mount="/proc/$HOLDER/ns/mnt" "$ESPIAL" run -i l0 --keep --bpffs "$TMPDIR/bpf/espial" \
		--journal "$journal" --socket "$AGENT_SOCKET" --vici "$LAB_DIR/left/vici"
	AGENT_PID=$SPAWNED
	at_exit stop_process "$AGENT_PID" KILL
	wait_for 60 _agent_answers_or_ended
	is_running "$AGENT_PID" || { cat "$AGENT_LOG"; return 1; }
}

# tunnel FILTER: of the one tunnel t
tunnel()
{
	agent_json | jq -c ".tunnels[] | select(.name == \"t\") | $1"
}

# shows SECONDS FILTER WANTED
shows()
{
	agent_shows "$1" ".tunnels[] | select(.name == \"t\") | $2" "$3" || { jq -c .tunnels "$AGENT_STATE"; false; }
}

# Packets that the gateway itself says it sent and got: outer packets of one echo are one each way
echo_both()
{
	local sent answered

	read -r sent answered <<<"$(lab_ping left "$1")"
	passed=$((passed + answered))
	[ "$sent" = "$answered" ]
}

check "the lab" lab_up || finish
check "the agent starts" start || finish
# shellcheck disable=SC2119 # the defaults
check "the tunnel comes up" lab_tunnel || finish
passed=0
check "echoes" echo_both 50
check "the tunnel has the daemon's name, and is up" shows 30 '[.named, .state]' '[true,"up"]'
check "each packet of it is counted, both ways" shows 30 '[.in.packets, .out.packets]' "[$passed,$passed]"
is "its ends" "$(tunnel '[.local, .remote]')" "[\"$LAB_LEFT\",\"$LAB_RIGHT\"]"
is "its SAs are the daemon's" "$(tunnel '.sas | sort' | jq -r '.[]' | xargs)" "$(lab_spis left | cut -d' ' -f2 | sort | xargs)"
since=$(tunnel .since)

check "a rekey" lab_rekey
check "echoes" echo_both 50
check "the same tunnel, rekeyed once" shows 30 '[.state, .rekeys, .flaps]' '["up",1,0]'
check "its counters go on" shows 30 '[.in.packets, .out.packets]' "[$passed,$passed]"
is "it is up since then" "$(tunnel .since)" "$since"

# ---- agents come and go, packets keep coming
agent_stop
is "SIGTERM: status" $? 0
check "echoes without an agent" echo_both 30
check "another agent" start || finish
check "nothing is missing" shows 30 '[.in.packets, .out.packets, .rekeys]' "[$passed,$passed,1]"
stop_process "$AGENT_PID" KILL
check "echoes without an agent" echo_both 30
check "another after kill -9" start || finish
check "nothing is missing after kill -9" shows 30 '[.in.packets, .out.packets]' "[$passed,$passed]"
check "rekey, with the third agent" lab_rekey
check "echoes" echo_both 20
check "and it goes on" shows 30 '[.in.packets, .out.packets, .rekeys]' "[$passed,$passed,2]"

# ---- what it says of itself
curl -s --max-time 10 --unix-socket "$AGENT_SOCKET" http://x/metrics >"$TMPDIR/metrics"
matches "metrics: packets" "$(cat "$TMPDIR/metrics")" "espial_tunnel_packets_total\{tunnel=\"t\",direction=\"in\"\} $passed"
matches "metrics: up" "$(cat "$TMPDIR/metrics")" 'espial_tunnel_up\{tunnel="t"\} 1'
matches "metrics: rekeys" "$(cat "$TMPDIR/metrics")" 'espial_tunnel_rekeys_total\{tunnel="t"\} 2'
matches "status tunnels" "$("$ESPIAL" status tunnels --socket "$AGENT_SOCKET")" "t +up .* $LAB_RIGHT "
matches "status ike" "$("$ESPIAL" status ike --socket "$AGENT_SOCKET")" "established +v2 .*$LAB_RIGHT:4500"
is "nothing is wrong" "$("$ESPIAL" diagnose --socket "$AGENT_SOCKET" --exit-code >"$TMPDIR/diagnose"; echo $?)" 0
matches "and it says so" "$(cat "$TMPDIR/diagnose")" '^No findings. 1 tunnel: 1 up'

# ---- its child SA goes, and the IKE SA stays: nothing passes
before=$(date -u +%FT%T)
lab_swanctl left --terminate --child c >/dev/null 2>&1
check "without a child SA it is down" shows 30 '[.state, .confidence, .down_cause, .sas]' '["down","certain",null,[]]'
matches "and says why" "$(tunnel .evidence)" 'without a child SA, since '
check "since it went, not since it came up" test ! "$(tunnel .since | jq -r .)" \< "$before"
check "one comes" lab_initiate left
check "it is up again" shows 30 '[.state, .flaps]' '["up",1]'
check "since then" test ! "$(tunnel .since | jq -r .)" \< "$before"
check "echoes" echo_both 10

# ---- the peer ends it
lab_swanctl right --terminate --ike t >/dev/null 2>&1
check "the fall" shows 30 '[.state, .down_cause]' '["down","ike-sa-deleted-by-peer"]'
diagnosed()
{
	"$ESPIAL" diagnose --json --socket "$AGENT_SOCKET" | jq -e '.[] | select(.id == "ike-sa-deleted-by-peer" and .subject.tunnel == "t")'
}
check "diagnose names it" wait_for 30 diagnosed
check "it comes back" lab_initiate left
check "echoes" echo_both 10
check "up again" shows 30 '[.state, .flaps]' '["up",2]'
is "why it fell each time" "$(tunnel '[.falls[].cause]')" '["ike-sa-deleted-by-peer",null]'
agent_stop

# ---- and what is kept
"$ESPIAL" journal --file "$journal" --json >"$TMPDIR/journal"
for kind in agent-start tunnel-new tunnel-up rekey ike-exchange tunnel-down finding-raised agent-stop; do
	check "journal: $kind" grep -q "\"kind\":\"$kind\"" "$TMPDIR/journal"
done
is "journal: the fall" "$(jq -rs '[.[] | select(.kind == "tunnel-down")][-1] | [.tunnel, .peer, .cause] | join(" ")' "$TMPDIR/journal")" \
	"t $LAB_RIGHT ike-sa-deleted-by-peer"
at=$(jq -rs '[.[] | select(.kind == "tunnel-down")][-1].time' "$TMPDIR/journal")
matches "journal: around the fall, with the last good exchange" "$("$ESPIAL" journal --file "$journal" --around "$at" --tunnel t)" \
	'last good'

ns left nsenter --mount="/proc/$HOLDER/ns/mnt" "$ESPIAL" detach --bpffs "$TMPDIR/bpf/espial" >/dev/null
finish
