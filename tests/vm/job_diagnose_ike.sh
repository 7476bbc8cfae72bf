# shellcheck shell=bash disable=SC2317 # functions that wait_for calls
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What takes both strongSwan and ESP of the kernel to go wrong: an SA beyond its soft lifetime that nobody rekeys (rekey-late), beside
# one that is rekeyed in time.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tests/lab/lab.sh
. "$ESPIAL_ROOT/tests/lab/lab.sh"
# shellcheck source=tests/lab/ipsec.sh
. "$ESPIAL_ROOT/tests/lab/ipsec.sh"
need_cmd jq
vm_modules veth tun xfrm_user esp4 authenc hmac sha256_generic cbc aes_generic echainiv xfrm_algo
missing=$(lab_ipsec_missing)
[ -z "$missing" ] || skip_all "$missing"
export LAB_KERNEL=kernel-netlink
socket=$TMPDIR/agent.sock

diagnose()
{
	"$ESPIAL" diagnose --json --socket "$socket" 2>/dev/null
}
late()
{
	sleep 1
	diagnose | jq -e 'any(.[]; .id == "rekey-late" and .until == null)'
}
not_late()
{
	! late
}
# ever: how often it was raised, for how many SAs
ever()
{
	"$ESPIAL" diagnose --json --since '1 hour ago' --socket "$socket" | jq '[.[] | select(.id == "rekey-late")] | length'
}

check "lab" lab_up || finish
check "tunnel" lab_tunnel esp=aes128-sha256 child=$'rekey_time = 20s\nlife_time = 80s\nrand_time = 0s' \
	right_child=$'rekey_time = 0\nlife_time = 1h\nrand_time = 0s' || finish
is "the kernel has the lifetimes, of the inbound SA: charon gives the other none" \
	"$(nsq left ip -s xfrm state | grep -c 'expire add: soft 20(sec), hard 80(sec)')" 1
ip netns exec "${NS_PREFIX}left" "$ESPIAL" run -i l0 --socket "$socket" --journal none --vici "$LAB_DIR/left/vici" >"$TMPDIR/agent.log" 2>&1 &
agent=$!
at_exit stop_process "$agent"
check "the agent is up" wait_for 300 diagnose || cat "$TMPDIR/agent.log"

# Twice, so that the agent has seen one from its beginning to its end
rekeyed()
{
	[ "$(lab_spis left | sort)" != "$before" ]
}
for _ in 1 2; do
	before=$(lab_spis left | sort)
	check "rekeyed in time" wait_for 300 rekeyed
done
is "an SA that is rekeyed in time: nothing" "$(ever)" 0

# The IKE daemon hangs
kill -STOP "${LAB_CHARON[left]}"
check "an SA that nobody rekeys: raised" wait_for 300 late
is "about this peer" "$(diagnose | jq -r '[.[] | select(.id == "rekey-late") | .subject.peer] | join(" ")')" 10.2.0.2
matches "what" "$(diagnose | jq -r '.[] | select(.id == "rekey-late") | .meaning' | head -n 1)" \
	'past its soft lifetime and no rekeying has begun; it expires in [0-9]+ s'
kill -CONT "${LAB_CHARON[left]}"
check "it goes on, and rekeys: cleared" wait_for 300 not_late
grep -v "INFO\|info" "$TMPDIR/agent.log" | tail -n 5
finish
