#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The journal on a disk that is full: the writer goes on, says so once, tells in the journal what is missing, and recovers by
# itself. The agent that keeps it counts on, and the equations of its counters hold. In a file system of its own, in a mount
# namespace that ends with the test.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
need_cmd jq unshare
if [ -z "${JOURNAL_FULL_INSIDE:-}" ]; then
	mkdir "$TMPDIR/disk"
	if ! unshare --mount sh -c "mount -t tmpfs -o size=64k none '$TMPDIR/disk'" 2>/dev/null; then
		skip_all "mount namespaces are refused here"
	fi
	_finished=1
	JOURNAL_FULL_INSIDE=$TMPDIR/disk unshare --mount --propagation private bash "$0"
	exit
fi
writer=$ESPIAL_BUILD/test/net/journal_writer
disk=$JOURNAL_FULL_INSIDE
mount -t tmpfs -o size=1536k none "$disk" || exit 1

last()
{
	tail -n 1 "$TMPDIR/figures"
}
# shellcheck disable=SC2317 # by wait_for
says()
{
	[[ $(last) =~ $1 ]]
}
entries()
{
	timeout 60 "$ESPIAL" journal --file "$disk/journal.db" -n 0 --json
}

# ---- full while it runs
"$writer" loop "$disk/journal.db" >"$TMPDIR/figures" 2>"$TMPDIR/news" &
pid=$!
at_exit stop_process $pid KILL
check "it writes" wait_for 60 says 'written [1-9]'
head -c 10M /dev/zero >"$disk/ballast" 2>/dev/null
check "the disk is full" wait_for 120 says 'failing 1'
written=$(last | sed -E 's/written ([0-9]+).*/\1/')
check "events get lost once 4096 wait" wait_for 240 says 'lost [1-9]'
check "it goes on" is_running $pid
is "said once" "$(grep -c "no space left on the disk: make room; up to 4096 events wait in memory" "$TMPDIR/news")" 1
is "and nothing else" "$(wc -l <"$TMPDIR/news")" 1
check "what was committed can be read" test "$(entries | wc -l)" -ge "$written"

# ---- and then not any more: a larger disk, since the ballast alone would not be room enough for what waits
rm "$disk/ballast"
mount -o remount,size=64m "$disk"
check "it recovers by itself" wait_for 120 says 'failing 0'
check "and says so" wait_for 60 grep -q 'is written again' "$TMPDIR/news"
check "and what is missing" wait_for 60 grep -q 'events are missing in it: it could not be written' "$TMPDIR/news"
stop_process $pid TERM 60
is "it ends well" $? 0
lost=$(last | sed -E 's/end: lost ([0-9]+) of .*/\1/')
number=$(last | sed -E 's/.* of ([0-9]+)/\1/')
entries >"$TMPDIR/entries"
is "all others are there, once" "$(jq -r 'select(.kind == "daemon") | .text' "$TMPDIR/entries" | cut -d' ' -f2 | sort -nu | wc -l)" $((number - lost))
is "none twice" "$(jq -r 'select(.kind == "daemon") | .text' "$TMPDIR/entries" | wc -l)" $((number - lost))
is "the journal tells how many are missing" \
	"$(jq -r 'select(.kind == "observation-gap") | .text' "$TMPDIR/entries" | awk '{ n += $1 } END { print n }')" "$lost"

# ---- full from the start
rm -f "$disk"/*
mount -o remount,size=64k "$disk"
head -c 10M /dev/zero >"$disk/ballast" 2>/dev/null
"$writer" loop "$disk/journal.db" >"$TMPDIR/figures" 2>"$TMPDIR/news" &
pid=$!
at_exit stop_process $pid KILL
check "full from the start: it goes on" wait_for 60 says 'failing 1'
rm "$disk/ballast"
mount -o remount,size=64m "$disk"
check "full from the start: it recovers" wait_for 120 says 'written [1-9][0-9]* lost [0-9]+ failing 0'
stop_process $pid TERM 60
check "full from the start: there are entries" test "$(entries | wc -l)" -gt 0

# ---- the agent, while it is full and when it is not any more
need_netns
net_pair 1500 || skip_all "no veth here"
rm -f "$disk"/*
mount -o remount,size=1536k "$disk"
check "the agent" agent_start dut -i b0 --journal "$disk/agent.db" || finish
head -c 10M /dev/zero >"$disk/ballast" 2>/dev/null
# counts NAME TIMES: another traffic, which makes entries
counts()
{
	ns gen "$NET_PROGRAMS/traffic" a0 500 >"$TMPDIR/sent.json"
	check "$1: packets are counted" agent_shows 60 '.interfaces[0].in.seen' $(($2 * $(jq .seen "$TMPDIR/sent.json")))
	equations "$1"
}
counts "the agent on a full disk" 1
check "it says so" wait_for 60 grep -q 'no space left on the disk' "$AGENT_LOG" || cat "$AGENT_LOG"
rm "$disk/ballast"
mount -o remount,size=64m "$disk"
check "and that it recovered" wait_for 120 grep -q 'is written again' "$AGENT_LOG"
counts "the agent with room again" 2
agent_stop
is "it ends well" $? 0
finish
