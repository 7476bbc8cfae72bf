#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The VICI client against two real charons and one that is not there: configured but down, up, rekeyed, down, killed, stuck; and the
# agent counts on whatever the daemon does, with the equations of the counters
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/net/lib_lab.sh
. "$(dirname "$0")/lib_lab.sh"
need_lab

known=$TMPDIR/known
events=$TMPDIR/events
mkdir "$known"

# left holds REGEX, right holds REGEX: what is known of it now has a line that matches
# shellcheck disable=SC2317 # check and wait_for call it
left()
{
	grep -qE -- "$1" "$known/0"
}

# shellcheck disable=SC2317 # check and wait_for call it
right()
{
	grep -qE -- "$1" "$known/1"
}

# shellcheck disable=SC2317 # wait_for calls it
left_lacks()
{
	! left "$1"
}

# shellcheck disable=SC2317 # wait_for calls it
happened()
{
	grep -qE -- "$1" "$events"
}

# left_has_spis: the children that we know have the SPIs that swanctl tells
# shellcheck disable=SC2317 # wait_for calls it
left_has_spis()
{
	[ "$(sed -nE 's/^child .* in (0x[0-9a-f]+) out (0x[0-9a-f]+) .*/in \1\nout \2/p' "$known/0" | sort)" = "$(lab_spis left)" ]
}

check "the lab comes up" lab_up || finish
check "charon on both sides, configured" lab_daemons || finish
"$NET_PROGRAMS/vici_watch" "$known" "$LAB_DIR/left/vici" "$LAB_DIR/right/vici" "$LAB_DIR/nobody" >"$events" 2>&1 &
watch=$!
at_exit stop_process "$watch" KILL

check "it is found" wait_for 60 left '^available 1 version strongSwan [0-9.]+ why $'
check "the other, too" wait_for 60 right '^available 1 '
check "one that is not there is said to be none" wait_for 60 grep -q '^available 0 .*no such socket' "$known/2"
check "configured, and down" wait_for 60 left '^connection t IKEv2 10\.1\.0\.2 -> 10\.2\.0\.2 ids left right auth psk children 1$'
check "with its child" wait_for 60 left '^config t/c mode 2 192\.168\.1\.0/24 === 192\.168\.2\.0/24$'
check "and without SAs" wait_for 60 left_lacks '^(ike|child) '

check "an agent that asks them, too" agent_start left -i l0 --vici "$LAB_DIR/left/vici" || finish
check "the tunnel comes up" lab_initiate || finish
check "we are told" wait_for 60 happened '^0 ike-up t '
check "of the child, too" wait_for 60 happened "^0 child-up t c in $(lab_spis left | awk '/^in/ { print $2 }') "
check "the other side tells us, too" wait_for 60 happened '^1 child-up t c '
check "its SPIs are known" wait_for 60 left_has_spis
check "and what it is made of" wait_for 60 left '^child t/c state 2 .* encap 1 suite AES_GCM_16_128 192\.168\.1\.0/24 === 192\.168\.2\.0/24$'
check "IKE: state, identities, ports, algorithms" wait_for 60 \
	left '^ike t state 2 ids left right ports 4500 4500 .* initiator 1 suite AES_CBC_128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/CURVE_25519$'
check "the other side did not begin" wait_for 60 right '^ike t .* initiator 0 '
is "both sides have the same IKE SPIs" "$(sed -nE 's/^ike .* spis (0x[0-9a-f]+ 0x[0-9a-f]+) .*/\1/p' "$known/0")" \
	"$(sed -nE 's/^ike .* spis (0x[0-9a-f]+ 0x[0-9a-f]+) .*/\1/p' "$known/1")"

old=$(lab_spis left | awk '/^in/ { print $2 }')
check "the child is rekeyed" lab_rekey
new=$(lab_spis left | awk '/^in/ { print $2 }')
check "we are told which replaced which" wait_for 60 happened "^0 child-rekey t c in $new out 0x[0-9a-f]+ old in $old"
check "the new SPIs are known" wait_for 60 left_has_spis
lab_swanctl left --rekey --ike t >/dev/null 2>&1
check "IKE is rekeyed" wait_for 60 happened '^0 ike-rekey t [0-9]+ to [0-9]+'

check "packets pass" test "$(lab_ping left 50)" = "50 50"
check "and are counted" agent_shows 60 '[.tunnels[] | select(.name == "t") | .in.packets, .out.packets]' '[50,50]'
equations "up"
lab_swanctl left --terminate --ike t --timeout 20 >/dev/null 2>&1
check "it ends: we are told" wait_for 60 happened '^0 child-down t c '
check "of IKE, too" wait_for 60 happened '^0 ike-down t '
check "no SAs" wait_for 60 left_lacks '^(ike|child) '
check "the connection stays" left '^connection t '

kill -STOP "${LAB_CHARON[left]}"
check "stuck: said" wait_for 60 left '^available 0 .*no answer to list-(conns|sas) in 8000 ms'
equations_now "stuck"
kill -CONT "${LAB_CHARON[left]}"
check "on again" wait_for 60 left '^available 1 '
check "the other was there all the time" right '^available 1 '

lab_daemon_stop left KILL
check "killed: we are told" wait_for 60 happened '^0 daemon-down  the daemon ended the connection'
check "and know it" wait_for 60 left '^available 0 '
equations_now "killed"
check "its connections are not forgotten" left '^connection t '
check "it is started again" lab_daemon_start left
check "and found" wait_for 60 left '^available 1 '
check "without its configuration, which was lost" wait_for 60 left_lacks '^connection t '
check "which is loaded again" lab_load left
check "and seen" wait_for 60 left '^connection t '
check "the agent sees it, too" agent_shows 60 '[.tunnels[] | select(.name == "t")] | length' 1
equations "back"
agent_stop
is "the agent ends well" $? 0
is "the other never went" "$(grep -c '^1 daemon-down' "$events")" 0
check "the client is still there" is_running "$watch"
stop_process "$watch" TERM
finish
