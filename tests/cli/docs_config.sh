#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# deploy/espial.conf: has each setting, with the default that is told elsewhere, and is understood with and without comments
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
example=$ESPIAL_ROOT/deploy/espial.conf
all=$TMPDIR/all.conf

# The file is read before the command line, so that a complaint about the latter says that the former is right. Needs no
# privileges: nothing is begun.
# shellcheck disable=SC2317 # by check
accepted()
{
	local line

	line=$("$ESPIAL" run --config "$1" --xdp-mode fast 2>&1)
	[ "$line" = "espial: --xdp-mode 'fast': must be auto, native, generic or off" ] || { echo "$line"; return 1; }
}

check "as it is" accepted "$example"
sed -E 's/^#([a-z])/\1/' "$example" >"$all"
check "with all settings in effect" accepted "$all"
echo 'nonsense = 1' >>"$all"
"$ESPIAL" run --config "$all" --xdp-mode fast >/dev/null 2>"$TMPDIR/err"
matches "and what is wrong would be seen" "$(cat "$TMPDIR/err")" "no key 'nonsense'"

keys=$(sed -nE 's/^#([a-z-]+) = .*/\1/p' "$example" | sort)
is "it has each setting, once" "$keys" \
	"$("$ESPIAL" run --help | sed -nE 's/^ {2,6}(-., )?--([a-z-]+)\[?=.*/\2/p' | grep -vx config | sort)"

# Defaults, as --help tells them
help=$("$ESPIAL" run --help | tr -s ' \n' ' ')
while read -r key _ value; do
	case $key in
	interface | xdp-mode | keep) wanted="--$key\[?=[A-Z]+\]? [^=]*${value}[^=]*\(default\)" ;;
	listen | netns | inner) continue ;; # none
	*) wanted="--$key\[?=[A-Z|]+\]? [^=]*\(default $value\)" ;;
	esac
	matches "default of $key" "$help" "$wanted"
done < <(sed -n 's/^#\([a-z-]* = \)/\1/p' "$example")

# What the example says applies on SIGHUP is what the table of settings says
is "what is reloaded" "$(awk '/^# \[reload\]/ { r = 1 } /^#[a-z-]+ = / { if (r) print substr($1, 2); r = 0 }' "$example" | sort)" \
	"$(tr -d '\n\t' <"$ESPIAL_ROOT/user/config_values.c" | grep -oE '\{"[a-z-]+", "[^{}]*, true\}' | sed -E 's/^\{"([a-z-]+)".*/\1/' | sort)"

finish
