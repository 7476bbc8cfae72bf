#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# espial journal: which entries, in which form; what led to a fall; traffic; what is wrong and how it is said
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need_cmd jq
writer=$ESPIAL_BUILD/test/net/journal_writer
db=$TMPDIR/journal.db
export TZ=CET-1CEST,M3.5.0,M10.5.0/3
# The story begins at 23:31:00, and the tunnel "office" falls at 00:31:17
check "a journal" "$writer" scene "$db" 1781731860 || finish

journal()
{
	timeout 60 "$ESPIAL" journal --file "$db" "$@" 2>"$TMPDIR/err"
}

# refuses NAME STATUS LINE OPTION...
refuses()
{
	local name=$1 wanted=$2 line=$3 status

	shift 3
	timeout 60 "$ESPIAL" journal "$@" >"$TMPDIR/out" 2>"$TMPDIR/err"
	status=$?
	is "$name: status" $status "$wanted"
	is "$name: line" "$(cat "$TMPDIR/err")" "espial: $line"
	is "$name: nothing on standard output" "$(cat "$TMPDIR/out")" ""
}

# ---- which entries
is "all of them" "$(journal | wc -l)" 133
is "nothing on standard error" "$(cat "$TMPDIR/err")" ""
is "a line" "$(journal --kind tunnel-up --peer 10.1.2.4)" \
	"2026-06-17 23:31:02.000  info      tunnel-up          branch (10.1.2.4)  IKE SA established, ESP passes both ways"
is "of a tunnel" "$(journal --tunnel branch | wc -l)" 62
is "of a peer" "$(journal --peer 10.1.2.3 | wc -l)" 69
is "of two kinds" "$(journal --kind tunnel-up,tunnel-down | wc -l)" 3
is "of two kinds, given one by one" "$(journal --kind tunnel-up --kind tunnel-down | wc -l)" 3
is "of a severity and worse" "$(journal --severity warning | wc -l)" 6
is "since" "$(journal --since '2026-06-18 00:31:07' | wc -l)" 4
is "until" "$(journal --until 2026-06-17T21:31:02Z | wc -l)" 3
is "between" "$(journal --since '2026-06-18 00:31:07' --until '2026-06-18T00:31:12+02:00' | wc -l)" 2
is "the last ones, the newest last" "$(journal -n 2 | cut -c1-19 | xargs)" "2026-06-18 00:31:17 2026-06-18 00:31:37"
is "the last of a kind" "$(journal --limit 1 --kind ike-retransmit | grep -c 'for the 5. time')" 1
is "in order of time" "$(journal | cut -c1-23)" "$(journal | cut -c1-23 | sort)"
is "UTC where that is the zone" "$(TZ=UTC journal --kind tunnel-down | cut -c1-23)" "2026-06-17 22:31:17.000"
is "text from the network is escaped" "$(journal --kind daemon | sed 's/.*(10.1.2.3)  //')" 'vendor \x1b[31mred\x1b[0m \u202egnp.exe'
is "evidence" "$(journal --kind tunnel-down --evidence | tail -n +2)" \
	"      first request without answer: INFORMATIONAL 62 (wire, 00:30:47.000)
      ESP from the peer since: none (wire)"
is "nothing matches" "$(journal --since now)" ""
is "and says so" "$(cat "$TMPDIR/err")" "no entries match"
is "nothing matches: status" "$(journal --since now; echo $?)" 0

# ---- JSON
journal --json >"$TMPDIR/all.json"
is "JSON: an object to a line" "$(jq -s length "$TMPDIR/all.json")" 133
is "JSON: the fall" "$(jq -c 'select(.kind == "tunnel-down")' "$TMPDIR/all.json")" \
	'{"time":"2026-06-17T22:31:17.000000000Z","kind":"tunnel-down","severity":"critical","confidence":"likely","origin":"wire","tunnel":"office","local":"192.0.2.1","local_port":null,"peer":"10.1.2.3","peer_port":null,"initiator_spi":null,"responder_spi":null,"spi":null,"ike_version":null,"exchange":null,"message_id":null,"good":false,"cause":"dpd-timeout","text":"the peer did not answer a request that was sent 6 times","evidence":[{"what":"first request without answer","value":"INFORMATIONAL 62","at":"2026-06-17T22:30:47.000000000Z","origin":"wire"},{"what":"ESP from the peer since","value":"none","at":null,"origin":"wire"}]}'
is "JSON: an exchange" "$(jq -c 'select(.message_id == 61 and .tunnel == "office") | [.exchange, .ike_version, .good, .initiator_spi]' "$TMPDIR/all.json")" \
	'["INFORMATIONAL",2,true,"0x1122334455667788"]'
