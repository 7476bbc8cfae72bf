#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# `espial read` and files that are damaged, empty, or no captures at all: one line with the reason, and what was read is kept
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need_cmd jq gzip
capture=$ESPIAL_ROOT/tests/captures/tcpdump/espudp1.pcap # 24 bytes of header, 8 packets in records of 174
out=$TMPDIR/out
err=$TMPDIR/err

# bad NAME REGEX-OF-THE-REASON PACKETS FILE...: PACKETS "none": nothing is printed
bad()
{
	local name=$1 regex=$2 packets=$3 status

	shift 3
	"$ESPIAL" read --json "$@" >"$out" 2>"$err"
	status=$?
	is "$name: exit status" $status 3
	matches "$name: reason" "$(grep -v 'no time in the file' "$err")" "$regex"
	is "$name: one line" "$(grep -c -v 'no time in the file' "$err")" 1
	if [ "$packets" = none ]; then
		is "$name: nothing on stdout" "$(wc -c <"$out")" 0
	else
		is_json "$name: what was read is kept" "$out" .packets.seen "$packets"
	fi
}

bad "nonexistent" 'No such file or directory' none "$TMPDIR/nonexistent"
bad "directory" 'directory' none "$TMPDIR"
: >"$TMPDIR/empty"
bad "empty" 'empty' none "$TMPDIR/empty"
echo 'this is a text, and not a short one' >"$TMPDIR/text"
bad "text" "$TMPDIR/text" none "$TMPDIR/text"
head -c 20 "$capture" >"$TMPDIR/header"
bad "cut in the header" "$TMPDIR/header" none "$TMPDIR/header"
head -c 600 "$capture" >"$TMPDIR/cut"
bad "cut in a record" '3 packets' 3 "$TMPDIR/cut"
{ head -c $((24 + 174 * 2 + 8)) "$capture"; printf '\377\377\377\177'; tail -c 800 "$capture"; } >"$TMPDIR/corrupt"
bad "corrupt" '2 packets' 2 "$TMPDIR/corrupt"
gzip -c "$capture" | head -c 300 >"$TMPDIR/cut.gz"
"$ESPIAL" read --json "$TMPDIR/cut.gz" >"$out" 2>"$err"
is "cut gzip: exit status" $? 3
bad "one good, one missing" 'No such file' 8 "$capture" "$TMPDIR/nonexistent"
bad "one damaged, one good" '3 packets' 11 "$TMPDIR/cut" "$capture"
bad "a name with control characters" '\?\[31m' none "$TMPDIR/"$'\033[31m'

# ---- not an error, but said

head -c 24 "$capture" >"$TMPDIR/none"
"$ESPIAL" read --json "$TMPDIR/none" >"$out" 2>"$err"
is "no packets: exit status" $? 0
matches "no packets: said" "$(cat "$err")" 'no packets'
is_json "no packets: zeros" "$out" '[.packets.seen, .source.first]' '[0,null]'

{ head -c 20 "$capture"; printf '\223\0\0\0'; tail -c +25 "$capture"; } >"$TMPDIR/link"
"$ESPIAL" read --json "$TMPDIR/link" >"$out" 2>"$err"
is "unknown link type: exit status" $? 0
is "unknown link type: said once" "$(grep -c 'link type 147' "$err")" 1
is_json "unknown link type: counted as other" "$out" .packets.class.other 8

# ---- output

"$ESPIAL" read "$capture" >/dev/full 2>"$err"
is "output full: exit status" $? 3
matches "output full: said" "$(cat "$err")" 'No space left'
(
	set -o pipefail
	"$ESPIAL" read --json "$capture" 2>"$err" | :
)
is "closed pipe: no error" $? 0

# ---- garbage: it always ends, with 0 or 3

failed=0
for seed in 1 2 3 4 5 6 7 8; do
	{ head -c 24 "$capture"; for at in 0 1 2 3 4 5 6 7; do
		tail -c +$((25 + at * 174)) "$capture" | head -c 16
		head -c 158 <(openssl enc -aes-128-ctr -nosalt -pass "pass:$seed$at" -in /dev/zero 2>/dev/null)
	done; } >"$TMPDIR/garbage"
	if ! "$ESPIAL" read --json "$TMPDIR/garbage" >"$out" 2>/dev/null ||
		[ "$(jq '.packets | .seen == 8 and .seen == ([.class[], .rejected[]] | add)' "$out")" != true ]; then
		failed=$((failed + 1))
	fi
done
is "garbage frames: all counted" $failed 0

finish
