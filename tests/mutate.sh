#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tests/mutate.sh [--sample] [-j N] [FILE...] - do the unit tests notice when a line of the shared headers is wrong?
#
# Changes include/espial/*.h one line at a time (a statement dropped, a comparison off by one, a constant or an operator
# exchanged), compiles the native tests of the headers and runs them. A mutant that all tests pass has survived and is listed.
# --sample: only the increments of counters, which every equation of output.md depends on. MUTATE_FROM and MUTATE_COUNT select
# a piece of the list, so that a long run can be cut up; MUTATE_LOG names a file for all verdicts. Ends with status 1 when less than 95 % were killed.
set -u
cd "$(dirname "$(readlink -f "$0")")/.." || exit 1

sample='' jobs=2
while [ $# -gt 0 ]; do
	case $1 in
	--sample) sample=1 ;;
	-j) jobs=$2; shift ;;
	-*) echo "usage: tests/mutate.sh [--sample] [-j N] [FILE...]" >&2; exit 2 ;;
	*) break ;;
	esac
	shift
done
files=("$@")
[ ${#files[@]} = 0 ] && files=(parse classify replay table account fragment pipeline)
work=$(mktemp -d "${TMPDIR:-/tmp}/espial-mutate.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT

# Lines "FILE NUMBER KIND<TAB>NEW LINE". Comments, preprocessor lines, declarations and what only BPF sees are left alone.
mutants()
{
	local name
	for name in "${files[@]}"; do
		name=$(basename "$name" .h)
		awk -v f="$name" -v sample="$sample" '
		function out(kind, text) { if (text != $0) print f, NR, kind "\t" text }
		/^#if.*defined\(__bpf__\)|^#ifdef __bpf__/ { bpf = 1 }
		/^#else|^#endif/ { bpf = 0; next }
		/\/\*/ && !/\*\// { comment = 1 }
		comment { if (/\*\//) comment = 0; next }
		bpf || /^[ \t]*(#|\/\*|\*)/ || !/^\t/ { next }
		{
			drop = $0; sub(/[^\t].*/, "(void)0;", drop)
			if (/^\t+[^;]*(\+\+|\+=)[^;]*;$/ && !/for \(/ || /^\t+ESP_(ADD|SUB)\(.*;$/) {
				if (sample && !/\+\+|\+=|ESP_ADD|ESP_SUB/) next
				out("drop", drop); next
			}
			if (sample) next
			if (/^\t+([a-z_>.*\[\]-]+(->|\.)[a-z_\[\]>.-]+|[a-z]+) [|&]?= [^;]*;$/ ||
			    /^\t+(\(void\))?(ESP_WRITE|ESP_XCHG|esp_[a-z_]+)\([^;]*\);$/ && !/esp_unlock|ESP_WAYS/)
				out("drop", drop)
			if (/^\t+if \(.*\)$/ || /^\t+if \(.*\) \{$/) {
				t = $0; sub(/if \(/, "if (!(", t); if (/\{$/) sub(/\) \{$/, ")) {", t); else t = t ")"
				if (!/!at|!key|!rare|!cpu|!lane|!sa\b|!sa /) out("negate", t)
			}
			if (/ <= /) { t = $0; sub(/ <= /, " < ", t); out("off-by-one", t) }
			else if (/ < / && !/for \(/) { t = $0; sub(/ < /, " <= ", t); out("off-by-one", t) }
			if (/ >= /) { t = $0; sub(/ >= /, " > ", t); out("off-by-one", t) }
			else if (/ > / && !/->.* > /) { t = $0; sub(/ > /, " >= ", t); out("off-by-one", t) }
			if (/ \|\| /) { t = $0; sub(/ \|\| /, " \\&\\& ", t); out("and-or", t) }
			if (/ && /) { t = $0; sub(/ && /, " || ", t); out("and-or", t) }
			if (/ - 1[^0-9]/) { t = $0; sub(/ - 1/, " - 0", t); out("constant", t) }
			if (/ \+ 1[^0-9]/) { t = $0; sub(/ \+ 1/, " + 0", t); out("constant", t) }
		}' "include/espial/$name.h"
	done
}

# A copy of the tree: others may work on it meanwhile. What the headers' logic does not reach is compiled once.
mkdir "$work/tree" && cp -r include user tests "$work/tree" && cd "$work/tree" || exit 1
flags='-std=gnu11 -w -D_GNU_SOURCE -Iuser -Itests -O1'
for source in tests/golden/*.c tests/unit/replay_oracle.c; do
	# shellcheck disable=SC2086 # a list
	gcc $flags -Iinclude -c -o "$work/$(basename "$source" .c).o" "$source" || exit 1
done

# tests_pass HEADERS DIR: 0, 1 with the name of the test that fails, 2 when it does not compile
tests_pass()
{
	local test sanitize

	for test in test_classify test_fragment test_account test_replay; do
		sanitize=
		[ $test = test_classify ] && sanitize=-fsanitize=address # a byte read too much is what these look for
		# shellcheck disable=SC2086 # lists
		gcc $flags $sanitize "-I$1" -o "$2/test" "tests/unit/$test.c" user/source/twin.c "$work"/*.o -lcmocka \
			2>/dev/null || return 2
		REPLAY_ROUNDS=40 ASAN_OPTIONS=detect_leaks=0 timeout 20 "$2/test" >/dev/null 2>&1 || {
			echo "$test"
			return 1
		}
	done
}

# try NUMBER FILE LINE KIND TEXT: prints the verdict
try()
{
	local dir=$work/$1 test

	mkdir -p "$dir" && cp -r include "$dir/include"
	awk -v n="$3" -v text="$5" 'NR == n { print text; next } { print }' "include/espial/$2.h" >"$dir/include/espial/$2.h"
	test=$(tests_pass "$dir/include" "$dir")
	case $? in
	0) echo "survived $2.h:$3 $4: $(sed -n "$3p" "include/espial/$2.h" | tr -s '\t' ' ')" ;;
	1) echo "killed $2.h:$3 $4 by $test" ;;
	*) echo "invalid $2.h:$3 $4" ;;
	esac
	rm -rf "$dir"
}

result=${MUTATE_LOG:-$work/result}
: >"$result"
mkdir "$work/base"
tests_pass include "$work/base" || { echo "not ok mutation - the tests fail, or do not compile, without any mutant"; exit 1; }

mutants >"$work/list.all"
tail -n "+$((${MUTATE_FROM:-0} + 1))" "$work/list.all" | head -n "${MUTATE_COUNT:-100000}" >"$work/list"
number=0
while IFS= read -r row; do
	head=${row%%$'\t'*} text=${row#*$'\t'}
	read -r file line kind <<<"$head"
	number=$((number + 1))
	while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
		wait -n
	done
	try "$number" "$file" "$line" "$kind" "$text" >>"$result" &
done <"$work/list"
wait
killed=$(grep -c ^killed "$result") survived=$(grep -c ^survived "$result")
grep ^survived "$result" | sort
echo "$killed killed, $survived survived, $(grep -c ^invalid "$result") did not compile, of $number"
if [ $((killed + survived)) -eq 0 ] || [ $((killed * 100)) -lt $(((killed + survived) * 95)) ]; then
	echo "not ok mutation - less than 95 % were killed"
	exit 1
fi
echo "ok mutation"
