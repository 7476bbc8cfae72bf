# shellcheck shell=bash disable=SC2317 # functions that wait_for calls
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the verifier of this kernel says of every program, as built by each compiler: the agent loads it with the configuration
# that it runs with, attaches (native XDP on a veth, and tc), counts what is sent, and no program takes a tenth more instructions to
# verify than tests/vm/verifier.txt says. Then the golden packets, through kernel and twin.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tests/vm/lib_verifier.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib_verifier.sh"
need_cmd jq bpftool
vm_modules veth sch_ingress cls_bpf
vm_pair
ip -n "${NS_PREFIX}b" link add inner0 type veth peer name inner1 # the programs for inner interfaces are loaded as well

socket=$TMPDIR/agent.sock
state()
{
	"$ESPIAL" status --json --socket "$socket" 2>/dev/null
}
state_or_end()
{
	is_gone "$agent" || state
}
seen_is()
{
	[ "$(state | jq '.interfaces[] | select(.name == "b0") | .in.class.esp')" = "$1" ]
}

# with COMPILER PROGRAM
with()
{
	local agent

	if [ ! -x "$2" ]; then
		skip "built by $1" "$2 is not there"
		return
	fi
	ip netns exec "${NS_PREFIX}b" "$2" run -i b0 --inner inner0 --socket "$socket" --journal none >"$TMPDIR/agent.log" 2>&1 &
	agent=$!
	at_exit stop_process "$agent"
	wait_for 120 state_or_end
	if ! check "built by $1: the agent is up" state; then
		cat "$TMPDIR/agent.log"
		return
	fi
	is "built by $1: native XDP" "$(state | jq -r '.interfaces[] | select(.name == "b0") | .ingress')" "xdp native"
	matches "built by $1: tc" "$(state | jq -r '.interfaces[] | select(.name == "b0") | .egress')" "^(tcx|clsact)$"
	nsq a "$WATCH" send 0x0000dead 100 10.9.0.2
	check "built by $1: 100 packets are 100" wait_for 60 seen_is 100
	verifier_compare "$(verifier_kernel)" "$1" "$agent"
	stop_process "$agent"
	is "built by $1: it ends well" $? 0
}

with clang-14 "$ESPIAL"
with clang-19 "$ESPIAL_BUILD/clang-19/espial"

if [ -x "$ESPIAL_BUILD/test/prog/test_golden" ]; then
	check "golden packets" env CMOCKA_MESSAGE_OUTPUT=TAP "$ESPIAL_BUILD/test/prog/test_golden"
else
	skip "golden packets" "test_golden is not built"
fi
finish
