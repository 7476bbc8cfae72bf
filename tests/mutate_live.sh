#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tests/mutate_live.sh [PATTERN...] - can the live checks fail? Each equation of the counters and each fault's assertion
#
# tests/mutate_live.txt names for each check a change of the program that it must notice. One at a time the change is made in a copy
# of the tree, the program is built, the test runs, and exactly that check has to say `not ok`. PATTERN selects by any part of
# the check's name. Needs root and namespaces; a minute or so for each row. Without the changes all tests pass first.
# MUTATE_LIVE names a directory that is kept, so that the next time only what has changed is built.
set -u
cd "$(dirname "$(readlink -f "$0")")/.." || exit 1
[ "$(id -u)" = 0 ] || { echo "skip live mutation - needs root"; exit 0; }

make=${MAKE:-make}
if [ -z "${MUTATE_LIVE:-}" ]; then
	work=$(mktemp -d "${TMPDIR:-/tmp}/espial-mutate-live.XXXXXX") || exit 1
	trap 'rm -rf "$work"' EXIT
else
	work=$(readlink -m "$MUTATE_LIVE")
fi
tree=$work/tree build=$work/b
mkdir -p "$tree" "$work/seen-by-bpf" && cp -rup Makefile include user bpf tests deploy "$tree" &&
	cp -rup include/. "$work/seen-by-bpf" || exit 1
bpf_flags="-I$work/seen-by-bpf $("$make" -s -C "$tree" BUILD="$build" print-BPF_FLAGS)"

# place FILE: where it is changed. Headers as the BPF programs see them only: the agent, which reads the tables, is not built anew.
place()
{
	case $1 in
	include/*) echo "$work/seen-by-bpf/${1#include/}" ;;
	*) echo "$tree/$1" ;;
	esac
}

# built TEST FILE: the program and what that test runs, for a change of that file
built()
{
	local programs=("$build/espial")

	case $1:$2 in
	unit/*:include/*) # natively
		(cd "$tree" && mkdir -p "$build/test/unit" && cc -O1 -w -std=gnu11 -D_GNU_SOURCE "-I$work/seen-by-bpf" -Iinclude -Iuser \
			-Itests -o "$build/test/$1" "tests/$1.c" tests/golden/*.c user/source/twin.c user/model/{collect,known}.c -lcmocka)
		return
		;;
	net/*) programs+=("$build"/test/net/{traffic,flood,journal_writer,vici_watch}) ;;
	unit/*) programs=("$build/test/$1") ;;
	*) programs+=("$build/test/$1") ;;
	esac
	if ! "$make" -s -C "$tree" BUILD="$build" BPF_FLAGS="$bpf_flags" "${programs[@]}" >"$work/make" 2>&1; then
		cat "$work/make"
		return 1
	fi
}

# outcome TEST: runs it, in place of this (sub)shell
outcome()
{
	local script=$tree/tests/$1.sh

	export ESPIAL_BUILD=$build
	[ ! -e "$script" ] || exec timeout 900 bash "$script" 2>&1
	CMOCKA_MESSAGE_OUTPUT=TAP STORM_PACKETS=60000 exec timeout 900 "$build/test/$1" 2>&1
}

# failed_now CHECK: the output says so by now, as a script does or in TAP
failed_now()
{
	grep -qF -e "not ok $1 - " "$work/output" || grep -qxE -e "not ok [0-9]+ - $1" "$work/output"
}

# notices CHECK TEST: the check fails. The rest of the test is not waited for.
notices()
{
	local pid noticed=''

	outcome "$2" >"$work/output" &
	pid=$!
	while [ -z "$noticed" ] && kill -0 $pid 2>/dev/null; do
		sleep 0.2
		failed_now "$1" && noticed=1
	done
	kill $pid 2>/dev/null # it cleans up after itself
	wait $pid
	[ -n "$noticed" ] || failed_now "$1"
}

# rows: CHECK, TEST, FILE, TEXT and REPLACEMENT, one after the other, each ended by a NUL
rows()
{
	awk '
	/^#/ || /^$/ { next }
	!/^\t/ { split($0, head, ": "); test = head[1]; check = substr($0, length(test) + 3); next }
	{
		file = $1; sub(/:$/, "", file)
		rest = substr($0, index($0, ": ") + 2)
		at = index(rest, " => ")
		printf "%s%c%s%c%s%c%s%c%s%c", check, 0, test, 0, file, 0, substr(rest, 1, at - 1), 0, substr(rest, at + 4), 0
	}' tests/mutate_live.txt
}

selected()
{
	local pattern

	[ $# = 1 ] && return 0
	for pattern in "${@:2}"; do
		[[ $1 == *"$pattern"* ]] && return 0
	done
	return 1
}

# try CHECK TEST FILE TEXT REPLACEMENT: prints the verdict
try()
{
	local verdict=killed at

	if ! grep -qF -e "$4" "$3"; then
		echo "not ok $1 - $3 has no line with: $4"
		return 1
	fi
	at=$(place "$3")
	TEXT=$4 NEW=$5 awk '(at = index($0, ENVIRON["TEXT"])) {
		$0 = substr($0, 1, at - 1) ENVIRON["NEW"] substr($0, at + length(ENVIRON["TEXT"]))
	} { print }' "$3" >"$at"
	if ! built "$2" "$3"; then
		verdict=invalid
	elif ! notices "$1" "$2" 2>/dev/null; then
		verdict=survived
	fi
	cp "$3" "$at" # newer than what was built of the changed one
	if [ $verdict != killed ]; then
		cp "$work/output" "${MUTATE_LIVE_OUTPUT:-/dev/null}"
		echo "not ok $1 - $verdict: $3: $4"
		return 1
	fi
	echo "ok $1 - notices $3: $4"
}

# What an earlier run that was cut short left changed
awk '/^\t/ { sub(/:$/, "", $1); print $1 }' tests/mutate_live.txt | sort -u | while IFS= read -r file; do
	cmp -s "$file" "$(place "$file")" || cp "$file" "$(place "$file")"
done

failed=0 tried=0 passing=' '
while IFS= read -r -d '' check && IFS= read -r -d '' test && IFS= read -r -d '' file &&
	IFS= read -r -d '' text && IFS= read -r -d '' new; do
	selected "$check" "$@" || continue
	if [[ $passing != *" $test "* ]]; then
		if ! built "$test" "$file" || ! (outcome "$test") >"$work/output"; then
			grep '^not ok' "$work/output"
			echo "not ok $test - fails without any change"
			exit 1
		fi
		passing+="$test "
	fi
	tried=$((tried + 1))
	try "$check" "$test" "$file" "$text" "$new" </dev/null || failed=$((failed + 1))
done < <(rows)
echo "$((tried - failed)) of $tried changes were noticed"
[ $tried -gt 0 ] && [ $failed = 0 ]
