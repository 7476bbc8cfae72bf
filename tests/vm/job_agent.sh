# shellcheck shell=bash disable=SC2317,SC2001 # functions that wait_for calls; & in a replacement needs sed
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The agent beside ESP of the kernel: what it says is known, and a key that is planted is found nowhere.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need_cmd jq curl
vm_esp

socket=$TMPDIR/agent.sock
(ulimit -c unlimited && exec ip netns exec "${NS_PREFIX}b" "$ESPIAL" run -i b0 --socket "$socket" --journal "$TMPDIR/journal.db" >"$TMPDIR/agent.log" 2>&1) &
agent=$!
at_exit stop_process "$agent"
status()
{
	"$ESPIAL" status --json --socket "$socket" 2>/dev/null
}
# known_in SPI VALUE
known_in()
{
	[ "$(status | jq -r ".sas[] | select(.spi == \"$1\" and .direction == \"in\") | .known")" = "$2" ]
}
check "the agent is up" wait_for 300 status
nsq a ping -c 30 -i 0.05 -W 2 -q 10.9.2.1 | grep transmitted
nsq a "$WATCH" send 0x0000dead 100 10.9.0.2
check "an SA of the SADB is known" wait_for 300 known_in 0x00001001 true
check "another is not" wait_for 300 known_in 0x0000dead false
vm_sa b 10.9.0.1 10.9.0.2 0x00001002
sleep 12 # a whole dump by itself

key=${VM_KEY#0x}
is "the key is in the kernel" "$(nsq b ip xfrm state | grep -c "$key")" 3
memory=$("$WATCH" grep "$agent" "$key")
is "and not in the agent's memory" "${memory% in *}" 0
matches "of which megabytes were searched" "${memory#* in }" '^[0-9]{7,}$'
is "nor in what the API says" "$(status | grep -ci "$key")" 0
is "nor in the log" "$(grep -ci "$key" "$TMPDIR/agent.log")" 0
# in_file FILE: of the key as text, in upper or lower case, and as bytes
in_file()
{
	echo $(($(grep -aci "$key" "$1") + $(LC_ALL=C grep -acP "$(sed 's/../\\x&/g' <<<"$key")" "$1")))
}
printf 'x%sx' "$key" >"$TMPDIR/text"
printf 'x%bx' "$(sed 's/../\\x&/g' <<<"$key")" >"$TMPDIR/bytes"
is "the search finds it where it is" "$(in_file "$TMPDIR/text") $(in_file "$TMPDIR/bytes")" "1 1"
check "the journal has been written" test -s "$TMPDIR/journal.db"
journal=0
for file in "$TMPDIR"/journal.db*; do
	journal=$((journal + $(in_file "$file")))
done
is "nor in the journal" "$journal" 0
metrics=$(curl -s --max-time 60 --unix-socket "$socket" 'http://x/metrics?sas=1')
matches "there are metrics" "$(wc -l <<<"$metrics")" '^[0-9]{3,}$'
is "nor in the metrics" "$(grep -ci "$key" <<<"$metrics")" 0
kill -ABRT "$agent"
wait "$agent" 2>/dev/null
is "and a crash leaves no core" "$(find / -xdev -name 'core*' -newer "$socket" -size +100k -type f 2>/dev/null | head -n 1)" ''
finish
