# shellcheck shell=bash disable=SC2317 # functions that wait_for calls
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ESP that GRO takes before generic XDP: said to be not observable, the kernel's counters stand for it, nothing counts twice.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
vm_modules veth xfrm_user esp4 esp4_offload authenc hmac sha256_generic crypto_null xfrm_algo
vm_pair
vm_policies
AB=0x00001001 BA=0x00002001
# gro 0|1: on b0, which veth then receives through NAPI; `ethtool -K b0 gro` where that is not installed
gro()
{
	nsq b python3 -c '
import array, fcntl, socket, struct, sys
value = array.array("I", [0x2c, int(sys.argv[1])])  # ETHTOOL_SGRO
request = struct.pack("16sP", b"b0", value.buffer_info()[0])
fcntl.ioctl(socket.socket(), 0x8946, request)  # SIOCETHTOOL
' "$1"
}
check "GRO is on" gro 1
SOCKET=$TMPDIR/espial.sock
nsq b "$ESPIAL" run -i b0 --xdp-mode generic --socket "$SOCKET" --journal none >"$TMPDIR/agent.log" 2>&1 &
agent=$!
answers()
{
	"$ESPIAL" status --socket "$SOCKET" >/dev/null 2>&1
}
check "the agent starts" wait_for 60 answers
for host in a b; do
	vm_sa $host 10.9.0.1 10.9.0.2 $AB
	vm_sa $host 10.9.0.2 10.9.0.1 $BA
done

# asked FILTER: of the state
asked()
{
	"$ESPIAL" status --json --socket "$SOCKET" | jq -c "$1"
}
hidden_is()
{
	[ "$(asked '[.not_observable[] | [.direction, .spi, .reason]]')" = "$1" ]
}
counters_are()
{
	[ "$(asked '[.tunnels[0].in.packets, .tunnels[0].out.packets, .tunnels[0].in.lost]')" = "$1" ]
}

nsq a ping -c 60 -i 0.02 -W 1 -q 10.9.2.1 | grep transmitted
check "what comes in is not observable, because of GRO" wait_for 60 hidden_is "[[\"in\",\"$AB\",\"gro\"]]"
check "the kernel's packets are the tunnel's, and none is lost" wait_for 30 counters_are '[60,60,0]'
nsq a ping -c 60 -i 0.02 -W 1 -q 10.9.2.1 | grep transmitted
check "they go on" wait_for 60 counters_are '[120,120,0]'
matches "people are told what to do" "$("$ESPIAL" status sas --socket "$SOCKET" | tr '\n' ' ')" 'attach native XDP, or unload the module'

# Without GRO the hook sees them: from then on they are its own, each once.
check "GRO is off" gro 0
nsq a ping -c 60 -i 0.02 -W 1 -q 10.9.2.1 | grep transmitted
check "without GRO all is seen again" wait_for 60 hidden_is '[]'
nsq a ping -c 60 -i 0.02 -W 1 -q 10.9.2.1 | grep transmitted
check "and each packet was counted once" wait_for 60 counters_are '[240,240,0]'
kill $agent
wait $agent 2>/dev/null
finish
