# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A kernel that is too old (5.10): the agent refuses with the reason, and what needs no kernel works. No job_: for this one only.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
vm_modules veth
vm_pair
ip netns exec "${NS_PREFIX}b" timeout 60 "$ESPIAL" run -i b0 --socket "$TMPDIR/s" --journal none >"$TMPDIR/out" 2>&1
is "run: status" $? 3
matches "run: the reason" "$(grep '^espial: ' "$TMPDIR/out")" '^espial: .*(5\.10|kernel)'
is "run: only that" "$(grep -c '' "$TMPDIR/out")" 1
check "read works" "$ESPIAL" read "$ESPIAL_ROOT/tests/captures/tcpdump/isakmp4500.pcap"
check "mtu works" "$ESPIAL" mtu --esp aes256gcm16
finish
