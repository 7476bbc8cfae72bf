#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# README's table of promises: every row has what shows it and a result, every test and make target that it names is there, and
# no fault test is left out.
# shellcheck disable=SC2016 # the backquotes are Markdown's
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$ESPIAL_ROOT" || exit 1

rows=$TMPDIR/rows
awk '/^## / { on = $0 == "## Promises" } on && /^\| / && !/^\| (promise|---) /' README.md >"$rows"
check "there are promises" test "$(wc -l <"$rows")" -ge 20

# A test is named by its path, with or without the suffix
is_there()
{
	local path=$1 candidate

	for candidate in "$path" "$path.c" "$path.sh"; do
		[ -e "$candidate" ] && return 0
	done
	return 1
}

is_target()
{
	grep -q "^$1:" Makefile tests/tests.mk
}

named=$TMPDIR/named
: >"$named"
while IFS='|' read -r _ promise shown result rest; do
	promise=${promise# } promise=${promise% }
	check "$promise: a test and a result" test -n "${shown// /}" -a -n "${result// /}" -a -z "$rest"
	matches "$promise: a test or a make target" "$shown" '`(tests/|make )'
	while read -r path; do
		echo "$path" >>"$named"
		check "$path" is_there "$path"
	done < <(grep -oE '`tests/[^` ]+' <<<"$shown" | tr -d '`')
	while read -r target; do
		check "make $target" is_target "$target"
	done < <(grep -ohE '`make [a-z-]+' <<<"$shown$result" | sed 's/.* //')
done <"$rows"

for fault in tests/net/faults*.sh; do
	check "$fault is in the table" grep -qxF "$fault" "$named"
done
finish
