# shellcheck shell=bash disable=SC2317 # functions that wait_for calls
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What `make test` asks of a kernel that is not the one it runs on: the golden packets through kernel and twin; the agent loads and
# attaches; ESP of the kernel is counted to the packet, with what the kernel does and does not know told apart. No job_: `make
# test-kernels` asks for more of the same.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need_cmd jq
vm_esp

check "golden packets" env CMOCKA_MESSAGE_OUTPUT=TAP "$ESPIAL_BUILD/test/prog/test_golden"

socket=$TMPDIR/agent.sock
state()
{
	"$ESPIAL" status --json --socket "$socket" 2>/dev/null
}
state_or_end()
{
	is_gone "$agent" || state
}
# sa_is SPI DIRECTION WANTED: "packets received lost known"
sa_is()
{
	[ "$(state | jq -r ".sas[] | select(.spi == \"$1\" and .direction == \"$2\") |
		\"\(.packets) \(.sequence.received) \(.sequence.lost) \(.known)\"")" = "$3" ]
}
ip netns exec "${NS_PREFIX}b" "$ESPIAL" run -i b0 --socket "$socket" --journal none >"$TMPDIR/agent.log" 2>&1 &
agent=$!
at_exit stop_process "$agent" KILL
wait_for 300 state_or_end
check "the agent is up" state || cat "$TMPDIR/agent.log"
is "native XDP" "$(state | jq -r '.interfaces[] | select(.name == "b0") | .ingress')" "xdp native"

# As many as the kernel counted, whatever the ping lost
nsq a ping -c 50 -i 0.02 -W 2 -q 10.9.2.1 | grep transmitted
sent=$(nsq a ip -s xfrm state list spi 0x00001001 | sed -n 's/.*, \([0-9]*\)(packets).*/\1/p' | tail -n 1)
answered=$(nsq b ip -s xfrm state list spi 0x00002001 | sed -n 's/.*, \([0-9]*\)(packets).*/\1/p' | tail -n 1)
matches "the kernel made ESP of them" "$sent $answered" '^[1-9][0-9]* [1-9][0-9]*$'
check "ESP in: as many as the kernel sent ($sent), none lost, known" wait_for 120 sa_is 0x00001001 in "$sent $sent 0 true" ||
	state | jq -c '.sas[]'
check "ESP out: as many as the kernel answered ($answered)" wait_for 120 sa_is 0x00002001 out "$answered $answered 0 true" ||
	state | jq -c '.sas[]'
nsq a "$ESPIAL_BUILD/test/vm/xfrm_watch" send 0x0000dead 100 10.9.0.2
check "what the kernel does not know: 100, and said to be unknown" wait_for 120 sa_is 0x0000dead in "100 100 0 false" ||
	state | jq -c '.sas[]'
stop_process "$agent" TERM 60
is "the agent ends well" $? 0
finish
