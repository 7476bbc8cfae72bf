# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lib.sh - for test scripts: verdicts in the protocol of tests/run, and preconditions
#
#   . "$(dirname "$0")/../lib.sh"
#   need_root; need_cmd jq
#   is "two SAs" "$(…)" 2
#   check "agent stops" agent_stop
#   finish
#
# A script that ends before `finish` has failed.
set -u
# shellcheck source=tests/lab/base.sh
. "${BASH_SOURCE[0]%/*}/lab/base.sh"

ESPIAL_ROOT=${ESPIAL_ROOT:-$(readlink -f "${BASH_SOURCE[0]%/*}/..")}
ESPIAL_BUILD=${ESPIAL_BUILD:-$ESPIAL_ROOT/build}
ESPIAL=${ESPIAL:-$ESPIAL_BUILD/espial}
_failed=0 _finished=''

# tests/run gives each test a directory of its own
if [ -z "${ESPIAL_TEST_ID:-}" ]; then
	TMPDIR=$(mktemp -d)
	at_exit rm -rf "$TMPDIR"
fi

ok()
{
	printf 'ok %s\n' "$1"
}

# not_ok NAME WHY
not_ok()
{
	_failed=$((_failed + 1))
	printf 'not ok %s - %s\n' "$1" "${2//$'\n'/ }"
}

# skip NAME REASON
skip()
{
	printf 'skip %s - %s\n' "$1" "$2"
}

# The whole script cannot run here: skip_all REASON
skip_all()
{
	_finished=1
	skip "$(basename "$0" .sh)" "$1"
	exit 0
}

# is NAME GOT WANTED
is()
{
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "got '$2', wanted '$3'"
	fi
}

# check NAME COMMAND...: its output is shown when it fails. Not in a subshell: the command may set variables and at_exit.
check()
{
	local name=$1 output status

	shift
	output=$(mktemp)
	"$@" >"$output" 2>&1
	status=$?
	if [ $status = 0 ]; then
		ok "$name"
	else
		not_ok "$name" "'$*' ended with $status"
		cat "$output"
	fi
	rm -f "$output"
	return $status
}

# is_json NAME FILE FILTER WANTED: jq's answer, compact and raw
is_json()
{
	is "$1" "$(jq -c -r "$3" "$2" 2>&1)" "$4"
}

# matches NAME TEXT REGEX (extended, of bash)
matches()
{
	if [[ $2 =~ $3 ]]; then
		ok "$1"
	else
		not_ok "$1" "'$2' does not match '$3'"
	fi
}

need_root()
{
	[ "$(id -u)" = 0 ] || skip_all "needs root"
}

# need_cmd COMMAND...
need_cmd()
{
	local command

	for command in "$@"; do
		command -v "$command" >/dev/null || skip_all "needs $command"
	done
}

# Where the host gives no namespaces (some containers), nothing of the network can be tested
need_netns()
{
	need_root
	need_cmd ip
	if ! ns_add probe 2>/dev/null || ! ns probe true 2>/dev/null; then
		skip_all "network namespaces are refused here"
	fi
	ns_del probe
}

finish()
{
	_finished=1
	[ $_failed = 0 ]
	exit
}

_check_finished()
{
	[ -n "$_finished" ] || not_ok "$(basename "$0" .sh)" "ended before its last test"
}
at_exit _check_finished
