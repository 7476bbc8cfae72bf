#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# README: its commands are run and print what it quotes; it lists the metrics, paths, counters and commands that there are
# shellcheck disable=SC2016 # the backquotes are Markdown's
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/../net/lib.sh"
need_cmd jq
readme=$ESPIAL_ROOT/README.md
cd "$ESPIAL_ROOT" || exit 1

# section TITLE: its text; column: the first code word of each row of a table
section()
{
	awk -v title="## $1" '/^## / { on = $0 == title; next } on' "$readme"
}

column()
{
	sed -nE 's/^\| `([^`]*)` \|.*/\1/p'
}

# ---- commands with their output: blocks of kind `console`, one command each. Nothing but espial without privileges is run.
count=0
run_block()
{
	local command=$1 wanted=$2 name=${1#build/}

	count=$((count + 1))
	if ! [[ $command =~ ^build/espial\ (read|mtu|help|--help)[^\;\&\`\$\>]*$ ]]; then
		not_ok "$name" "not a command that this test may run"
		return
	fi
	is "$name" "$(bash -c "${command//build\/espial/\"\$ESPIAL\"}" 2>/dev/null)" "$wanted"
}
export ESPIAL
command='' text='' inside=''
while IFS= read -r line; do
	case $inside$line in
	'```console') inside=1 command='' text='' ;;
	'1```')
		run_block "$command" "${text%$'\n'}"
		inside=''
		;;
	1'$ '*) command=${line#'$ '} ;;
	1*) text+=$line$'\n' ;;
	esac
done <"$readme"
is "blocks that were run" "$count" "$(grep -c '^```console' "$readme")"
check "there are some" test "$count" -ge 2

# ---- names
is "commands" "$(section Commands | column | sed 's/^espial //')" \
	"$("$ESPIAL" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' | grep -vx help)"
sequence=$("$ESPIAL" read --json tests/captures/tcpdump/isakmp4500.pcap 2>/dev/null | jq -r '.sas[0].sequence | keys[]')
while read -r name; do
	check "counter $name" grep -qx "$name" <<<"$sequence"
done < <(section "What is counted" | column)
document=$("$ESPIAL" read --json tests/captures/tcpdump/isakmp4500.pcap 2>/dev/null)
for list in packets.class losses; do
	while read -r name; do
		check "$list: $name" grep -q "\`$name\`" <(section "What is counted")
	done < <(jq -r ".$list | keys[]" <<<"$document")
done
# The last row of the HTTP table is /healthz; the code's table is in the order of the README's
is "paths" "$(section "HTTP API" | column)" "$(grep -oE '\{"/[a-z0-9/]+", get_' user/agent/http.c | cut -d'"' -f2)"
is "metrics" "$(section Metrics | column)" "$(awk -F'"' '
	/^\t\{"espial_/ { suffix = /COUNTER/ ? "_total" : /INFO/ ? "_info" : ""; print $2 suffix }' user/export/metrics_table.c)"
while read -r target; do
	check "make $target" grep -qE "^$target:" Makefile tests/tests.mk
done < <(grep -oE '`?make [a-z]+|^make [a-z]+' "$readme" | sed 's/.*make //' | grep -vx install | sort -u)
while read -r path; do
	check "there is $path" test -e "$path"
done < <({ grep -oE '\]\([^)h#][^)]*\)' "$readme" | tr -d ']()'; section Layout | grep -oE '`[^`*]+/[^`*]*`' | tr -d '`'; } | sort -u)

# ---- and what the program answers: needs the agent
if [ "$(id -u)" = 0 ] && command -v curl >/dev/null; then
	need_netns
	check "a pair of interfaces" net_pair || finish
	check "the agent starts" agent_start dut -i b0 || finish
	curl -s --max-time 10 --unix-socket "$AGENT_SOCKET" http://x/metrics >"$TMPDIR/metrics"
	# What is about tunnels and findings is absent as long as there are none
	is "metrics with their labels, as the agent answers" "" "$(grep -v '^#' "$TMPDIR/metrics" |
		sed -E 's/="[^"]*"//g; s/[{]/ /; s/[}]//; s/ [0-9.]+$//; s/_bucket / /; /_seconds_(sum|count)$/d' | sort -u |
		comm -13 <(section Metrics | sed -nE 's/^\| `([^`]*)` \| ?([a-z, ]*) ?\|$/\1 \2/p' | sed 's/, /,/g; s/ *$//' | sort) -)"
	matches "and it does answer" "$(grep -cv '^#' "$TMPDIR/metrics")" '^[1-9][0-9]{2}$'
	status=$("$ESPIAL" status self --socket "$AGENT_SOCKET")
	is "tables by default" "$(section Memory | grep -E '^(SA table|newcomers|per SA) ' | tr -s ' ' | cut -d' ' -f1-5 | grep -v '^per')" \
		"$(grep -E '^(SA table|newcomers) ' <<<"$status" | tr -s ' ' | cut -d' ' -f1-5)"
	if [ "$(nproc --all)" = 2 ]; then
		is "memory per SA, with 2 CPUs" "$(section Memory | grep '^per SA')" "$(grep '^per SA' <<<"$status")"
		is "memory of the tables, with 2 CPUs" "$(section Memory | grep '^kernel tables')" "$(grep '^kernel tables' <<<"$status")"
	else
		skip "memory" "README's figures are of 2 CPUs"
	fi
	agent_stop
else
	skip "what the agent answers" "needs root and curl"
fi

finish
