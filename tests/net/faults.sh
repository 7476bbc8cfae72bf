#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Faults of load and memory, each with what must come of it; after each one the equations of the counters hold. What was sent is
# held against the kernel's own counter of the interface: a veth drops what its peer is too slow to take.
#
# FAULT_ROUNDS: of 10 packets each while the agent is stopped (4000; `make test-faults`: 100000, a million packets). timeout: 900
# Other faults: faults_links.sh, faults_http.sh, journal_full.sh, tests/prog/test_storm.c, tests/unit/test_clock_jumps.c.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
need_netns
need_cmd jq prlimit
net_pair 1500 || skip_all "no veth here"
FAULT_ROUNDS=${FAULT_ROUNDS:-4000}

received()
{
	ns dut cat /sys/class/net/b0/statistics/rx_packets
}

seen='.interfaces[] | select(.name == "b0") | .in.seen'

# shellcheck disable=SC2317 # agent_agrees calls it
received_since()
{
	echo $(($(received) - before))
}

# all_seen NAME: every packet that the interface received since `before`
all_seen()
{
	check "$1: every packet is seen" agent_agrees 60 "$seen" received_since ||
		echo "seen $(jq "$seen" "$AGENT_STATE") of $(received_since)"
}

start()
{
	before=$(received)
	check "$1: the agent starts" agent_start dut -i b0 "${@:2}" || finish
}

stop()
{
	agent_stop
	is "$1: the agent ends well" $? 0
}

resident()
{
	awk '$1 == "VmRSS:" { print $2 }' "/proc/$AGENT_PID/status"
}

# ---- stopped while packets pass: it misses events, which are counted, and no packet
start stopped --ring-bytes 65536 --events-per-second 1000000
kill -STOP "$AGENT_PID"
ns gen "$NET_PROGRAMS/traffic" a0 "$FAULT_ROUNDS" >"$TMPDIR/sent.json"
kill -CONT "$AGENT_PID"
all_seen stopped
equations stopped
ike=$(jq '[.interfaces[].in.class.ike] | add' "$AGENT_STATE")
matches "stopped: the ring was too small for the IKE messages, which is said" "$(jq .losses.ring_overrun "$AGENT_STATE")" '^[1-9]'
"$ESPIAL" events --json --socket "$AGENT_SOCKET" >"$TMPDIR/events"
matches "stopped: what was in the ring is told" "$(grep -c '"ike"' "$TMPDIR/events")" '^[1-9]'
is "stopped: events and what was missed are all IKE messages" \
	"$(jq '.losses.ring_overrun + .losses.events_limited + .self.events' "$AGENT_STATE")" "$ike"
stop stopped

# ---- IKE_SA_INIT from thousands who are never heard of again: each is told or counted as held back, and memory stays once the
# 4096 that are kept half-open are there
from=1
# shellcheck disable=SC2317 # by wait_for
initiators()
{
	ns gen "$NET_PROGRAMS/flood" a0 init 2000 "$from" >"$TMPDIR/sent"
	from=$((from + 2000))
	[ "$(agent_json | jq .ike.tracker.created)" -ge "$1" ]
}
start flooded --sa-capacity 64 --events-per-second 20000
check "IKE flood: as many as are kept" wait_for 120 initiators 5000
memory=$(resident)
check "IKE flood: three times as many again" wait_for 120 initiators 18000
all_seen "IKE flood"
equations "IKE flood"
is "IKE flood: all are IKE" "$(jq '[.interfaces[].in.class.ike] | add' "$AGENT_STATE")" "$(received_since)"
is "IKE flood: events and what was held back are all" \
	"$(jq '.losses.ring_overrun + .losses.events_limited + .self.events' "$AGENT_STATE")" "$(received_since)"
check "IKE flood: memory stays" test "$(resident)" -lt $((memory + 4096)) || echo "$memory kB before, $(resident) kB after"

# ---- twenty times as many SAs as there is room for: some go, and their packets are counted as evicted, not as lost
ns gen "$NET_PROGRAMS/flood" a0 sas 1280 8 >"$TMPDIR/sent"
all_seen "many SAs"
equations "many SAs"
matches "many SAs: said" "$(jq '.losses.evicted + .losses.refused' "$AGENT_STATE")" '^[1-9]'
check "many SAs: no loss is invented" test "$(jq '[.sas[].sequence.lost] | add // 0' "$AGENT_STATE")" = 0

# ---- no memory any more: what it cannot answer it refuses, goes on counting, and recovers. The soft limit: it may be raised again
ns gen "$NET_PROGRAMS/flood" a0 sas 3000 1 >"$TMPDIR/sent"
prlimit --pid "$AGENT_PID" --as=$(($(awk '$1 == "VmSize:" { print $2 }' "/proc/$AGENT_PID/status") * 1024)):
ns gen "$NET_PROGRAMS/flood" a0 init 5000 1 >"$TMPDIR/sent"
for _ in {1..5}; do
	agent_json >"$TMPDIR/refused" 2>&1
done
check "no memory: it runs on" is_running "$AGENT_PID"
prlimit --pid "$AGENT_PID" --as=unlimited:
all_seen "no memory"
equations "no memory"
stop flooded

# ---- no memory from the start: it says so
ns dut prlimit --as=20000000 timeout 60 "$ESPIAL" run -i b0 --journal none --socket "$TMPDIR/none" >"$TMPDIR/out" 2>&1
is "no memory at the start: status" $? 3
matches "no memory at the start: line" "$(cat "$TMPDIR/out")" '^espial: .+: .*([Mm]emory|allocate)'
finish
