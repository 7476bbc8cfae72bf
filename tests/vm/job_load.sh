# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The programs load, attach to a veth by every hook, and pass packets.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
vm_modules veth
vm_pair

watch_start b b0
check "the agent's datapath loads and attaches" test -n "$watch_pid"
nsq a ping -c 5 -i 0.2 -q 10.9.0.2 >/dev/null
is "what it does not know passes" "$?" 0
is "nothing is unknown" "$(watch_ask state | sed -n 's/^unknown //p')" 0
finish
