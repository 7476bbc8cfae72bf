#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Diagnosis live: the agent on a strongSwan gateway while the secret is wrong, while all is well, while the path loses packets, and
# while the peer is dead; what it raises, when it clears it, and that it raises nothing else. That path-loss is cleared takes two
# minutes and is left to unit/test_rules_quality.
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/net/lib_lab.sh
. "$(dirname "$0")/lib_lab.sh"
need_lab
out=$TMPDIR/out

diagnose()
{
	TZ=UTC "$ESPIAL" diagnose --socket "$AGENT_SOCKET" "$@"
}

# findings FILTER [OPTION...]: ids, but not of what only tells that this machine is slow, or of the host that all tests share
findings()
{
	diagnose --json "${@:2}" | jq -r "[.[] | $1 | select(.subject.peer) | .id] |
		map(select(IN(\"ike-slow\", \"ike-reply-lost\") | not)) | unique | join(\" \")"
}
raised()
{
	findings .
}
# shellcheck disable=SC2317
cleared()
{
	findings 'select(.until)' --since '1 hour ago'
}

# shellcheck disable=SC2317 # wait_for calls them
is_raised()
{
	sleep 0.2 # asking costs, and the agent looks once a second
	[[ " $(raised) " == *" $1 "* ]]
}
# shellcheck disable=SC2317
is_cleared()
{
	! is_raised "$1" && [[ " $(cleared) " == *" $1 "* ]]
}

says()
{
	check "$1" grep -qE -- "$2" "$out" || cat "$out"
}

# Gives up after 4 s where charon's default takes 165
quick=$'retransmit_timeout = 1\nretransmit_base = 1\nretransmit_tries = 3'

lab_up || skip_all "the lab's namespaces do not come up"
# ESP is in user space here: the kernel knows of no SA, and would call each one unknown
check "agent starts on the left gateway" agent_start left -i l0 --xfrm no --vici none || finish

# ---- the secret is wrong

lab_conn right_psk=wrong options='dpd_delay = 1s'
lab_daemon_start left "$quick" && lab_daemon_start right "$quick" && lab_load left && lab_load right
is "nothing is wrong yet" "$(raised)" ""
lab_swanctl left --initiate --child c --timeout 20 >/dev/null 2>&1
check "wrong secret: raised" wait_for 120 is_raised ike-auth-failed
diagnose >"$out"
says "wrong secret: what and what to do" '^CRITICAL .*Authentication with 10\.2\.0\.2 fails.* To do: enter the same pre-shared key'
says "wrong secret: never came up" 'the tunnel never came up'
diagnose --exit-code >/dev/null
is "status with --exit-code" $? 1

# ---- and right: traffic and rekeyings

sed -i 's/wrong/topsecret/' "$LAB_DIR/right/swanctl.conf"
lab_load right
check "tunnel" lab_initiate || { cat "$LAB_DIR/left/charon.log"; finish; }
ns_spawn left "$TMPDIR/ping" ping -q -i 0.002 -I "$LAB_LEFT_INNER" "$LAB_RIGHT_INNER"
pings=$SPAWNED
at_exit stop_process "$pings"
check "rekey" lab_rekey
lab_swanctl left --rekey --ike t >/dev/null
check "another rekey" lab_rekey

# ---- the path loses each 20th packet; meanwhile what was mended is cleared

lab_impair lose left 20
check "mended: cleared" wait_for 120 is_cleared ike-auth-failed
check "loss: raised" wait_for 120 is_raised path-loss
is "loss: and nothing else" "$(raised)" path-loss
diagnose >"$out"
says "loss: what" 'WARNING|CRITICAL'
lab_clear

# ---- the peer dies

lab_daemon_stop right KILL
check "peer dead: raised" wait_for 120 is_raised dpd-timeout
diagnose --peer "$LAB_RIGHT" >"$out"
says "peer dead: what" 'CRITICAL .*10\.2\.0\.2 (does not answer any more|stopped answering)'
says "peer dead: each retransmission" 'sent again, time number: 2'
says "peer dead: the last good exchange" 'last good'
# shellcheck disable=SC2317
given_up()
{
	[[ $(diagnose --json | jq -r '.[] | select(.id == "dpd-timeout") | .meaning') == *"declared dead"* ]]
}
check "peer dead: given up" wait_for 120 given_up
lab_daemon_start right "$quick" && lab_load right
check "peer back: tunnel" lab_initiate || cat "$LAB_DIR/left/charon.log"
check "peer back: cleared" wait_for 120 is_cleared dpd-timeout

stop_process "$pings"
is "nothing else was raised in all that time" \
	"$(findings . --since '1 hour ago')" "dpd-timeout ike-auth-failed path-loss"
agent_stop
is "agent stops" $? 0
finish
