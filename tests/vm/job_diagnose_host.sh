# shellcheck shell=bash disable=SC2317 # functions that wait_for calls
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the agent says of a gateway of the kernel's: numbers that run out, or begin anew, and packets that the path doubles or marks;
# what is decrypted and then dropped; and a CPU that has all it can do, and then more.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need_cmd jq nft taskset
vm_modules veth xfrm_user esp4 authenc authencesn hmac sha256_generic crypto_null xfrm_algo sch_netem nf_tables
vm_pair
vm_policies
AB=0x00001001 BA=0x00002001 RISING=0x00001002
MINE='sequence-.*|duplicate-packets|congestion-marked|decrypted-dropped|gateway-.*'
# Extended numbers that begin where those of 32 bits nearly end
for host in a b; do
	vm_sa $host 10.9.0.1 10.9.0.2 $AB "$VM_KEY" flag esn replay-oseq 0xfff00000
	vm_sa $host 10.9.0.2 10.9.0.1 $BA
done
# The second CPU is left to what comes in: all that is started here runs on the first
taskset -p 1 $$ >/dev/null
vm_agent b b0
pinging=''
# pings OPTIONS...: until pings_end
pings()
{
	ip netns exec "${NS_PREFIX}a" ping -q -W 1 "$@" 10.9.2.1 >"$TMPDIR/ping" 2>&1 &
	pinging=$!
	at_exit stop_process $pinging
}
pings_end()
{
	stop_process $pinging INT
	grep transmitted "$TMPDIR/ping"
}
# passed PACKETS: that many of the first SA
passed()
{
	"$ESPIAL" status --json --socket "$vm_socket" | jq -e --arg spi "$AB" "any(.sas[]; .spi == \$spi and .packets >= $1)"
}

pings -i 0.005
check "traffic, by extended numbers that begin late" wait_for 300 passed 4000
is "nothing is wrong" "$(among "$MINE")" ''

# ---- numbers, copies and marks

vm_sa b 10.9.0.1 10.9.0.2 $RISING
vm_sa a 10.9.0.1 10.9.0.2 $RISING "$VM_KEY" replay-oseq 0xfff00000
vm_sa_gone a 10.9.0.1 10.9.0.2 $AB
is "an SA in place of another: none is used again" "$(among "$MINE")" ''
check "numbers of 32 bits: sequence-exhaustion" wait_for 300 says sequence-exhaustion ".subject.spi == \"$RISING\" and .confidence == \"certain\""
is "and only that" "$(among "$MINE")" sequence-exhaustion
pings_end
nsq a tc qdisc add dev a0 root netem loss 20% ecn duplicate 10%
pings -i 0.005 -Q 2
check "the path doubles: duplicate-packets" wait_for 300 says duplicate-packets
check "the path marks what can be marked: congestion-marked" wait_for 300 says congestion-marked
is "none of our own is used again" "$(among sequence-reused)" ''
nsq a tc qdisc del dev a0 root
vm_sa_gone b 10.9.0.2 10.9.0.1 $BA
vm_sa b 10.9.0.2 10.9.0.1 $BA
check "our SA is made again as it was: sequence-reused" wait_for 300 says sequence-reused ".subject.spi == \"$BA\""
pings_end
# The peer drops these as replayed: others for what follows
for host in a b; do
	vm_sa $host 10.9.0.2 10.9.0.1 0x00002002
	vm_sa_gone $host 10.9.0.2 10.9.0.1 $BA
done

# ---- decrypted, then dropped

nsq b nft -f - <<-END
table ip f {
  chain i {
    type filter hook input priority 0
    ip saddr 10.9.0.1 ip protocol icmp drop
  }
}
END
nsq a ping -q -c 100 -i 0.01 -W 1 10.9.0.2 | grep transmitted
drops()
{
	"$ESPIAL" status --json --socket "$vm_socket" | jq "[.host.drops[] | select(.packet == \"inner\" and .reason == \"$1\") | .packets] | add // 0"
}
dropped()
{
	[ "$(drops "$1")" -ge "$2" ]
}
is "the firewall drops what never was in a tunnel: no decrypted-dropped" "$(among decrypted-dropped) $(drops NETFILTER_DROP)" ' 0'
nsq b nft add rule ip f i ip saddr 10.9.1.1 drop
nsq a ping -q -c 100 -i 0.01 -W 1 10.9.2.1 | grep transmitted
check "the firewall drops what was: the kernel says so" wait_for 300 dropped NETFILTER_DROP 100
check "decrypted-dropped" wait_for 300 says decrypted-dropped '.severity == "warning" and (.meaning | test("by a firewall rule"))'
nsq b nft flush ruleset
nsq a ip xfrm policy add src 10.9.1.1 dst 10.9.3.0/24 dir out tmpl src 10.9.0.1 dst 10.9.0.2 proto esp reqid 7 mode tunnel
nsq a ip route add 10.9.3.0/24 via 10.9.0.2 src 10.9.1.1
nsq a ping -q -c 100 -i 0.01 -W 1 10.9.3.1 | grep transmitted
check "forwarding is off: the kernel says so" wait_for 300 dropped IP_INADDRERRORS 100
check "which is certain: critical" wait_for 300 says decrypted-dropped '.severity == "critical" and (.meaning | test("forwarding is off"))'

# ---- a CPU that has all it can do

is "the CPUs have time" "$(among 'gateway-.*' --since '1 hour ago')" ''
nsq b sh -c 'echo 2 >/sys/class/net/b0/queues/rx-0/rps_cpus'
# A long firewall, on the second CPU; never more under way than its queue takes
{
	echo 'table ip f {'
	echo '  chain p {'
	echo '    type filter hook prerouting priority 0'
	for ((i = 0; i < 10000; i++)); do
		echo "    ip saddr 172.16.$((i / 250)).$((i % 250)) drop"
	done
	printf '  }\n}\n'
} | nsq b nft -f -
pings -f -l 100
check "one CPU is busy with packets: gateway-capacity" wait_for 300 says gateway-capacity '.severity == "warning"'
is "and drops none" "$(among 'gateway-.*')" gateway-capacity
# More than it can take, by a sender that waits for nothing
sysctl -qw net.core.netdev_max_backlog=10
ip netns exec "${NS_PREFIX}a" python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.9.1.1", 0))
while True:
    s.sendto(bytes(100), ("10.9.2.1", 9))' &
sender=$!
at_exit stop_process $sender KILL
check "its queue is full: gateway-overloaded" wait_for 300 says gateway-overloaded
check "which explains the other" wait_for 300 eval "[ \"\$(among 'gateway-.*')\" = gateway-overloaded ]"
stop_process $sender KILL
pings_end
grep -v "INFO\|info" "$TMPDIR/agent.log" | tail -n 5
finish
