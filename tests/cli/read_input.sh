#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# `espial read`: ways to give it a capture, and its options
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need_cmd jq gzip
captures=$ESPIAL_ROOT/tests/captures/tcpdump
capture=$captures/espudp1.pcap # 24 bytes of header, 8 packets in records of 174
out=$TMPDIR/out
err=$TMPDIR/err

# records N...: these records of the capture, behind a header, each a second after the one before
records()
{
	local n time=${TIME:-1700000000} step=${STEP:-1}

	head -c 24 "$capture"
	for n; do
		# shellcheck disable=SC2059 # the format is the bytes
		printf "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x\\0\\0\\0\\0' \
			$((time & 255)) $((time >> 8 & 255)) $((time >> 16 & 255)) $((time >> 24 & 255)))"
		tail -c +$((24 + (n - 1) * 174 + 1 + 8)) "$capture" | head -c 166
		time=$((time + step))
	done
}

reads()
{
	"$ESPIAL" read --json "$@" >"$out" 2>"$err"
}

# ---- input

reads - <"$capture"
is "standard input: exit status" $? 0
is_json "standard input: packets" "$out" .packets.seen 8
is_json "standard input: name" "$out" .source.name -
# shellcheck disable=SC2002 # a pipe is meant
cat "$capture" | reads -
is_json "a pipe: packets" "$out" .packets.seen 8
gzip -c "$capture" >"$TMPDIR/c.pcap.gz"
reads "$TMPDIR/c.pcap.gz"
is_json "gzip: packets" "$out" .packets.seen 8
gzip -c "$capture" | reads -
is_json "gzip through a pipe: packets" "$out" .packets.seen 8
reads "$captures/ikev2pI2-segfault.pcapng"
is_json "pcapng: packets" "$out" .packets.seen 1
reads "$captures/ikev2four.pcap"
is_json "DLT_NULL: packets" "$out" .packets.class.ike 21

# ---- the document

records 1 2 3 >"$TMPDIR/a.pcap"
TIME=1700000010 records 4 5 6 7 8 >"$TMPDIR/b.pcap"
reads "$TMPDIR/a.pcap"
is_json "kind" "$out" .source.kind pcap
is_json "first" "$out" .source.first 2023-11-14T22:13:20.000000000Z
is_json "last" "$out" .source.last 2023-11-14T22:13:22.000000000Z
is_json "an SA's first" "$out" '.sas[0].first' 2023-11-14T22:13:20.000000000Z
is_json "an SA's last" "$out" '.sas[0].last' 2023-11-14T22:13:22.000000000Z
is_json "version" "$out" .espial.schema 1
is_json "no IKE, no findings" "$out" '[.ike_sas, .findings]' '[[],[]]'
is_json "a capture has no agent" "$out" .self null
is_json "interface counters are the totals" "$out" '.interfaces[0].in == .packets' true
is "one line in a pipe" "$(wc -l <"$out")" 1
is "nothing on stderr" "$(cat "$err")" ''

# ---- several files

reads "$TMPDIR/a.pcap" "$TMPDIR/b.pcap"
is_json "two files: packets" "$out" .packets.seen 8
is_json "two files: one SA" "$out" '[.sas[] | [.sequence.received, .sequence.lost]]' '[[8,0]]'
is_json "two files: name" "$out" .source.name "$TMPDIR/a.pcap, $TMPDIR/b.pcap"
is_json "two files: last" "$out" .source.last 2023-11-14T22:13:34.000000000Z
is "two files in order: nothing said" "$(cat "$err")" ''
reads "$TMPDIR/b.pcap" "$TMPDIR/a.pcap"
is_json "out of order: first" "$out" .source.first 2023-11-14T22:13:20.000000000Z
matches "out of order: said" "$(cat "$err")" 'time goes back 1 times?, by up to 14'
is_json "out of order: late ones" "$out" '.sas[0].sequence | [.received, .late, .lost, .first]' '[8,3,0,1]'
long=$TMPDIR/$(printf 'x%.0s' {1..120}).pcap
cp "$TMPDIR/a.pcap" "$long"
reads "$long" "$long" "$long" "$long"
matches "many long names are cut" "$(jq -r .source.name "$out")" ' and 3 more$'

# ---- losses

records 1 2 3 5 6 8 >"$TMPDIR/gaps.pcap"
reads "$TMPDIR/gaps.pcap"
is_json "gaps at the end are pending" "$out" '.sas[0].sequence | [.received, .lost, .pending]' '[6,0,2]'
reads --final "$TMPDIR/gaps.pcap"
is_json "--final: lost" "$out" '.sas[0].sequence | [.received, .lost, .pending]' '[6,2,0]'
is_json "--final: bursts" "$out" '.sas[0].sequence.burst_length' '[2]'
is_json "the equation holds" "$out" '.sas[0].sequence | .highest - .first + 1 == .received + .lost + .pending' true
records 1 2 3 3 5 4 >"$TMPDIR/disorder.pcap"
reads "$TMPDIR/disorder.pcap"
is_json "duplicate and late" "$out" '.sas[0].sequence | [.received, .duplicate, .late, .max_late_distance]' '[5,1,1,1]'
text=$("$ESPIAL" read --final "$TMPDIR/gaps.pcap")
matches "summary: loss" "$text" 'SAs +1, 1 with loss'
matches "summary: lost and percent" "$text" ' 6 +[0-9.]+ (k)?B +2 +25\.0% '

# ---- views

text=$("$ESPIAL" read --view sas "$TMPDIR/gaps.pcap")
matches "--view sas" "$text" 'RECEIVED +LOST +LOSS'
text=$("$ESPIAL" read --view=interfaces "$TMPDIR/gaps.pcap")
matches "--view interfaces" "$text" 'INGRESS'
text=$("$ESPIAL" read --view self "$TMPDIR/gaps.pcap")
matches "--view self" "$text" 'no agent'
is "no colour and no tab in a pipe" "$("$ESPIAL" read "$TMPDIR/gaps.pcap" | grep -c -P '\t|\x1b')" 0

# ---- usage: one line, status 2

# usage NAME REGEX ARGUMENT...
usage()
{
	local name=$1 regex=$2 status

	shift 2
	"$ESPIAL" read "$@" >"$out" 2>"$err" </dev/null
	status=$?
	is "$name: exit status" $status 2
	matches "$name: message" "$(cat "$err")" "$regex"
	is "$name: one line" "$(wc -l <"$err")" 1
	is "$name: nothing on stdout" "$(wc -c <"$out")" 0
}
usage "no file" 'no file.*espial read FILE'
usage "unknown option" 'did you mean --json' --jsno "$capture"
usage "unknown view" "did you mean 'sas'" --view sa "$capture"
usage "--json with --view" 'leave --view out' --json --view sas "$capture"
text=$("$ESPIAL" read --help 2>&1)
is "--help: exit status" $? 0
matches "--help: options" "$text" '--final'

finish
