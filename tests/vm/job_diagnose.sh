# shellcheck shell=bash disable=SC2317 # functions that wait_for calls
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ESP of the kernel that goes wrong in each way, and what the agent says is wrong: each finding when its cause is there, and none before.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need_cmd jq
vm_modules sch_netem
vm_esp

vm_agent b b0
# of_c: which findings there are about traffic that does not pass
of_c()
{
	among 'esp-.*|invalid-spi|replay-dropped|policy-.*|cleartext-leak|decrypted-dropped'
}
pings()
{
	nsq a ping -c "$1" -i "$2" -W 1 -q 10.9.2.1 | grep transmitted
}
known()
{
	"$ESPIAL" status --json --socket "$vm_socket" 2>/dev/null | jq -e --arg spi "$1" "any(.sas[]; .spi == \$spi and .direction == \"in\" and .known == $2)"
}

pings 100 0.02
check "an SA of the SADB is known" wait_for 60 known $AB true
sleep 3 # some looks at what is well
is "healthy traffic raises nothing" "$(of_c)" ''

nsq a "$WATCH" send 0x0000dead 1000 10.9.0.2
check "an unknown SPI: invalid-spi" wait_for 60 says invalid-spi

BAD=0x00001002
vm_sa a 10.9.0.1 10.9.0.2 $BAD
vm_sa b 10.9.0.1 10.9.0.2 $BAD "${VM_KEY/4b65/5b75}"
vm_sa_gone a 10.9.0.1 10.9.0.2 $AB
check "it knows the SA whose key differs" wait_for 60 eval "pings 1 0.1; known $BAD true"
pings 50 0.02
check "another key on one side: esp-auth-failed" wait_for 60 says esp-auth-failed
is "all of its packets: critical" "$(diagnosis | jq -r '.[] | select(.id == "esp-auth-failed") | .severity')" critical

LATE=0x00001003
vm_sa b 10.9.0.1 10.9.0.2 $LATE
vm_sa a 10.9.0.1 10.9.0.2 $LATE
vm_sa_gone a 10.9.0.1 10.9.0.2 $BAD
vm_sa_gone b 10.9.0.1 10.9.0.2 $BAD
nsq a tc qdisc add dev a0 root netem delay 400ms reorder 70% 50%
nsq a ping -c 1000 -i 0.002 -W 2 -q 10.9.2.1 | grep transmitted
nsq a tc qdisc del dev a0 root
# Which of the two depends on what the wire showed first: the window is the cause of the drops
check "reordering beyond the window: its drops, or the window" wait_for 60 eval "says replay-dropped || says replay-window-too-small"

nsq b ip xfrm policy delete src 10.9.1.1 dst 10.9.2.1 dir in
nsq b ip xfrm policy add src 10.9.1.0/32 dst 10.9.2.1 dir in tmpl src 10.9.0.1 dst 10.9.0.2 proto esp reqid 7 mode tunnel
pings 100 0.02
check "selectors that do not mirror: policy-mismatch" wait_for 60 says policy-mismatch

SHORT=0x00001005
vm_sa b 10.9.0.1 10.9.0.2 $SHORT "$VM_KEY" limit packet-soft 10 limit packet-hard 25
vm_sa a 10.9.0.1 10.9.0.2 $SHORT
vm_sa_gone a 10.9.0.1 10.9.0.2 $LATE
# Packets that its policy refuses count too: it expires
pings 100 0.02
gone()
{
	known "$SHORT" false
}
check "an SA that expired here is unknown" wait_for 60 eval "pings 5 0.1; gone"
pings 60 0.02
check "and used on: invalid-spi" wait_for 60 says invalid-spi ".subject.spi == \"$SHORT\""
grep -v "INFO\|info" "$TMPDIR/agent.log" | tail -n 5
finish
