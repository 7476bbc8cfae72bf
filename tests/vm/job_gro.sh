# shellcheck shell=bash disable=SC2317 # functions that wait_for calls
# SPDX-License-Identifier: GPL-2.0-or-later
#
# esp4_offload brings GRO of ESP, which decrypts packets before tc ingress: what each hook then sees, what is said of it, and
# that nothing is counted twice. Generic XDP on the device itself keeps its packets from GRO (netif_elide_gro()), native XDP is
# before it.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need_cmd jq ethtool
vm_modules esp4_offload
vm_esp
[ -e /sys/module/esp4_offload ] || skip_all "this kernel has no esp4_offload"
# veth gives to GRO only what comes from a device that does not segment (veth_skb_is_eligible_for_gro())
gro_on()
{
	nsq a ethtool -K a0 tso off >/dev/null && nsq b ethtool -K b0 gro on >/dev/null
}
check "GRO on the receiving device" gro_on || finish

socket=$TMPDIR/agent.sock log=$TMPDIR/agent.log
status()
{
	"$ESPIAL" status --json --socket "$socket" >"$TMPDIR/state.json" 2>/dev/null
}
asked()
{
	jq -c "$1" "$TMPDIR/state.json"
}
shows()
{
	status && [ "$(asked "$1")" = "$2" ]
}
agent_up()
{
	ip netns exec "${NS_PREFIX}b" "$ESPIAL" run -i b0 --xdp-mode "$1" --journal none --socket "$socket" >"$log" 2>&1 &
	agent=$!
	at_exit stop_process "$agent"
	check "the agent runs with $1" wait_for 300 status
}
agent_down()
{
	stop_process "$agent"
	rm -f "$socket"
}
# Packets of the kernel's SA that came in
kernel_packets()
{
	nsq b ip -s xfrm state list spi "$1" | sed -n 's/.*bytes), \([0-9]*\)(packets).*/\1/p' | tail -n 1
}
pings()
{
	nsq a ping -c "$1" -i 0.02 -W 2 -q 10.9.2.1 | grep transmitted
}
IN='[.tunnels[] | select(.state != "down")][0].in'

# ---- tc ingress: blind. The kernel's own counters stand for what is not seen, once.

agent_up off
hook=$(asked '.interfaces[0].ingress')
matches "it is on tc ($hook)" "$hook" 'tcx|clsact'
is "it says that the module is there" "$(asked '[.host.esp4_offload, .host.esp6_offload]')" "[true,false]"
before=$(kernel_packets $AB)
pings 100
is "the kernel has decrypted them" $(($(kernel_packets $AB) - before)) 100
# It reads the kernel's counters every ten seconds
check "the SA is said not to be observable" wait_for 300 shows \
	"[.not_observable[] | select(.spi == \"$AB\") | [.direction, .reason, .packets >= 100]]" '[["in","gro",true]]'
is "no ESP came past the hook" "$(asked '.interfaces[0].in.class.esp')" 0
check "what was in it did, decrypted" test "$(asked '.interfaces[0].in.class.other')" -ge 100
is "the tunnel has each packet once, and no loss" "$(asked "$IN | [.packets, .lost]")" "[100,0]"
matches "the remedy is named" "$("$ESPIAL" status sas --socket "$socket")" 'attach XDP to the device'
before=$(asked "$IN.packets")
pings 50
check "and goes on so" wait_for 300 shows "$IN.packets" $((before + 50))
agent_down

# ---- generic XDP on the device: no GRO there, so all is seen, and what was decrypted a second time

agent_up generic
is "it is generic XDP" "$(asked '.interfaces[0].ingress')" '"xdp generic"'
pings 100
check "ESP is seen" wait_for 300 shows '.interfaces[0].in.class.esp' 100
is "and what was in it, too" "$(asked '.interfaces[0].in.class.other >= 100')" true
check "the tunnel has each packet once" wait_for 300 shows "$IN | [.packets, .lost]" '[100,0]'
sleep 12 # a whole dump of the kernel's counters
status
is "also when the kernel's counters are known" "$(asked "$IN.packets")" 100
is "nothing is hidden" "$(asked '.not_observable')" '[]'
agent_down

# ---- native XDP: before all of that

agent_up native
is "it is native XDP" "$(asked '.interfaces[0].ingress')" '"xdp native"'
pings 100
check "ESP is seen by native XDP" wait_for 300 shows '.interfaces[0].in.class.esp' 100
is "and what was in it is not" "$(asked '.interfaces[0].in.class.other < 50')" true
check "each packet once" wait_for 300 shows "$IN | [.packets, .lost]" '[100,0]'
is "nothing is hidden from it" "$(asked '.not_observable')" '[]'
agent_down
finish