is "JSON: nothing but JSON" "$(journal --json --since now; cat "$TMPDIR/err")" ""

# ---- what led to a fall
journal --around '2026-06-18 00:30' --peer 10.1.2.3 >"$TMPDIR/around"
is "around: the fall is the last entry" "$(grep -v '^ ' "$TMPDIR/around" | tail -n 1 | grep -c 'tunnel-down .*<- the fall$')" 1
is "around: the last good exchange is marked" "$(grep 'last good' "$TMPDIR/around")" \
	"2026-06-18 00:29:10.000  info      ike-exchange       office (10.1.2.3)  INFORMATIONAL 61 was answered after 12 ms  <- last good exchange, 2 min 7 s before the fall"
is "around: what happened to the host is there" "$(grep -c 'eth1 lost its carrier' "$TMPDIR/around")" 1
is "around: other tunnels are not" "$(grep -c branch "$TMPDIR/around")" 0
is "around: of all tunnels" "$(journal --around '2026-06-18 00:35' | grep -c '<- the fall$')" 1
is "around: nothing behind it" "$(journal --around '2026-06-18 00:35' | grep -c 'gnp.exe')" 0
is "around: JSON" "$(journal --around '2026-06-18 00:30' --json | jq -r 'select(.mark) | .kind + " " + .mark' | xargs)" \
	"ike-exchange last-good tunnel-down fall"
is "around: no fall" "$(journal --around '2026-06-18 00:00' | grep -c .)" 22
is "around: no fall, and says so" "$(cat "$TMPDIR/err")" \
	"no tunnel fell within 10 minutes of 2026-06-18 00:00:00: what happened from 10 minutes before to 1 minute after"
is "around: of another tunnel" "$(journal --around '2026-06-18 00:30' --tunnel branch >/dev/null; cat "$TMPDIR/err")" \
	"no tunnel that matches fell within 10 minutes of 2026-06-18 00:30:00: what happened from 10 minutes before to 1 minute after"

# ---- traffic
journal --rollup --tunnel office --since '2026-06-18 00:31:05' --until '2026-06-18 00:32:45' >"$TMPDIR/rollup"
is "traffic: steps of 10 s around the fall" "$(tail -n +2 "$TMPDIR/rollup" | tr -s ' ')" \
	" 2026-06-18 00:31:10 office up 1000 1.40 MB 1 0 0 500 50.0 kB 0
 2026-06-18 00:31:20 office down 600 840 kB 0 0 0 300 30.0 kB 0
 2026-06-18 00:32:40 office up (was down) 100 140 kB 1 0 0 50 5.00 kB 0"
is "traffic: steps of 5 min of a longer time" "$(journal --rollup --peer 10.1.2.4 --since 2026-06-17 --until 2026-06-19 |
	tail -n +2 | wc -l)" 25
is "traffic: all of it" "$(journal --rollup --json --since 2026-06-17 --until 2026-06-19 | jq -s 'map(select(.tunnel == "branch")) | map(.in.packets) | add')" \
	"$((7141 * 100))"
is "traffic: JSON" "$(journal --rollup --json --tunnel office --since '2026-06-18 00:31:20' --until '2026-06-18 00:31:20' | jq -c .)" \
	'{"time":"2026-06-17T22:31:20.000000000Z","seconds":10,"tunnel":"office","peer":"10.1.2.3","state":"down","worst_state":"down","in":{"packets":600,"bytes":840000,"lost":0,"late":0,"duplicate":0},"out":{"packets":300,"bytes":30000,"lost":0,"late":0,"duplicate":0}}'
is "traffic: none" "$(journal --rollup; cat "$TMPDIR/err")" "no traffic of tunnels is kept of this time"

# ---- following, without an agent and with one
timeout 300 "$ESPIAL" journal --file "$db" --follow --since 2026-06-18 >"$TMPDIR/follow" 2>"$TMPDIR/err" &
follower=$!
at_exit stop_process $follower
check "follow: what was" wait_for 60 grep -q gnp.exe "$TMPDIR/follow"
"$writer" add "$db" 3 "hello"
# shellcheck disable=SC2317 # by wait_for
followed()
{
	[ "$(grep -c 'added (10.1.2.9)  hello$' "$TMPDIR/follow")" = 3 ]
}
check "follow: what comes" wait_for 60 followed
rm -f "$db" "$db-wal" "$db-shm"
"$writer" add "$db" 1 "a new file"
check "follow: another file in its place" wait_for 60 grep -q 'a new file$' "$TMPDIR/follow"
check "follow: goes on" is_running $follower
stop_process $follower
"$writer" add "$db" 2000 "many"
journal >/dev/null
is "not all of many" "$(journal | wc -l)" 1000
is "and says so" "$(cat "$TMPDIR/err")" "the last 1000 entries: --since or --limit shows more"
is "all of many" "$(journal -n 0 | wc -l)" 2001
journal -n 0 | head -n 1 >"$TMPDIR/head"
is "a reader that goes away" "${PIPESTATUS[0]}" 0
journal >/dev/full
is "full disk: status" $? 3

