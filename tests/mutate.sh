#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tests/mutate.sh [--sample] [-j N] [FILE...] - do the unit tests notice when a line of the shared headers is wrong?
#
# Changes include/espial/*.h one line at a time (a statement or a jump dropped, a comparison off by one, a condition turned
# round, a constant or an operator exchanged) and runs the native tests of the headers. A mutant that all tests pass has
# survived and is listed. One of which the compiler makes the very same code is none and is not counted; nor is one of
# tests/mutate.txt, which says why no test can tell it from the original.
# --sample: only the increments of counters, which every equation of output.md depends on. MUTATE_LOG names a file for all
# verdicts; those that it has already are not asked for again, so that a long run can be cut up. Ends with status 1 when less than
# 95 % were killed. Some ten minutes for the whole set on two idle cores.
set -u
cd "$(dirname "$(readlink -f "$0")")/.." || exit 1

sample='' jobs=$(nproc)
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
[ ${#files[@]} = 0 ] && files=(parse classify quick pipeline fragment table account replay)
work=$(mktemp -d "${TMPDIR:-/tmp}/espial-mutate.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
log=$(readlink -m "${MUTATE_LOG:-$work/log}")

# A copy of the tree: others may work on it meanwhile.
mkdir "$work/tree" && cp -r include user tests "$work/tree" && cd "$work/tree" || exit 1
flags='-std=gnu11 -w -D_GNU_SOURCE -Iuser -Itests'
helpers=(tests/golden/*.c tests/unit/replay_oracle.c user/model/{collect,known}.c)

tests='classify classify_edges fragment newcomer known quick reuse replay_edges replay account replay_races classify-asan'

# The test that is likely to notice comes first, then the quick ones; the last one is for a byte read too much.
tests_of()
{
	case $1 in
	replay) echo "replay_edges reuse replay $tests" ;;
	account | table) echo "$tests" ;;
	*) echo "$1 $tests" ;;
	esac | tr ' ' '\n' | awk -v tests=" $tests " 'index(tests, " " $0 " ") && !seen[$0]++'
}

# build DIR FLAGS...: DIR/NAME of each test. espial_mutant is a number from the environment. What is not set has a pattern, so that
# a dropped assignment shows.
picking="-ftrivial-auto-var-init=pattern -include $work/pick.h"
build()
{
	local dir=$1 source name sanitize twin

	mkdir -p "$dir/o" "$dir/t"
	for source in "${helpers[@]}" "$work/pick.c"; do
		# shellcheck disable=SC2086 # lists
		clang $flags $picking "${@:2}" -c -o "$dir/o/$(basename "$source" .c).o" "$source" 2>>"$dir/errors" &
	done
	for name in twin twin-asan $tests; do
		source=tests/unit/test_${name%-asan}.c sanitize=''
		[[ $name != twin* ]] || source=user/source/twin.c
		[[ $name != *-asan ]] || sanitize=-fsanitize=address
		# shellcheck disable=SC2086 # lists
		clang $flags $picking $sanitize "${@:2}" -c -o "$dir/t/$name.o" "$source" 2>>"$dir/errors" &
	done
	wait
	for name in $tests; do
		twin=twin sanitize=''
		[[ $name != *-asan ]] || twin=twin-asan sanitize=-fsanitize=address
		# shellcheck disable=SC2086 # a list
		clang $sanitize -o "$dir/$name" "$dir/t/$name.o" "$dir/t/$twin.o" "$dir"/o/*.o -lcmocka 2>>"$dir/errors" || return 1
	done
}

# passes PROGRAM [MUTANT]: the first case that fails is enough
passes()
{
	(
		ulimit -t 15 # of the processor, not of the clock: who does not end has been noticed, who has to wait has not
		ESPIAL_MUTANT=${2:-0} CMOCKA_MESSAGE_OUTPUT=STDOUT REPLAY_ROUNDS=40 ASAN_OPTIONS=detect_leaks=0 exec "$1" 2>&1
	) | grep -qm1 FAILED
	[ "${PIPESTATUS[*]}" = '0 1' ]
}

# optimised HEADERS DIR: what is compared to see whether a mutant is one
optimised()
{
	local source

	mkdir -p "$2"
	for source in user/source/twin.c tests/unit/test_classify.c; do # all of the headers' functions are in these
		# shellcheck disable=SC2086 # a list
		gcc -O2 $flags "-ffile-prefix-map=$1=include" "-I$1" -c -o "$2/$(basename "$source" .c).o" "$source" || return 1
	done
}

is_same_code()
{
	local object

	optimised "$1" "$2" 2>/dev/null || return 1
	for object in "$work"/original/*.o; do
		cmp -s "$object" "$2/$(basename "$object")" || return 1
	done
}

# mutated_headers DIR NUMBER FILE LINE KIND HOW TEXT: DIR/include
mutated_headers()
{
	mkdir -p "$1" && cp -r include "$1/include"
	awk -v n="$4" -v text="$7" 'NR == n { print text; next } { print }' "include/espial/$3.h" >"$1/include/espial/$3.h"
}

# try NUMBER FILE LINE KIND HOW TEXT: prints the verdict
try()
{
	local dir=$work/$1 programs=$work/all test line by='' verdict=survived

	# With the line before that is not empty, since many lines are alike
	line=$(awk -v n="$3" '{ sub(/^[ \t]+/, "") } NR == n { print $0 " | " before; exit } /./ { before = $0 }' "include/espial/$2.h")
	if sed 's/  *-- .*//' tests/mutate.txt | grep -qxF -e "$2.h $4: $line"; then
		echo "equivalent $2.h:$3 $4: $line"
		return
	fi
	if [ "$5" = alone ]; then
		mutated_headers "$dir" "$@"
		build "$dir" -O0 "-I$dir/include" || verdict=invalid
		programs=$dir
	fi
	for test in $(tests_of "$2"); do
		[ $verdict = survived ] || break
		passes "$programs/$test" "$1" || verdict=killed by=" -- $test"
	done
	if [ $verdict = survived ]; then
		mutated_headers "$dir" "$@"
		is_same_code "$dir/include" "$dir/o" && verdict=same
	fi
	echo "$verdict $2.h:$3 $4: $line$by"
	rm -rf "$dir"
}

# ---- a header with all mutants of it, of which the environment picks one; and the list

mkdir -p "$work/all/include"
cp -r include "$work/all/"
number=1
for name in "${files[@]}"; do
	name=$(basename "$name" .h)
	awk -v file="$name" -v from=$number -v switched="$work/all/include/espial/$name.h" -v sample="$sample" \
		-f tests/mutate.awk "include/espial/$name.h" >>"$work/list" || exit 1
	number=$(($(wc -l <"$work/list") + 1))
done
echo 'extern int espial_mutant;' >"$work/pick.h"
cat >"$work/pick.c" <<'END'
#include <stdlib.h>

int espial_mutant;

__attribute__((constructor)) static void pick(void)
{
	const char *number = getenv("ESPIAL_MUTANT");

	espial_mutant = number ? atoi(number) : 0;
}
END
build "$work/all" -O1 "-I$work/all/include" || { cat "$work/all/errors"; exit 1; }
for name in $tests; do
	passes "$work/all/$name" || { echo "not ok mutation - $name fails without any mutant"; exit 1; }
done
optimised include "$work/original" || exit 1

touch "$log"
while IFS= read -r row; do
	head=${row%%$'\t'*} text=${row#*$'\t'}
	read -r number file line kind how <<<"$head"
	grep -qF " $file.h:$line $kind: " "$log" && continue
	while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
		wait -n
	done
	try "$number" "$file" "$line" "$kind" "$how" "$text" >>"$log" &
done <"$work/list"
wait
count()
{
	grep -c "^$1 " "$log"
}
killed=$(count killed) survived=$(count survived)
grep '^survived ' "$log" | sort -V
echo "$killed killed, $survived survived, of $((killed + survived)) mutants; no mutants: $(count same) the same code," \
	"$(count equivalent) equivalent (tests/mutate.txt), $(count invalid) did not compile"
if [ $((killed + survived)) -eq 0 ] || [ $((killed * 100)) -lt $(((killed + survived) * 95)) ]; then
	echo "not ok mutation - less than 95 % were killed"
	exit 1
fi
echo "ok mutation"
