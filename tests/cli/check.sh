#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# espial check: its options, its JSON and its words; what it finds in interfaces is in tests/net/check.sh
# shellcheck disable=SC2016 # the dollars are jq's
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need_cmd jq python3
report=$TMPDIR/report.json

# usage NAME REGEX ARGUMENTS...: exit status 2 and one line
usage()
{
	local name=$1 wanted=$2

	shift 2
	"$ESPIAL" check "$@" >"$TMPDIR/out" 2>"$TMPDIR/err"
	is "$name: exit status" $? 2
	matches "$name" "$(cat "$TMPDIR/err")" "$wanted"
	is "$name: one line" "$(wc -l <"$TMPDIR/err") $(wc -c <"$TMPDIR/out")" "1 0"
}

usage "an interface without -i" "'eth0': an interface is named with -i eth0" eth0
usage "an unknown option" "no option --jsn: did you mean --json" --jsn
usage "no value" "option -i wants a value" -i
usage "an empty name" "a name has 1 to 15 letters" -i ''
usage "a long name" "a name has 1 to 15 letters" -i abcdefghijklmnop
usage "a long socket" "1 to 107 letters" --vici "$(printf '%0108d' 0)"

"$ESPIAL" check --json --vici "$TMPDIR/none" >"$report"
is "exit status" $? 0
is_json "head" "$report" '[.espial.schema, (.host | type), (.kernel | type), (.uid | type)]' '[1,"string","string","number"]'
is_json "uid" "$report" '.uid' "$(id -u)"
is_json "kernel" "$report" '.kernel' "$(uname -r)"
is_json "each row is whole" "$report" '[.checks[] | select((keys | length) != 7 or .value == "" or
	(.status | IN("ok", "note", "unseen", "lacks", "missing") | not))] | length' 0
is_json "each lack has its consequence" "$report" '[.checks[] | select(.status == "lacks" or .status == "missing") |
	select(.consequence == null)] | length' 0
is_json "the summary is their count" "$report" '[.checks[].status] as $all |
	[.summary | to_entries[] | . as $e | ([$all[] | select(. == $e.key)] | length) == .value] | all' true
is_json "rows of the host" "$report" '[.checks[] | select(.interface == null).id] - ["lockdown", "memlock", "daemon"]' \
	'["kernel","btf","jit","bpf","tcx","bpffs","run","kernel-sas","netns-sas","probe","foreign","mount","xfrm","xfrm-stat","netns","esp-gro"]'
is_json "a daemon that is not there is no lack" "$report" '[.checks[] | select(.id == "daemon")][0] | [.status, .value]' \
	"$(jq -nc --arg v "none at $TMPDIR/none" '["note", $v]')"
lacks=$(jq '.summary.lacks + .summary.missing' "$report")
"$ESPIAL" check --exit-code --vici "$TMPDIR/none" >"$TMPDIR/text"
is "--exit-code tells of lacks" $? $((lacks > 0))
matches "text" "$(cat "$TMPDIR/text")" $'^host .*, seen by .*\n\nkernel\n  [a-z]+ +kernel  '
is "as many rows as in the JSON" "$(grep -cE '^  (ok|note|unseen|lacks|missing) ' "$TMPDIR/text")" "$(jq '.checks | length' "$report")"
is "no escapes in a pipe" "$(tr -d '[:print:]\n' <"$TMPDIR/text" | wc -c)" 0

# One that is connected to and never answers: waited for, but not for long
python3 - "$TMPDIR/mute" <<'END' &
import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(8)
time.sleep(120)
END
mute=$!
at_exit stop_process "$mute" KILL
check "a daemon that never answers" wait_for 60 test -S "$TMPDIR/mute"
"$ESPIAL" check --json --vici "$TMPDIR/mute" --vici "$TMPDIR/none" >"$report"
is "is waited for in vain" $? 0
is_json "and said to be so" "$report" '[.checks[] | select(.id == "daemon") | .status]' '["lacks","note"]'
matches "with what it did not answer" "$(jq -r '[.checks[] | select(.id == "daemon")][0].value' "$report")" \
	'no answer to the registration for events'
# The capabilities that the table in the code states are those of the manual and of README.md
while IFS='|' read -r title capabilities; do
	check "README.md: $title" grep -qxF "| $title | $capabilities |" "$ESPIAL_ROOT/README.md"
	matches "espial-check(1): $title" "$(grep -A 1 "^\.It $title" "$ESPIAL_ROOT/deploy/man/espial-check.1")" "$capabilities"
done < <(awk -F'"' '/^CHECK_FEATURE_ROW/ {
	caps = ""
	rest = $5
	while (match(rest, /BIT\([A-Z_]*\)/)) {
		caps = caps (caps ? ", " : "") substr(rest, RSTART + 4, RLENGTH - 5)
		rest = substr(rest, RSTART + RLENGTH)
	}
	print $4 "|" caps
}' "$ESPIAL_ROOT/user/model/check_features.def")
finish
