#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The man pages and --help tell of the same commands, options and defaults
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
man=$ESPIAL_ROOT/deploy/man

# options_of_help COMMAND...: the options that its help lists, sorted, one per line, with their dashes
options_of_help()
{
	"$ESPIAL" "$@" --help | grep -E '^ {2,6}(-[^-], )?--?[a-zA-Z?]' | sed -E 's/^( *(-[^-], )?--[a-z0-9-]+).*/\1/' |
		grep -oE -- '(--[a-z0-9-]+|-[a-zA-Z?])($|,)' | tr -d , | sort
}

# options_of_page PAGE: the same out of the heads of its lists
options_of_page()
{
	grep '^\.It .*Fl ' "$1" | grep -oE 'Fl (-[a-z0-9-]+|\\&\?|[a-zA-Z])( |$)' | sed -E 's/^Fl /-/; s/\\&//; s/ $//' | sort
}

# values_of_page PAGE, values_of_help COMMAND: the options that take a value
values_of_page()
{
	grep '^\.It .*Fl .*=' "$1" | grep -oE -- 'Fl -[a-z0-9-]+ Ns (= Ns|Op =)' | sed -E 's/^Fl (-[a-z0-9-]+).*/-\1/' | sort
}

values_of_help()
{
	"$ESPIAL" "$1" --help | sed -nE 's/^ {2,6}(-., )?(--[a-z0-9-]+)\[?=.*/\2/p' | sort
}

mapfile -t commands < <("$ESPIAL" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
matches "there are commands" "${commands[*]}" '^run .*read'
is "espial: options" "$(options_of_page "$man/espial.1")" "$(options_of_help)"
is "espial: commands" "$(sed -n '/^The commands:/,/^The options:/s/^\.It Cm //p' "$man/espial.1" | xargs)" "${commands[*]}"
for command in "${commands[@]}"; do
	[ "$command" = help ] && continue
	page=$man/espial-$command.1
	check "$command: has a page" test -s "$page" || continue
	matches "$command: options are found" "$(options_of_help "$command" | xargs)" '--help .*--usage'
	is "$command: options" "$(options_of_page "$page")" "$(options_of_help "$command")"
	is "$command: options with a value" "$(values_of_page "$page")" "$(values_of_help "$command")"
	check "espial(1) refers to espial-$command" grep -q "^\.Xr espial-$command 1" "$man/espial.1"
	for section in "EXIT STATUS" EXAMPLES; do
		check "$command: $section" grep -q "^\.Sh $section" "$page"
	done
	# Each number that help calls the default stands in the page too
	while read -r default; do
		check "$command: default $default" grep -qwF -- "$default" "$page"
	done < <("$ESPIAL" "$command" --help | tr -s ' \n' ' ' | grep -oE '\(?default [0-9/][^ );]*' | sed 's/.*default //' | sort -u)
done
for page in "$man"/*.1; do
	name=$(basename "$page" .1)
	[ "$name" = espial ] || check "$name is of a command" grep -qxF "${name#espial-}" <(printf '%s\n' "${commands[@]}")
	is "$name: licence" "$(head -n 1 "$page")" '.\" SPDX-License-Identifier: GPL-2.0-or-later'
done

if command -v mandoc >/dev/null; then
	# Of other pages, whether they are installed is no matter of ours
	is "mandoc -Tlint" "$(for page in "$man"/*.1; do mandoc -Tlint "$page" 2>/dev/null; done | grep -v 'referenced manual not found')" ""
else
	skip "mandoc -Tlint" "needs mandoc"
fi

finish
