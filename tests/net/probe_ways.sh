#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two gateways with an agent each, and a path that carries 1400 bytes one way and 1500 the other: each agent's own probe finds its
# way, `espial probe` both, by itself or, where no echo is answered, from the peer's agent; and --through needs but a name.
# shellcheck source=tests/net/lib_probe.sh
. "$(dirname "$0")/lib_probe.sh"
# shellcheck source=tests/net/lib_lab.sh
. "$(dirname "$0")/lib_lab.sh"
need_lab nft

# left [OPTIONS]: espial probe there; its JSON in $TMPDIR/left.json
left()
{
	ns left "$ESPIAL" probe --json --time 100 "$@" >"$TMPDIR/left.json" 2>"$TMPDIR/left.err" || cat "$TMPDIR/left.err"
}

# knows SOCKET MTU: the agent's path MTU of the tunnel, by its own probe
# shellcheck disable=SC2317 # wait_for calls it
knows()
{
	[ "$("$ESPIAL" status tunnels --json --socket "$1" | jq -c '[first(.tunnels[] | select(.name == "t")).mtu | .path, .source]')" \
		= "[$2,\"probe\"]" ]
}

check "the lab" lab_up || finish
# Towards right the router's way is narrower, and it says so; back it is not
ip -n "${NS_PREFIX}isp" route change 10.2.0.0/24 dev ir src 10.2.0.1 mtu lock 1400
check "the tunnel" lab_tunnel || finish
URL=http://$LAB_RIGHT:9641
check "right's agent, which does not probe" agent_start right -i r0 --vici "$LAB_DIR/right/vici" --listen "$LAB_RIGHT:9641" || finish
check "it knows the tunnel" agent_shows 60 'first(.tunnels[] | select(.name == "t")).state' up

# ---- by oneself; the peer's agent has nothing to say yet
left $LAB_RIGHT --peer-agent "$URL"
says left '[.path_mtu, .direction, .return_mtu, .way_back.confirmed]' '[1400,"forward",1500,true]'
says left '.each_way | [.there.mtu, .there.at_least, .back.mtu, .back.at_least]' '[1400,false,1500,false]'
says left '.peer_agent | [.answered, .tunnel, .source != "probe"]' '[true,"t",true]'
matches "what to do" "$(jq -r .peer_agent.problem "$TMPDIR/left.json")" "probe-interval 1h.*espial probe $LAB_LEFT"
says left '[.findings[].id]' '["pmtu-exceeded","pmtu-asymmetric"]'
left $LAB_RIGHT --peer-agent http://$LAB_RIGHT:9
says left '[.each_way.back.mtu, .peer_agent.answered]' '[1500,false]'
matches "no agent there" "$(jq -r .peer_agent.problem "$TMPDIR/left.json")" "does not answer .Connection refused.*--listen"

# ---- two agents that probe
check "right's agent ends" agent_stop
check "right's agent" agent_start right -i r0 --vici "$LAB_DIR/right/vici" --listen "$LAB_RIGHT:9641" --probe-interval 10m || finish
right=$AGENT_SOCKET
check "left's agent" agent_start left -i l0 --vici "$LAB_DIR/left/vici" --probe-interval 10m || finish
check "right measured 1500" wait_for 90 knows "$right" 1500
is "of the probes no tunnel was made" "$(agent_json tunnels | jq -c '[.tunnels[].name]')" '["t"]'
check "left measured 1400" wait_for 90 knows "$AGENT_SOCKET" 1400
ns right nft -f - <<-END
	add table ip deaf
	add chain ip deaf input { type filter hook input priority 0 ; }
	add rule ip deaf input icmp type echo-request drop
END
left $LAB_RIGHT
says left '[.path_mtu, .reachable.icmp, .each_way.there.mtu, .each_way.back]' '[1400,false,1400,null]'
left $LAB_RIGHT --peer-agent "$URL"
says left '[.each_way.there.mtu, .each_way.back]' '[1400,{"mtu":1500,"at_least":false,"by":"by the peer'"'"'s agent (probe)"}]'
says left '.peer_agent | [.path_mtu, .source, .problem]' '[1500,"probe",null]'
text=$(ns left "$ESPIAL" probe $LAB_RIGHT --time 100 --peer-agent "$URL")
matches "for people" "$text" "Each way +here -> there 1400, there -> here 1500: measured by IKE on UDP 4500; by the peer's agent .probe."
matches "where from" "$text" "Peer's agent $URL: tunnel t: path MTU to here 1500, source probe"
ns right nft flush ruleset

# ---- inside, by name alone: the addresses are those that the IKE daemon told the agent
left --through t --socket "$AGENT_SOCKET"
says left '[.source, .target, .interface, .reachable.icmp, .confirmed]' "[\"$LAB_LEFT_INNER\",\"$LAB_RIGHT_INNER\",\"ipsec0\",true,true]"
matches "the guess is told" "$(jq -r '.notes[0]' "$TMPDIR/left.json")" "a guess, the first address of 192.168.2.0/24"
left --through nobody --socket "$AGENT_SOCKET"
matches "no such tunnel" "$(cat "$TMPDIR/left.err")" "--through nobody: the agent has no such tunnel: it has t"
left --through t --socket "$AGENT_SOCKET" --target 192.0.2.1
matches "not in there" "$(cat "$TMPDIR/left.err")" "--through t: it carries 192.168.1.0/24 to 192.168.2.0/24, and not to 192.0.2.1"
ip -n "${NS_PREFIX}left" addr del $LAB_LEFT_INNER/24 dev lo
left --through t --socket "$AGENT_SOCKET"
matches "no address of its own" "$(cat "$TMPDIR/left.err")" "no address of this host is in 192.168.1.0/24"
finish
