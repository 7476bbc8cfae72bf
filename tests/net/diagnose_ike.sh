#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What is wrong with IKE, and takes the agent on the gateway to tell: between two strongSwan gateways with an address for each
# case, requests that nobody answers beside requests whose answers get lost, IKE SAs that stand side by side beside one that takes
# another's place; and from a generator at the router floods of IKE and unknown SPIs, beside fewer of them. All at once, since
# duplicate-sas takes most of a minute.
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/net/lib_lab.sh
. "$(dirname "$0")/lib_lab.sh"
need_lab
out=$TMPDIR/out
TWICE=10.2.0.3 REPLACED=10.2.0.4 UNANSWERED=10.2.0.5 REPLY_LOST=10.2.0.6

diagnose()
{
	TZ=UTC "$ESPIAL" diagnose --socket "$AGENT_SOCKET" "$@"
}
# raised ID [PEER]: now
# shellcheck disable=SC2317 # wait_for calls it
raised()
{
	sleep 0.2 # asking costs, and the agent looks once a second
	diagnose --json | jq -e --arg id "$1" --arg peer "${2:-}" 'any(.[]; .id == $id and .until == null and (.subject.peer // "") == $peer)'
}
# ever FILTER: the ids of what was raised since the start, and may be over
ever()
{
	diagnose --json --since '1 hour ago' | jq -r "[.[] | select($1) | .id] | unique | join(\" \")"
}
says()
{
	check "$1" grep -qE -- "$2" "$out" || cat "$out"
}

lab_up || skip_all "the lab's namespaces do not come up"
lab_conn
# connection NAME ADDRESS OPTIONS: one more like t, from an address of the left gateway to that one of the right
for side in left right; do
	mkdir -p "$LAB_DIR/$side/conf"
	conf=$LAB_DIR/$side/swanctl.conf
	sed -n '/^  t {/,/^  }/p' "$conf" >"$LAB_DIR/$side/template"
	mv "$conf" "$LAB_DIR/$side/all"