# ---- what is wrong
refuses "no journal" 3 "no journal at $TMPDIR/none.db: \`espial run\` writes one, or name another with --file" --file "$TMPDIR/none.db"
echo "something else" >"$TMPDIR/text.db"
refuses "no database" 3 "journal $TMPDIR/text.db: file is not a database: name another with --file" --file "$TMPDIR/text.db"
refuses "a directory" 3 "journal $TMPDIR: is no file: name another with --file" --file "$TMPDIR"
refuses "no time" 2 "--since 'soon': is no time: give '2 hours ago', 'yesterday 22:00', '2026-06-18 00:31:17' or '@1781735477'" --since soon
refuses "far away" 2 "--until '9999999 weeks ago': is too far away" --until '9999999 weeks ago'
refuses "no address" 2 "--peer 'gw': is no address: give numbers, as 10.1.2.3 or 2001:db8::1" --peer gw
refuses "no kind" 2 "no kind 'tunel-down': did you mean 'tunnel-down'?" --kind tunel-down
refuses "no severity" 2 "no severity 'bad': one of info, warning, critical" --severity bad
refuses "no number" 2 "--limit 'x': must be a number from 0 to 2147483647" --limit x
refuses "until before since" 2 "--until is before --since: nothing can be between them" --since '1h ago' --until '2h ago'
refuses "around and since" 2 \
	"--around chooses the time and the number by itself: without --since, --until, --limit, --follow and --rollup" \
	--around now --since now
refuses "follow and until" 2 "--follow has no end and no traffic: without --until and --rollup" -f --until now
refuses "rollup and kind" 2 "--rollup shows traffic, not entries: without --kind, --severity, --limit and --evidence" \
	--rollup --kind rekey
refuses "an argument" 2 "'office': journal takes options only: --peer ADDR, --tunnel NAME, --since TIME" office

# Pages in the middle overwritten: what can be read is shown, and that it is not all is said
"$writer" scene "$TMPDIR/damaged.db" 1781731860
size=$(stat -c %s "$TMPDIR/damaged.db")
head -c 16384 /dev/urandom | dd of="$TMPDIR/damaged.db" bs=4096 seek=$((size / 8192)) conv=notrunc 2>/dev/null
timeout 60 "$ESPIAL" journal --file "$TMPDIR/damaged.db" --rollup --since 2026-06-01 --until 2026-06-30 >"$TMPDIR/out" 2>"$TMPDIR/err"
status=$?
if [ $status = 3 ]; then
	matches "damaged: said" "$(cat "$TMPDIR/err")" "^espial: journal $TMPDIR/damaged.db: damaged \(.*\): what is shown is not all"
else
	is "damaged elsewhere, or still in the log: status" $status 0
fi

# ---- members of the group read, while the agent runs and when it does not; others do not
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	shared=$TMPDIR/shared
	chmod 755 "$TMPDIR" "$(dirname "$TMPDIR")"
	mkdir -m 750 "$shared"
	"$writer" scene "$shared/journal.db" 1781731860
	chgrp -R 4242 "$shared"
	reads()
	{
		timeout 60 setpriv --reuid=4243 --regid="$1" --clear-groups --inh-caps=-all --bounding-set=-all \
			"$ESPIAL" journal --file "$shared/journal.db" -n 0 2>"$TMPDIR/err" | wc -l
	}
	if setpriv --reuid=4243 --regid=4242 --clear-groups "$ESPIAL" --version >/dev/null 2>&1; then
		is "member of the group, no agent" "$(reads 4242)" 133
		"$writer" loop "$shared/journal.db" >"$TMPDIR/loop" 2>&1 &
		looper=$!
		at_exit stop_process $looper
		check "an agent writes" wait_for 60 grep -q 'written [1-9]' "$TMPDIR/loop"
		lines=$(reads 4242)
		check "member of the group, while it is written ($lines)" test "$lines" -gt 133
		is "someone else" "$(reads 4244)" 0
		matches "someone else: why" "$(cat "$TMPDIR/err")" "Permission denied: root and members of group espial may read it"
		stop_process $looper KILL
		check "member of the group, agent killed" test "$(reads 4242)" -ge "$lines"
	else
		skip "members of the group" "another user cannot run the program here"
	fi
	files=("$shared"/journal.db-*)
	check "the log stays beside the journal, for them" test ${#files[@]} = 2
fi
finish
