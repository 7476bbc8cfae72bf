#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What two strongSwan gateways say to each other, followed live: the exchanges that espial tells, with type, message id, who began
# them, whether they were answered and how often they were sent again, are those of charon's own log. The agent is on the router
# beside the left gateway, and so is a capture for `espial read`. Times are compared on recordings only (unit/test_conversation_logs),
# because here the machine may be slow.
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/net/lib_lab.sh
. "$(dirname "$0")/lib_lab.sh"
need_lab tcpdump

# So that a slow machine does not send anything twice; and a peer that is given up soon
patient='retransmit_timeout = 60'
quick=$'retransmit_timeout = 0.4\nretransmit_tries = 3'

# What charon wrote, in the words of espial: "IKE_AUTH 1 left answered", once per exchange. IKEv1 answers DPD by an exchange of
# its own, which espial tells as an answer: here they are left as they are.
log_exchanges()
{
	sed -nE 's/^.*\] (generating|parsed) ([A-Z_0-9]+) (request|response) ([0-9]+) .*/\1 \2 \3 \4/p' "$LAB_DIR/left/charon.log" |
		awk 'BEGIN { name["ID_PROT"] = "MAIN_MODE"; name["INFORMATIONAL_V1"] = "INFORMATIONAL" }
			{
				type = $2 in name ? name[$2] : $2
				began = ($1 == "generating") == ($3 == "request") ? "left" : "right"
				key = type " " $4 " " began
				# A message id that comes again is of another IKE SA, but for main and quick mode, where the third message is a
				# request, too
				again = type ~ /_MODE/ && key in open
				if ($3 == "request" && !again) { open[key] = ++n; what[n] = key; answered[n] = "" }
				if ($3 == "response") answered[open[key]] = " answered"
			}
			END { for (i = 1; i <= n; i++) print what[i] answered[i] }' | sort
}

# Of a document's ike_sas, the same
told_exchanges()
{
	jq -r --arg left "$LAB_LEFT:" '.ike_sas[] | (.initiator | startswith($left)) as $left_is_initiator | .exchanges[] |
		"\(.type) \(.message_id) \(if (.by == "initiator") == $left_is_initiator then "left" else "right" end)" +
		if .response then " answered" else "" end' "$1" | sort
}

# The agent's events of IKE, one per message: type, id, and how often
event_messages()
{
	jq -r 'select(.kind == "ike") | "\(.ike.exchange) \(.ike.message_id)"' "$1" | sort | uniq -c
}

# Of charon's log, but for what it sends again
log_messages()
{
	sed -nE 's/^.*\] (generating|parsed) ([A-Z_0-9]+) (request|response) ([0-9]+) .*/\2 \4/p' "$LAB_DIR/left/charon.log" |
		sed 's/^ID_PROT/MAIN_MODE/; s/^INFORMATIONAL_V1/INFORMATIONAL/' | sort | uniq -c
}

# Without how often, where the daemon sends again
# shellcheck disable=SC2317 # by wait_for
kinds()
{
	sed "$([ "$1" != silent ] || echo 's/^ *[0-9]* //')"
}

# shellcheck disable=SC2317 # by wait_for
logged()
{
	[ "$(grep -c "$1" "$LAB_DIR/left/charon.log")" -ge "${2:-1}" ]
}

# As many messages as the log has are among the agent's events
# shellcheck disable=SC2317 # by wait_for
events_are_all()
{
	"$ESPIAL" events --json --socket "$AGENT_SOCKET" >"$TMPDIR/$1.events" &&
		[ "$(event_messages "$TMPDIR/$1.events" | kinds "$1")" = "$(log_messages | kinds "$1")" ]
}

# The agent's own tracker tells the exchanges of the log
# shellcheck disable=SC2317 # by wait_for
live_tells_all()
{
	agent_json >"$TMPDIR/$1.live" && [ "$(told_exchanges "$TMPDIR/$1.live")" = "$(log_exchanges)" ]
}

begin()
{
	check "$1: agent starts" agent_start isp -i il || finish
	check "$1: capture" lab_capture_start "$LAB_DIR/$1.pcap" isp il \
		'udp port 500 or (udp port 4500 and udp[8:4] = 0 and udp[4:2] > 12)'
	lab_daemon_start left "$2" && lab_daemon_start right "$2" && lab_load left && lab_load right
	check "$1: tunnel" lab_initiate || { cat "$LAB_DIR/left/charon.log"; finish; }
}

# Nothing is said any more when this is called
compare()
{
	check "$1: capture is whole" lab_capture_stop
	"$ESPIAL" read --json "$LAB_DIR/$1.pcap" >"$TMPDIR/$1.json"
	is "$1: exchanges of the tracker are those of the log" "$(told_exchanges "$TMPDIR/$1.json")" "$(log_exchanges)"
	is "$1: retransmissions" "$(jq '[.ike_sas[].retransmits] | add' "$TMPDIR/$1.json")" \
		"$(grep -c 'retransmit [0-9]* of request' "$LAB_DIR/left/charon.log")"
	check "$1: the agent's events are the messages of the log" wait_for 60 events_are_all "$1" ||
		diff <(event_messages "$TMPDIR/$1.events") <(log_messages)
	check "$1: and its exchanges are those of the log" wait_for 60 live_tells_all "$1" ||
		diff <(told_exchanges "$TMPDIR/$1.live") <(log_exchanges)
	is "$1: and its retransmissions" "$(jq '[.ike_sas[].retransmits] | add' "$TMPDIR/$1.live")" \
		"$(grep -c 'retransmit [0-9]* of request' "$LAB_DIR/left/charon.log")"
	agent_stop
	is "$1: agent stops" $? 0
	lab_daemon_stop left KILL
	lab_daemon_stop right KILL
	lab_clear
}

lab_up || skip_all "the lab's namespaces do not come up"

# ---- IKEv2: rekeys, DPD, delete

lab_conn options='dpd_delay = 1s' right_options=''
begin v2 "$patient"
check "v2: child SA is rekeyed" lab_rekey
check "v2: IKE SA is rekeyed" lab_swanctl left --rekey --ike t
check "v2: the new one is used" wait_for 60 logged 'parsed INFORMATIONAL response 1 \['
check "v2: delete" lab_swanctl left --terminate --ike t --timeout 20
compare v2
is "v2: two IKE SAs, one made by the other" "$(jq -c '[.ike_sas[] | [.version, .state == "rekeyed"]]' "$TMPDIR/v2.json")" \
	'[["2.0",true],["2.0",false]]'

# ---- IKEv2: the peer does not answer any more

lab_conn options='dpd_delay = 1s' right_options=''
begin silent "$quick"
check "silent: DPD is answered" wait_for 60 logged 'parsed INFORMATIONAL response'
lab_block 500
lab_block 4500
check "silent: DPD is given up" wait_for 60 logged 'giving up after 3 retransmits'
compare silent
is "silent: what is not answered was sent again three times" "$(jq -c '[.ike_sas[0].exchanges[] | select(.response == null) |
	[.type, .retransmits]]' "$TMPDIR/silent.json")" '[["INFORMATIONAL",3]]'

# ---- IKEv1: main mode, quick mode, delete

lab_conn version=1
begin v1 "$patient"
check "v1: delete" lab_swanctl left --terminate --ike t --timeout 20
compare v1
is "v1: main mode came to its end" "$(jq -c '.ike_sas[] | [.version, .mode, .phase1_step, .state]' "$TMPDIR/v1.json")" \
	'["1.0","main",6,"established"]'
finish
