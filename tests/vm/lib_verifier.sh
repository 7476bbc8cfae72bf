# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lib_verifier.sh - how many instructions the verifier went through, for each program of an agent
#
# The kernel tells in fdinfo of a program's descriptor, since 5.16.

VERIFIER_FILE=${BASH_SOURCE[0]%/*}/verifier.txt

# verifier_kernel: 6.1, 6.12 or new: what tests/vm/kernel.sh calls this kernel; empty for one that is in no row
verifier_kernel()
{
	local release

	release=$(uname -r)
	case $release in
	6.1.*) echo 6.1 ;;
	6.12.*) echo 6.12 ;;
	[789].* | [1-9][0-9].*) echo new ;;
	esac
}

# verifier_counts PID: "PROGRAM INSTRUCTIONS" of all that it holds
verifier_counts()
{
	local file id count name

	for file in /proc/"$1"/fdinfo/*; do
		id=$(sed -n 's/^prog_id:[[:space:]]*//p' "$file" 2>/dev/null)
		count=$(sed -n 's/^verified_insns:[[:space:]]*//p' "$file" 2>/dev/null)
		if [ -n "$id" ] && [ -n "$count" ]; then
			name=$(bpftool -j prog show id "$id" | jq -r .name)
			echo "$name $count"
		fi
	done | sort -u
}

# verifier_compare KERNEL COMPILER PID: prints a row per program as verifier.txt has them, and a verdict: more than a tenth above the
# committed figure fails; a program without a row is skipped, with the row to add
verifier_compare()
{
	local program count committed programs=0 counts=$TMPDIR/counts

	verifier_counts "$3" >"$counts" # a file: the guest has no /dev/fd
	while read -r program count; do
		programs=$((programs + 1))
		printf '# verifier %s %s %s %s\n' "$1" "$2" "$program" "$count"
		committed=$(awk -v k="$1" -v c="$2" -v p="$program" '$1 == k && $2 == c && $3 == p { print $4 }' "$VERIFIER_FILE")
		if [ -z "$committed" ]; then
			skip "verifier: $program by $2" "no row in tests/vm/verifier.txt: add '$1 $2 $program $count'"
		else
			check "verifier: $program by $2: $count instructions, at most a tenth more than $committed" \
				test $((count * 10)) -le $((committed * 11 + 1000)) # a hundred more are nothing
		fi
	done <"$counts"
	check "verifier: the agent holds at least three programs" test $programs -ge 3
}
