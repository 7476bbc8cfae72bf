#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What people type wrong: one line that names it and the nearest right one, and exit status 2
. "$(dirname "$0")/../lib.sh"

# says NAME STATUS LINE ARGUMENT...: nothing on stdout, that one line on stderr, that status
says()
{
	local name=$1 status=$2 line=$3 got

	shift 3
	"$ESPIAL" "$@" >"$TMPDIR/out" 2>"$TMPDIR/err" </dev/null
	got=$?
	is "$name: status" $got "$status"
	is "$name: line" "$(cat "$TMPDIR/err")" "$line"
	is "$name: nothing on stdout" "$(cat "$TMPDIR/out")" ""
}

# ---- commands
"$ESPIAL" >"$TMPDIR/out" 2>"$TMPDIR/err"
is "no command: status" $? 2
matches "no command: help on stderr" "$(cat "$TMPDIR/err")" "Usage: espial COMMAND"
is "no command: nothing on stdout" "$(cat "$TMPDIR/out")" ""
says "misspelt command" 2 "espial: no command 'statsu': did you mean 'status'?" statsu
commands=$("$ESPIAL" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
says "unknown command" 2 "espial: no command 'frobnicate': one of ${commands//$'\n'/, }" frobnicate
says "option before the command" 2 "espial: no option '--verison': did you mean '--version'?" --verison
says "help of an unknown command" 2 "espial: no command 'rnu': did you mean 'run'?" help rnu

# ---- options
says "misspelt option" 2 "espial: no option --sokcet: did you mean --socket?" status --sokcet /x
says "misspelt option with a value" 2 "espial: no option --xpd-mode: did you mean --xdp-mode?" run --xpd-mode=off
says "unknown option" 2 "espial: no option --frobnicate: \`espial run --help\` lists them" run --frobnicate
says "unknown letter" 2 "espial: no option -z: \`espial status --help\` lists them" status -z
says "value missing" 2 "espial: option --socket wants a value: see \`espial status --help\`" status --socket
says "value of a letter missing" 2 "espial: option -i wants a value: see \`espial run --help\`" run -i
says "value not wanted" 2 "espial: option --json takes no value" status --json=yes
says "option that is not unique" 2 "espial: option --s is not unique: --sa-capacity, or another? See \`espial run --help\`" run --s 1
says "unknown view" 2 "espial: no view 'interface': did you mean 'interfaces'?" status interface
says "two views" 2 "espial: 'self': only one view at a time" status sas self
says "argument of events" 2 "espial: 'all': events takes options only" events all
says "interface without -i" 2 "espial: 'eth0': run takes options only: an interface is given with -i eth0" run eth0

# ---- values
says "mode" 2 "espial: --xdp-mode 'fast': must be auto, native, generic or off" run --xdp-mode fast
says "capacity" 2 "espial: --sa-capacity '0': must be a number from 16 to 1048576" run --sa-capacity 0
says "port" 2 "espial: --ike-port '70000': must be a port from 1 to 65535, at most two of them" run --ike-port 70000
says "listen" 2 "espial: --listen 'localhost:80': must be PORT, IPV4:PORT or [IPV6]:PORT with a port from 1 to 65535, and addresses in numbers" \
	run --listen localhost:80
says "long socket path" 2 "espial: --socket '$(printf 'a%.0s' {1..200})': must be a path below 108 bytes" \
	run --socket "$(printf 'a%.0s' {1..200})"

# ---- the configuration file
config=$TMPDIR/espial.conf
printf '[run]\n\nxpd-mode = off\n' >"$config"
says "misspelt key" 2 "espial: $config:3: no key 'xpd-mode': did you mean 'xdp-mode'?" run --config "$config"
printf '[rnu]\nsocket = /x\n' >"$config"
says "misspelt section" 2 "espial: $config:1: no section [rnu]: did you mean [run]" run --config "$config"
printf '[run]\nxdp-mode = fast\n' >"$config"
says "bad value in the file" 2 "espial: $config:2: xdp-mode 'fast': must be auto, native, generic or off" run --config "$config"
printf '[run]\nnonsense\n' >"$config"
says "line that is nothing" 2 "espial: $config:2: neither [section] nor name = value" run --config "$config"
says "no such file" 3 "espial: configuration file $TMPDIR/none.conf: No such file or directory" run --config "$TMPDIR/none.conf"

# ---- what is right
is "version" "$("$ESPIAL" --version)" "$("$ESPIAL" run --version)"
matches "version says its name" "$("$ESPIAL" --version)" '^espial [0-9]+\.[0-9]+\.[0-9]+'
for command in ${commands/help/}; do
	"$ESPIAL" help "$command" >"$TMPDIR/help" 2>"$TMPDIR/err"
	is "help $command: status" $? 0
	is "help $command: nothing on stderr" "$(cat "$TMPDIR/err")" ""
	matches "help $command: usage" "$(cat "$TMPDIR/help")" "Usage: espial $command "
	is "help $command is $command --help" "$("$ESPIAL" "$command" --help)" "$(cat "$TMPDIR/help")"
	matches "help lists $command" "$("$ESPIAL" --help)" "  $command "
done
"$ESPIAL" --help >/dev/full 2>"$TMPDIR/err"
is "help to a full disk: status" $? 3
is "help to a full disk: line" "$(cat "$TMPDIR/err")" "espial: standard output: No space left on device"

finish