done
connection()
{
	local name=$1 right=$2 options=$3 left=10.1.0.${2##*.} side

	ip -n "${NS_PREFIX}left" addr add "$left/24" dev l0
	ip -n "${NS_PREFIX}right" addr add "$right/24" dev r0
	for side in left right; do
		sed -e "s/^  t {/  $name {\n    $options/; s/^      c {/      c$name {/" -e "s/$LAB_LEFT\b/$left/; s/$LAB_RIGHT\b/$right/" \
			"$LAB_DIR/$side/template" >>"$LAB_DIR/$side/conf/connections"
	done
}
connection twice $TWICE 'unique = never'
connection replaced $REPLACED 'unique = replace'
connection unanswered $UNANSWERED 'unique = never'
connection reply $REPLY_LOST 'unique = never'
for side in left right; do
	{
		echo 'connections {'
		cat "$LAB_DIR/$side/conf/connections"
		echo '}'
		sed -n '/^secrets/,$p' "$LAB_DIR/$side/all"
	} >"$LAB_DIR/$side/swanctl.conf"
done

check "agent starts on the left gateway" agent_start left -i l0 --xfrm no --vici "$LAB_DIR/left/vici" || finish
# Each initiation makes an IKE SA, and requests are sent again each second
again=$'reuse_ikesa = no\nretransmit_timeout = 1\nretransmit_base = 1\nretransmit_tries = 60'
for side in left right; do
	check "the $side daemon" lab_daemon_start $side "$again" || finish
	check "its connections" lab_load $side || finish
done

# ---- two IKE SAs of one connection, and one in the place of another

up()
{
	lab_swanctl left --initiate --child "c$1" --timeout 20 >>"$LAB_DIR/left/initiate" 2>&1
}
stand()
{
	lab_swanctl left --list-sas --ike "$1" | grep -c "^$1: .*ESTABLISHED"
}
for name in twice replaced; do
	check "$name: begun" up $name || cat "$LAB_DIR/left/initiate"
	check "$name: and again" up $name || cat "$LAB_DIR/left/initiate"
done
is "twice: both stand" "$(stand twice)" 2
# shellcheck disable=SC2317
alone()
{
	[ "$(stand replaced)" = 1 ]
}
check "replaced: one stands" wait_for 20 alone

# ---- a firewall of our own takes the peer's requests; and another one on the way takes our answers to them

ns left nft "add table ip f; add chain ip f in { type filter hook input priority 0; }; add rule ip f in ip saddr $UNANSWERED udp dport 500 drop"
_lab_table
ns isp nft add rule ip lab do_lose "ip daddr $REPLY_LOST udp dport 500 drop"
for name in unanswered reply; do
	ns_spawn right "$LAB_DIR/right/$name" env STRONGSWAN_CONF="$LAB_DIR/right/strongswan.conf" SWANCTL_DIR="$LAB_DIR/right" \
		"$(_lab_program /usr/sbin/swanctl)" --initiate --child "c$name" --timeout 100 --uri "unix://$LAB_DIR/right/vici"
	at_exit stop_process "$SPAWNED"
done
check "not answered: raised" wait_for 60 raised ike-request-not-answered $UNANSWERED
diagnose --peer $UNANSWERED >"$out"
says "not answered: what" "CRITICAL .*IKE requests of $UNANSWERED arrive here and are not answered"
says "not answered: each request" 'IKE_SA_INIT, message id 0 by the peer'
check "answered, but lost: raised" wait_for 60 raised ike-reply-lost $REPLY_LOST

# ---- SAs that nobody knows: many that are real ones, and many of which nothing more is heard

ns isp "$NET_PROGRAMS/flood" il sas 150 8 >/dev/null
check "150 SAs: seen" agent_shows 60 '[.sas[] | select(.source == "198.51.100.1" and .packets == 8)] | length' 150
is "150 SAs: no scan" "$(ever '.id == "spi-scan"')" ""
ns isp "$NET_PROGRAMS/flood" il sas 400 1 >/dev/null
check "250 more of one packet each: raised" wait_for 60 raised spi-scan
diagnose >"$out"
says "scan: what" 'Packets with many unknown SPIs arrive.*: someone probes'

# ---- IKE that is begun and never heard of again: a few, and hundreds each second

ns isp "$NET_PROGRAMS/flood" il init 90 1 >/dev/null
check "90 half-open: seen" agent_shows 60 '.ike.tracker.half_open >= 90' true
is "90 half-open: no flood" "$(ever '.id == "ike-flood"')" ""
# shellcheck disable=SC2016 # the inner shell's; below what the agent takes in one tenth of a second
ns_spawn isp "$TMPDIR/flood" bash -c 'for ((first = 1000; ; first += 100)); do "$0" il init 100 $first; sleep 0.1; done' "$NET_PROGRAMS/flood"
flood=$SPAWNED
at_exit stop_process "$flood" KILL
check "hundreds each second: raised" wait_for 90 raised ike-flood
stop_process "$flood"
diagnose >"$out"
says "flood: what" 'Many IKE negotiations begin and never end: [0-9]+ in one second'

# ---- what took so long

check "two IKE SAs of one connection: raised" wait_for 120 raised duplicate-sas $TWICE
diagnose --peer $TWICE >"$out"
says "two IKE SAs: what" 'There are 2 IKE SAs side by side for one connection with 10\.2\.0\.3'
is "two IKE SAs: nothing else" "$(ever ".subject.peer == \"$TWICE\" and .id != \"ike-slow\"")" duplicate-sas
is "in another's place: nothing" "$(ever ".subject.peer == \"$REPLACED\" and .id != \"ike-slow\"")" ""
is "answers that get lost: nothing else" "$(ever ".subject.peer == \"$REPLY_LOST\" and .id != \"ike-slow\"")" ike-reply-lost
is "requests not answered: nothing else" "$(ever ".subject.peer == \"$UNANSWERED\"")" ike-request-not-answered
agent_stop
is "agent stops" $? 0
finish
