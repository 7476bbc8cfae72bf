# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vm/lib.sh - for jobs in the guest: two hosts, ESP of the kernel between them, and xfrm_watch on one
# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh"

WATCH=$ESPIAL_BUILD/test/vm/xfrm_watch
watch_pid=''

# vm_modules MODULE...: what the kernel would load by itself, or not in a namespace
vm_modules()
{
	local module

	for module in "$@"; do
		modprobe "$module" 2>/dev/null || echo "no module $module"
	done
}

nsq()
{
	ip netns exec "$NS_PREFIX$1" "${@:2}"
}

# vm_pair: a: a0 10.9.0.1, 10.9.1.1 on lo --- b: b0 10.9.0.2, 10.9.2.1 on lo
vm_pair()
{
	local name

	for name in a b; do
		ip netns add "$NS_PREFIX$name"
		nsq $name sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 net.ipv4.icmp_ratelimit=0
		ip -n "$NS_PREFIX$name" link set lo up
	done
	ip link add a0 netns "${NS_PREFIX}a" type veth peer name b0 netns "${NS_PREFIX}b"
	ip -n "${NS_PREFIX}a" addr add 10.9.0.1/24 dev a0
	ip -n "${NS_PREFIX}b" addr add 10.9.0.2/24 dev b0
	ip -n "${NS_PREFIX}a" addr add 10.9.1.1/32 dev lo
	ip -n "${NS_PREFIX}b" addr add 10.9.2.1/32 dev lo
	ip -n "${NS_PREFIX}a" link set a0 up
	ip -n "${NS_PREFIX}b" link set b0 up
	ip -n "${NS_PREFIX}a" route add 10.9.2.1 via 10.9.0.2 src 10.9.1.1
	ip -n "${NS_PREFIX}b" route add 10.9.1.1 via 10.9.0.1 src 10.9.2.1
}

# Null encryption, so that nothing is deferred to another CPU or a kernel thread: packets are checked in the order in which
# they come. The authentication is real.
VM_KEY=0x4b65794f66457370a1b2c3d4e5f60718293a4b5c6d7e8f900112233445566778

# vm_sa HOST SRC DST SPI [KEY [MORE...]]: tunnel mode, reqid 7, window 32
vm_sa()
{
	local host=$1 src=$2 dst=$3 spi=$4 key=${5:-$VM_KEY}

	shift 4
	[ $# = 0 ] || shift
	nsq "$host" ip xfrm state add src "$src" dst "$dst" proto esp spi "$spi" reqid 7 mode tunnel replay-window 32 \
		enc 'ecb(cipher_null)' '' auth-trunc 'hmac(sha256)' "$key" 128 "$@"
}

# vm_sa_gone HOST SRC DST SPI
vm_sa_gone()
{
	nsq "$1" ip xfrm state delete src "$2" dst "$3" proto esp spi "$4"
}

# vm_policies: all between the inner addresses by reqid 7
vm_policies()
{
	nsq a ip xfrm policy add src 10.9.1.1 dst 10.9.2.1 dir out tmpl src 10.9.0.1 dst 10.9.0.2 proto esp reqid 7 mode tunnel
	nsq a ip xfrm policy add src 10.9.2.1 dst 10.9.1.1 dir in tmpl src 10.9.0.2 dst 10.9.0.1 proto esp reqid 7 mode tunnel
	nsq b ip xfrm policy add src 10.9.2.1 dst 10.9.1.1 dir out tmpl src 10.9.0.2 dst 10.9.0.1 proto esp reqid 7 mode tunnel
	nsq b ip xfrm policy add src 10.9.1.1 dst 10.9.2.1 dir in tmpl src 10.9.0.1 dst 10.9.0.2 proto esp reqid 7 mode tunnel
}

# vm_esp: all of it, modules too: two hosts, policies, and an SA each way at both
# shellcheck disable=SC2034 # for the jobs
AB=0x00001001 BA=0x00002001
vm_esp()
{
	local host

	vm_modules veth xfrm_user esp4 authenc hmac sha256_generic crypto_null xfrm_algo
	vm_pair
	vm_policies
	for host in a b; do
		vm_sa $host 10.9.0.1 10.9.0.2 $AB
		vm_sa $host 10.9.0.2 10.9.0.1 $BA
	done
}

# watch_start HOST IFACE: xfrm_watch there, ready
# shellcheck disable=SC2034 # watch_pid is for the jobs
watch_start()
{
	local line

	coproc WATCHER { exec ip netns exec "$NS_PREFIX$1" "$WATCH" "$2" 2>"$TMPDIR/watch.log"; }
	watch_pid=$WATCHER_PID
	exec {watch_out}<&"${WATCHER[0]}" {watch_in}>&"${WATCHER[1]}"
	if ! read -r -t 300 -u "$watch_out" line || [ "$line" != ready ]; then
		not_ok "xfrm_watch starts" "got '${line:-}'; $(tail -n 3 "$TMPDIR/watch.log" | tr '\n' ' ')"
		watch_pid=''
	fi
}

# watch_ask COMMAND: the lines of the answer
watch_ask()
{
	local line

	echo "$1" >&"$watch_in"
	while read -r -t 300 -u "$watch_out" line && [ "$line" != . ]; do
		echo "$line"
	done
}

# watch_sa SPI: "known packets unknown grace duplicate too_old drops32 newcomer" of an inbound SA
watch_sa()
{
	watch_ask state | sed -n "s/^sa $1 in //p"
}

# kernel_sa SPI: "packets failed_window failed_replay failed_integrity soft"
kernel_sa()
{
	watch_ask kernel | sed -n "s/^kernel $1 50 [a-z-]* //p"
}

# field N of stdin's line
field()
{
	cut -d' ' -f"$1"
}

# xfrm_stat HOST NAME
# shellcheck disable=SC2016 # awk's
xfrm_stat()
{
	nsq "$1" awk -v n="$2" '$1 == n { print $2 }' /proc/net/xfrm_stat
}

known_is()
{
	[ "$(watch_sa "$1" | field 1)" = "$2" ]
}

# ---- the agent, and what it says is wrong

# vm_agent HOST IFACE: in the background until the job ends
vm_agent()
{
	vm_socket=$TMPDIR/agent.sock
	ip netns exec "$NS_PREFIX$1" "$ESPIAL" run -i "$2" --socket "$vm_socket" --journal none >"$TMPDIR/agent.log" 2>&1 &
	at_exit stop_process $!
	check "the agent is up" wait_for 300 diagnosis
}

# diagnosis [OPTION...]: what is raised, as JSON
diagnosis()
{
	"$ESPIAL" diagnose --json --socket "$vm_socket" "$@" 2>/dev/null
}

# says ID [FILTER]: the finding is raised, and that is true of it
says()
{
	diagnosis | jq -e --arg id "$1" "any(.[]; .id == \$id and .until == null and (.evidence | length) > 0 and (${2:-true}))"
}

# among REGEX [OPTION...]: which findings there are of those
among()
{
	diagnosis "${@:2}" | jq -r '.[].id' | grep -xE "$1" | sort -u | xargs
}
