#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# espial explain: its options, its exit status, what cannot be read, text that must not reach a terminal
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need_cmd jq gzip
export TZ=UTC
logs=$ESPIAL_ROOT/tests/logs
cd "$TMPDIR" || exit 1
cp "$logs"/{charon-daily-flap,charon-dpd,charon-healthy-rekeys,charon-stays-down,charon-psk}.log .
touch -d '2026-03-10 12:00' ./*.log

# status NAME WANTED COMMAND...
status()
{
	"${@:3}" >out 2>err
	is "$1" $? "$2"
}

# ---- what is said
status "a fault is no failure" 0 "$ESPIAL" explain charon-dpd.log
matches "the first line is enough" "$(head -n 1 out)" \
	'^CRITICAL t, since 2026-03-01 14:07:17 UTC: 10\.2\.0\.2 stopped answering and was declared dead: request 3 was sent 4 times .* To do: check the path to 10\.2\.0\.2 '
matches "the three shapes" "$(cat out)" 'the tunnel went down and stays down'
matches "the last good exchange" "$(cat out)" 'last good INFORMATIONAL response 2, 2026-03-01 14:07:16 UTC'
matches "lines are the evidence" "$(cat out)" 'because   .*retransmit 1 of request.*retransmit 2 of.*giving up after 3 retransmits'
matches "a command to paste" "$(cat out)" '# ping -c 3 10\.2\.0\.2'
status "brief" 0 "$ESPIAL" explain --brief charon-daily-flap.log
is "a line for each" "$(grep -c '^WARNING hq, over since ' out) $(wc -l <out)" "2 2"
matches "with the period" "$(cat out)" 'went down and came back 6 times, every 24 h 0 min'
matches "attribute by attribute, of VRP" "$("$ESPIAL" explain "$logs/vrp-attributes.log")" \
	'DH group: MODP_1024 only on the received side, MODP_2048 only on the configured side; encryption algorithm: DES_CBC only on the received'
matches "what differs, of pluto" "$("$ESPIAL" explain "$logs/pluto-configured.log")" \
	'with 203\.0\.113\.7: MODP_1024 \(DH group 2\) only on the received side; MODP_2048 \(DH group 14\), ECP_256 \(DH group 19\) only on the configured side\. To do: set the same DH group on both ends'
is "and its own proposals, once" "$("$ESPIAL" explain "$logs/pluto-configured.log" | grep -c 'proposals configured here: ')" 1
matches "what the peer offers, of pluto" "$("$ESPIAL" explain "$logs/pluto-proposal.log")" 'with 203\.0\.113\.7: the peer offers 1:IKE:ENCR=AES_CBC_256;'
status "nothing wrong" 0 "$ESPIAL" explain charon-healthy-rekeys.log
matches "is said too" "$(head -n 1 out)" '^No fault found\.$'
status "nothing at all" 0 "$ESPIAL" explain /dev/null
matches "is not the same" "$(head -n 1 out)" '^Nothing of IPsec found\.$'

# ---- where it comes from
"$ESPIAL" explain --json charon-dpd.log | jq -c .findings >wanted
is "standard input" "$("$ESPIAL" explain --json <charon-dpd.log | jq -c '.findings | map(del(.x))')" "$(cat wanted)"
is "standard input by name" "$("$ESPIAL" explain --json - <charon-dpd.log | jq -c .findings)" "$(cat wanted)"
is "compressed, through a pipe" "$(gzip -c charon-dpd.log | "$ESPIAL" explain --json | jq -c .findings)" "$(cat wanted)"
is_json "several files" <("$ESPIAL" explain --json charon-dpd.log charon-healthy-rekeys.log charon-psk.log) \
	'[.findings[].id] | sort | join(" ")' "dpd-timeout ike-auth-failed"

# ---- limits
is_json "--peer" <("$ESPIAL" explain --json --peer 203.0.113.9 charon-stays-down.log) '.findings | length' 0
is_json "--peer, the other" <("$ESPIAL" explain --json --peer 203.0.113.7 charon-stays-down.log) '.findings | length' 2
is_json "--peer, timeline" <("$ESPIAL" explain --json --peer 203.0.113.7 charon-stays-down.log) '[.timeline[].peer] | unique | join(" ")' 203.0.113.7
status "--peer, of whom there is no line" 3 "$ESPIAL" explain --peer 192.0.2.99 charon-stays-down.log
is "is told" "$(cat err)" "espial: --peer 192.0.2.99: no line is about this peer: there are 203.0.113.7, 203.0.113.9"
is "and nothing else" "$(cat out)" ""
status "--peer, of nobody" 3 "$ESPIAL" explain --peer 192.0.2.99 /dev/null
is_json "--since" <("$ESPIAL" explain --json --since "2026-03-06 04:00:21" charon-daily-flap.log) '.findings | length' 0
is_json "--since, before its end" <("$ESPIAL" explain --json --since "2026-03-06 04:00:20" charon-daily-flap.log) '.findings | length' 2
is_json "--until" <("$ESPIAL" explain --json --until 2026-03-03 charon-daily-flap.log) '[.findings[].id] | join(" ")' dpd-timeout
is_json "--year" <("$ESPIAL" explain --json --year 2019 charon-daily-flap.log) .source.last 2019-03-06T04:00:20.000000000Z

# ---- JSON and timeline
"$ESPIAL" explain --json charon-dpd.log >document
is_json "members" document 'keys | join(" ")' "espial findings source timeline"
is_json "source" document '[.source.kind, .source.name, .source.first] | join(" ")' "log charon-dpd.log 2026-03-01T14:07:14.130000000Z"
is_json "each line is counted once" document '.source | .lines == .recognised + .unknown + .other' true
is_json "timeline" document '.timeline[-1] | [.at, .host, .peer, .event] | join(" ")' "2026-03-01T14:07:22.062000000Z left 10.2.0.2 gave-up"
is_json "evidence" document '[.findings[].evidence[].origin] | unique | join(" ")' log
status "timeline" 0 "$ESPIAL" explain --timeline charon-dpd.log
matches "for people" "$(cat out)" 'What happened:.*TIME +HOST +PEER +EVENT.*10\.2\.0\.2 +retransmit .*10\.2\.0\.2 +gave-up '

# ---- lines that are not known
printf '%s\n' 'Mar  1 00:00:00 gw charon: 05[IKE] something new' 'Mar  1 00:00:00 gw cron[7]: x' >new.log
status "unknown lines" 0 "$ESPIAL" explain new.log
matches "are counted" "$(cat out)" '2 lines read.*: 0 understood, 1 of IPsec not \(--unknown shows them\), 1 of something else'
status "and shown" 0 "$ESPIAL" explain --unknown new.log
matches "on request" "$(cat out)" 'Not understood:.*  Mar  1 00:00:00 gw charon: 05\[IKE\] something new'
is_json "in JSON" <("$ESPIAL" explain --json --unknown new.log) '.unknown | length' 1

# ---- together with a capture
capture=$ESPIAL_ROOT/tests/captures/v2dpd.pcap
for line in "11.639Z IKE_SA t[1] established between 10.1.0.2[left]...10.2.0.2[right]" "17.041Z retransmit 1 of request with message ID 3" \
	"17.761Z retransmit 2 of request with message ID 3" "21.389Z giving up after 3 retransmits"; do
	echo "2026-11-21T13:24:${line%% *} gw charon: 05[IKE] <t|1> ${line#* }"
done >wire.log
"$ESPIAL" explain --json --with "$capture" wire.log >document
is_json "the wire says when it was answered last" document \
	'.findings[0] | .id, (.evidence[] | select(.origin == "wire") | select(.what | startswith("the last answered")) | .value, .at)' \
	$'dpd-timeout\nINFORMATIONAL 2\n2026-11-21T13:24:15.640757000Z'
is_json "and how it ended" document '[.findings[0].evidence[].what | select(startswith("the IKE SA on the wire is"))] | length' 1
is_json "what both say is one finding" document '.findings | length' 1
is_json "with what of it only the wire shows" document \
	'[.findings[0].evidence[] | select(.origin == "wire" and .what == "sent again, time number") | .value] | join(" ")' 3
"$ESPIAL" read --json "$capture" >state.json
is_json "a document of the same says the same" <("$ESPIAL" explain --json --with state.json wire.log) .findings "$(jq -c .findings document)"
# An agent keeps each time that it was so
jq '.findings[0] as $f | .findings_cleared = [range(3) | . as $n | $f + {until: "2026-11-21T13:24:2\($n).000000000Z",
	since: "2026-11-21T13:24:1\($n).000000000Z", id: "ike-slow", severity: "critical"}]' state.json >again.json
is_json "what was so several times is told once" <("$ESPIAL" explain --json --with again.json wire.log) \
	'.findings[] | select(.id == "ike-slow") | .severity, .since, (.evidence[] | select(.what == "it was so before, times") | .value)' \
	$'warning\n2026-11-21T13:24:12.000000000Z\n2'
head -n 1 wire.log >short.log
is_json "what only the wire shows" <("$ESPIAL" explain --json --with "$capture" short.log) \
	'.findings | length, (.[0] | .id, (.evidence[-1] | .origin, .what))' \
	$'1\ndpd-timeout\nlog\nthe log does not say so; its last line of this peer'
sed 's/10\.2\.0\.2/10.9.0.2/g' short.log >other.log
is_json "or of a peer that the log does not know" <("$ESPIAL" explain --json --with "$capture" other.log) \
	'.findings[0].evidence[-1].what' "the log says nothing of this peer"
is_json "not of another peer than was asked for" <("$ESPIAL" explain --json --peer 10.9.0.2 --with "$capture" other.log) '.findings | length' 0
# The log waits, and the answer comes: that is not the network
jq '.ike_sas[0].exchanges |= map(if .message_id == 3 then .response = "2026-11-21T13:24:20.000000000Z" else . end) | .findings = []' state.json >answered.json
is_json "an answer that the daemon did not get" <("$ESPIAL" explain --json --with answered.json wire.log) \
	'.findings[0].evidence[] | select(.what | startswith("the answer came")) | .at' 2026-11-21T13:24:20.000000000Z
echo '{"sas": 5}' >bad.json
status "no state" 3 "$ESPIAL" explain --with bad.json wire.log
status "nobody listens there" 3 "$ESPIAL" explain --with http://127.0.0.1:1 wire.log
matches "is told" "$(cat err)" 'http://127\.0\.0\.1:1: no agent listens there'
is_json "a capture of another time says nothing" <("$ESPIAL" explain --json --with "$capture" charon-dpd.log) \
	'[.findings[0].evidence[] | select(.origin == "wire")] | length' 0
matches "but that it is of another time" "$("$ESPIAL" explain --brief --with "$capture" charon-dpd.log 2>&1 >/dev/null)" \
	'^espial: --with: the capture saw from .* and the log is of 2026-03-01 .*: they have no time in common'
status "no such capture" 3 "$ESPIAL" explain --with nowhere.pcap wire.log
matches "the log is explained" "$(cat out)" '^CRITICAL t, since '

# ---- logs that grow
head -n 30 charon-dpd.log >grows.log
"$ESPIAL" explain --follow --brief grows.log >follow.out 2>follow.err &
follower=$!
at_exit stop_process $follower KILL
tail -n +31 charon-dpd.log >>grows.log
check "what comes later is told" wait_for 60 grep -q '^CRITICAL t, since .* stopped answering' follow.out
mv grows.log grows.log.1
echo '2026-03-01T15:08:00.000+01:00 left charon[812]: 05[IKE] <x|7> IKE_SA x[7] established between 10.1.0.2[a]...10.2.0.2[b]' |
	cat grows.log.1 - >new && mv new grows.log
check "and that it is over, after a rotation" wait_for 60 grep -q '^WARNING x, over since ' follow.out
check "nothing is told twice" test "$(sort follow.out | uniq -d | wc -l)" = 0
stop_process $follower
is "it ends when told to" $? 143
status "--follow wants files" 2 "$ESPIAL" explain --follow - </dev/null
status "--follow, no such file" 3 "$ESPIAL" explain --follow nowhere.log

# ---- the journal, by a journalctl of our own
mkdir bin
cat >bin/journalctl <<'END'
#!/bin/sh
echo "$*" >>arguments
[ "$1" = --output=json ] || exit 9
printf '{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1772373600000000","SYSLOG_IDENTIFIER":"charon","MESSAGE":"05[IKE] <hq|1> %s"}\n' \
	'IKE_SA hq[1] established between 10.1.0.2[a]...10.2.0.2[b]' 'giving up after 5 retransmits'
case $* in *--follow*) ;; *) exit 0 ;; esac
echo $$ >pid
# As journalctl does: it ends when nobody reads any more
while kill -0 $PPID 2>/dev/null; do sleep 0.1; done
END
chmod +x bin/journalctl
PATH=$PWD/bin:$PATH "$ESPIAL" explain --json --journal=strongswan --since 2026-03-01 >document
is_json "--journal" document '.findings[0] | .id, .since' $'dpd-timeout\n2026-03-01T14:00:00.000000000Z'
matches "of that unit, and from a day before it on" "$(cat arguments)" '--unit=strongswan --since=@1772236800 --lines=all$'
PATH=$PWD/bin:$PATH "$ESPIAL" explain --brief --journal charon-healthy-rekeys.log >out
matches "of IKE daemons, beside files" "$(cat out arguments)" ' 10\.2\.0\.2 stopped answering.*--identifier=charon .*--identifier=pluto'
PATH=$PWD/bin:$PATH "$ESPIAL" explain --follow --brief --journal >follow.out 2>follow.err &
follower=$!
at_exit stop_process $follower KILL
check "--follow" wait_for 60 grep -q '^CRITICAL hq, since ' follow.out
stop_process $follower
# shellcheck disable=SC2317 # by wait_for
no_child()
{
	! kill -0 "$(cat pid)" 2>/dev/null
}
check "and its child ends with it" wait_for 60 no_child
printf '#!/bin/sh\nexit 0\n' >bin/journalctl
PATH=$PWD/bin:$PATH "$ESPIAL" explain --journal=nosuch >out 2>err
is "a journal without a line of that unit" $? 3
is "is told" "$(cat err)" "espial: systemd journal: no line of nosuch: \`systemctl list-units\` shows what units there are"
PATH=$PWD/bin:$PATH "$ESPIAL" explain --brief --journal charon-dpd.log >out 2>err
is "or of any IKE daemon" "$? $(grep -c '^CRITICAL' out) $(cat err)" "3 1 espial: systemd journal: no line of an IKE daemon: name its unit: --journal=UNIT"
printf '#!/bin/sh\necho no such unit >&2\nexit 1\n' >bin/journalctl
PATH=$PWD/bin:$PATH "$ESPIAL" explain --journal=nothing >out 2>err
is "a journal that cannot be read" $? 3
is "is told" "$(cat err)" "espial: systemd journal of nothing: no such unit"

# ---- exit status
status "--exit-code, critical" 1 "$ESPIAL" explain --exit-code charon-dpd.log
status "--exit-code, warning" 1 "$ESPIAL" explain --exit-code charon-daily-flap.log
status "--exit-code, nothing" 0 "$ESPIAL" explain --exit-code charon-healthy-rekeys.log
status "wrong time" 2 "$ESPIAL" explain --since yesterdayish charon-dpd.log
matches "is told" "$(cat err)" "^espial: --since 'yesterdayish': must be a time"
status "wrong address" 2 "$ESPIAL" explain --peer hq charon-dpd.log
status "wrong year" 2 "$ESPIAL" explain --year 26 charon-dpd.log
status "--json has all" 2 "$ESPIAL" explain --json --brief charon-dpd.log
status "no such file" 3 "$ESPIAL" explain nowhere.log
is "is told" "$(cat err)" "espial: nowhere.log: No such file or directory"
status "a directory" 3 "$ESPIAL" explain .
status "one of several is missing" 3 "$ESPIAL" explain --brief charon-dpd.log nowhere.log
is "the others are explained" "$(grep -c '^CRITICAL' out)" 1
gzip -c charon-dpd.log | head -c 600 >cut.log.gz
status "cut off" 3 "$ESPIAL" explain cut.log.gz
matches "is told" "$(cat err)" '^espial: cut\.log\.gz: the compressed file is cut off'
matches "what is before is read" "$(cat out)" '[1-9][0-9]* lines read'

# ---- text of others
printf 'Mar  1 00:00:00 gw charon: 05[IKE] <a\033[2J\302\233|1> giving up after 5 retransmits\033]0;x\007\n' >evil.log
"$ESPIAL" explain --timeline --unknown evil.log >out
is "no control characters" "$(LC_ALL=C tr -d '\n\011\040-\176\200-\377' <out | wc -c) $(grep -c $'\302\233' out)" "0 0"
matches "but their names" "$(cat out)" '\\x1b\[2J\\x9b'
"$ESPIAL" explain --json evil.log >document
is "nor in JSON" "$(LC_ALL=C tr -d '\n\011\040-\176\200-\377' <document | wc -c)" 0
# shellcheck disable=SC2016 # as it is
printf "%s\n" 'Mar  1 00:00:00 gw charon: 05[IKE] <$(reboot);|1> received DELETE for IKE_SA x[1]' >evil.log
is "no name of others in a command" "$("$ESPIAL" explain --json evil.log | jq -r '.findings[].remedies[].command' | grep -c reboot)" 0

finish
