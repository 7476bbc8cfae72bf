# shellcheck shell=bash disable=SC2317 # functions that wait_for calls
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ESP of the kernel that goes wrong in each way: the right counter of the right SA, ours beside the kernel's.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
vm_modules sch_netem
vm_esp
BAD=0x00001002
watch_start b b0

# pings COUNT INTERVAL: from the inner address; all that are sent, answered or not
pings()
{
	nsq a ping -c "$1" -i "$2" -W 1 -q 10.9.2.1 | grep transmitted
}

sa_packets()
{
	watch_sa "$1" | field 2
}

has_packets()
{
	[ "$(sa_packets "$1")" = "$2" ]
}

# ---- all is well

pings 100 0.01
check "the SA's packets are counted" wait_for 300 has_packets $AB 100
is "and known from the first one on" "$(watch_sa $AB | cut -d' ' -f1,3,4)" "1 0 0"
is "the kernel counted as many" "$(kernel_sa $AB | field 1)" 100
is "the direction is known" "$(watch_ask kernel | grep -cE "^kernel ($AB 50 in|$BA 50 out) ")" 2

# ---- SPIs that the kernel does not have

before=$(xfrm_stat b XfrmInNoStates)
nsq a "$WATCH" send 0x0000dead 1000 10.9.0.2
nsq a "$WATCH" send 0 200 10.9.0.2
check "unknown, when grace is over" wait_for 300 known_is 0x0000dead 0
is "1000 packets of one SPI" "$(watch_sa 0x0000dead | cut -d' ' -f2,3,4)" "1000 1000 0"
unknown_is()
{
	[ "$(watch_ask state | sed -n 's/^unknown //p')" = "$1" ]
}
check "and 200 of one each: all are counted" wait_for 300 unknown_is 1200
is "as many as the kernel has" $(($(xfrm_stat b XfrmInNoStates) - before)) 1200
nsq a "$WATCH" send 0x0000dead 500 10.9.0.2
check "more of them" wait_for 300 unknown_is 1700
is "the SA that is known has none" "$(watch_sa $AB | cut -d' ' -f1,2,3)" "1 100 0"

# ---- a wrong key on one side

vm_sa a 10.9.0.1 10.9.0.2 $BAD
vm_sa b 10.9.0.1 10.9.0.2 $BAD "${VM_KEY/4b65/5b75}"
vm_sa_gone a 10.9.0.1 10.9.0.2 $AB
before=$(xfrm_stat b XfrmInStateProtoError)
pings 50 0.01
check "they arrive" wait_for 300 has_packets $BAD 50
is "integrity failures: the kernel's count of this SA" "$(kernel_sa $BAD | field 4)" 50
is "and of no other" "$(kernel_sa $AB | field 4)" 0
is "as the host's counter" $(($(xfrm_stat b XfrmInStateProtoError) - before)) 50
is "for us they are known, and received" "$(watch_sa $BAD | cut -d' ' -f1,2,3)" "1 50 0"
vm_sa_gone a 10.9.0.1 10.9.0.2 $BAD
vm_sa_gone b 10.9.0.1 10.9.0.2 $BAD

# ---- reordering beyond the kernel's window of 32, and duplicates: what we predict is what it does

vm_sa_gone b 10.9.0.1 10.9.0.2 $AB
REORDER=0x00001003
vm_sa b 10.9.0.1 10.9.0.2 $REORDER
vm_sa a 10.9.0.1 10.9.0.2 $REORDER
nsq a tc qdisc add dev a0 root netem delay 400ms reorder 70% 50%
nsq a ping -c 1500 -i 0.002 -W 2 -q 10.9.2.1 | grep transmitted
all_of_reorder()
{
	[ "$(sa_packets "$REORDER")" = 1500 ]
}
check "all arrive, late or not" wait_for 300 all_of_reorder
nsq a tc qdisc del dev a0 root
predicted=$(watch_sa $REORDER | field 7)
is "the prediction for a window of 32 is the kernel's replay-window count" "$predicted" "$(kernel_sa $REORDER | field 2)"
check "which is not trivial" test "$predicted" -gt 20
is "no duplicates, for both" "$(watch_sa $REORDER | field 5) $(kernel_sa $REORDER | field 3)" "0 0"

DOUBLE=0x00001004
vm_sa b 10.9.0.1 10.9.0.2 $DOUBLE
vm_sa a 10.9.0.1 10.9.0.2 $DOUBLE
vm_sa_gone a 10.9.0.1 10.9.0.2 $REORDER
nsq a tc qdisc add dev a0 root netem duplicate 40%
nsq a ping -c 300 -i 0.005 -W 1 -q 10.9.2.1 | grep transmitted
nsq a tc qdisc del dev a0 root
sleep 1
is "duplicates: the kernel's replay count" "$(watch_sa $DOUBLE | field 5)" "$(kernel_sa $DOUBLE | field 3)"
check "of which there are some" test "$(watch_sa $DOUBLE | field 5)" -gt 20
is "and none too old, for both" "$(watch_sa $DOUBLE | field 7) $(kernel_sa $DOUBLE | field 2)" "0 0"

# ---- no policy

before=$(xfrm_stat b XfrmInNoPols)
mismatch=$(xfrm_stat b XfrmInTmplMismatch)
nsq b ip xfrm policy delete src 10.9.1.1 dst 10.9.2.1 dir in
nsq b ip xfrm policy add src 10.9.1.1 dst 10.9.2.1 dir in action block
block=$(xfrm_stat b XfrmInPolBlock)
packets=$(sa_packets $DOUBLE)
pings 20 0.02
check "they arrive without a policy" wait_for 300 has_packets $DOUBLE $((packets + 20))
is "which the kernel says" $(($(xfrm_stat b XfrmInNoPols) - before + $(xfrm_stat b XfrmInTmplMismatch) - mismatch + $(xfrm_stat b XfrmInPolBlock) - block)) 20
is "it is the policy's fault, not the SA's" "$(watch_sa $DOUBLE | cut -d' ' -f1,3) $(kernel_sa $DOUBLE | field 4)" "1 0 0"
nsq b ip xfrm policy delete src 10.9.1.1 dst 10.9.2.1 dir in
nsq b ip xfrm policy add src 10.9.1.1 dst 10.9.2.1 dir in tmpl src 10.9.0.1 dst 10.9.0.2 proto esp reqid 7 mode tunnel

# ---- expiry

SHORT=0x00001005
vm_sa b 10.9.0.1 10.9.0.2 $SHORT "$VM_KEY" limit packet-soft 10 limit packet-hard 25
vm_sa a 10.9.0.1 10.9.0.2 $SHORT
vm_sa_gone a 10.9.0.1 10.9.0.2 $DOUBLE
heard_before=$(watch_ask heard | cut -d' ' -f4,5)
pings 60 0.02
expired()
{
	[ "$(watch_ask heard | cut -d' ' -f4,5)" = "$((${heard_before% *} + 1)) $((${heard_before#* } + 1))" ]
}
check "soft, then hard, heard once each" wait_for 300 expired
is "gone from the mirror" "$(watch_ask mirror | grep -c $SHORT)" 0
check "unknown, when grace is over" wait_for 300 known_is $SHORT 0
nsq a ping -c 40 -i 0.02 -W 1 -q 10.9.2.1 | grep transmitted
unknown_of()
{
	[ "$(watch_sa "$1" | field 3)" = "$2" ]
}
check "every packet from then on" wait_for 300 unknown_of $SHORT 40
is "none of the 60 before" "$(watch_sa $SHORT | field 2)" 100
finish
