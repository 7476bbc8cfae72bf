#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Shell completions: made from --help, they have each command and option of it, and the shells understand them
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
generate=$ESPIAL_ROOT/deploy/completions/generate

for shell in bash zsh fish; do
	# shellcheck disable=SC2016 # the inner shell's
	check "$shell: made" sh -c '"$1" "$2" "$3" >"$4"' - "$generate" $shell "$ESPIAL" "$TMPDIR/$shell" || finish
	if command -v $shell >/dev/null; then
		check "$shell: understood" $shell -n "$TMPDIR/$shell"
	else
		skip "$shell: understood" "needs $shell"
	fi
done

# complete WORD...: what bash offers for the last of them
complete_bash()
{
	bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _espial; printf "%s\n" "${COMPREPLY[@]}"' - "$TMPDIR/bash" "$@" | sort
}
mapfile -t commands < <("$ESPIAL" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
is "commands" "$(complete_bash espial '' | grep -v '^-' | xargs)" "$(printf '%s\n' "${commands[@]}" | sort | xargs)"
for command in "${commands[@]}"; do
	[ "$command" = help ] && continue
	wanted=$("$ESPIAL" "$command" --help | grep -E '^ {2,6}(-[^-], )?--[a-z]' | sed -E 's/^ *(-[^-], )?(--[a-z0-9-]+).*/\2/' | sort)
	is "bash: $command" "$(complete_bash espial "$command" --)" "$wanted"
	is "zsh: $command" "$(sed -n "/^    $command)/,/;;/p" "$TMPDIR/zsh" | grep -oE "'\*--[a-z0-9-]+" | sed "s/'\*//" | sort)" "$wanted"
	is "fish: $command" "$(grep "_from $command'" "$TMPDIR/fish" | grep -oE -- ' -l [a-z0-9-]+' | sed 's/ -l /--/' | sort)" "$wanted"
done
is "words of an option" "$(complete_bash espial run --xdp-mode n | xargs)" native
is "after an equals sign" "$(complete_bash espial run --xdp-mode = g | xargs)" generic
matches "interfaces" "$(complete_bash espial run -i '' | xargs)" 'lo'
"$generate" bash /bin/true >/dev/null 2>&1
is "a program whose help says nothing" $? 1
finish
