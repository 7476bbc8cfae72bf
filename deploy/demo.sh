#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# demo.sh - two strongSwan gateways and a router in network namespaces, losses on purpose, and what espial saw of it
#
# `make demo`. Touches nothing outside its namespaces and a directory in /tmp, and removes both, also on Ctrl-C.
set -u
lab=$(dirname "$(readlink -f "$0")")/../tests/lab
espial=${ESPIAL:-$(dirname "$lab")/../build/espial}
# shellcheck source=tests/lab/base.sh
. "$lab/base.sh"
# shellcheck source=tests/lab/lab.sh
. "$lab/lab.sh"
# shellcheck source=tests/lab/ipsec.sh
. "$lab/ipsec.sh"
# shellcheck source=tests/lab/impair.sh
. "$lab/impair.sh"

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$'\e[1m' plain=$'\e[0m'
else
	bold='' plain=''
fi

step()
{
	printf '\n%s* %s%s\n' "$bold" "$*" "$plain"
}

tell()
{
	printf '  %s\n' "$*"
}

fail()
{
	printf 'demo: %s\n' "$1" >&2
	[ -z "${2:-}" ] || sed 's/^/  | /' "$2" >&2
	exit 1
}

show()
{
	local status

	printf '\n%s$ espial %s%s\n' "$bold" "$*" "$plain"
	"$espial" "$@"
	status=$?
	[ $status -lt 2 ] || fail "espial $1 ended with status $status"
}

agent_answers()
{
	! is_running "$agent" || "$espial" status --socket "$socket"
}

ping_both()
{
	local left right

	left=$(lab_ping left "$1")
	right=$(lab_ping right "$1")
	tell "pings left to right: ${left% *} sent, ${left#* } answered; right to left: ${right% *} sent, ${right#* } answered"
}

# speed SECONDS
speed()
{
	local server

	ns_spawn right "$LAB_DIR/iperf.log" iperf3 -s -1 -B "$LAB_RIGHT_INNER"
	server=$SPAWNED
	wait_for 5 ns right sh -c "ss -ltn | grep -q :5201"
	ns left iperf3 -c "$LAB_RIGHT_INNER" -B "$LAB_LEFT_INNER" -t "$1" -b 20M --bidir 2>&1 |
		awk -v t="$1" '/receiver/ { rate[++n] = $(NF - 2) " " $(NF - 1) }
			END { printf "  iperf3: %s one way, %s the other, for %d s\n", rate[1], rate[2], t }'
	stop_process "$server"
}

[ "$(id -u)" = 0 ] || fail "needs root, for network namespaces: sudo $0"
[ -x "$espial" ] || fail "$espial is not there: run make first"
missing=$(lab_ipsec_missing)
[ -z "$missing" ] || fail "$missing: run make deps"
SECONDS=0

step "A router between two gateways: left $LAB_LEFT (l0) - isp - (r0) $LAB_RIGHT right"
lab_up || fail "the network namespaces do not come up"

step "espial watches interface l0 of the left gateway, from the packets alone"
socket=$LAB_DIR/espial.sock
# shellcheck disable=SC2016 # the inner shell's
ns_spawn left "$LAB_DIR/agent.log" sh -c 'mount -t bpf none /sys/fs/bpf; exec "$0" "$@"' "$espial" run -i l0 --socket "$socket" \
	--journal "$LAB_DIR/journal.db" --vici "$LAB_DIR/left/vici"
agent=$SPAWNED
at_exit stop_process "$agent"
wait_for 20 agent_answers
is_running "$agent" || fail "the agent does not run" "$LAB_DIR/agent.log"
sed 's/^/  /' "$LAB_DIR/agent.log"
lab_capture_start "$LAB_DIR/demo.pcap" left l0 || fail "tcpdump does not start" "$LAB_DIR/demo.pcap.log"

step "strongSwan brings up a tunnel between 192.168.1.0/24 and 192.168.2.0/24 (IKEv2, ESP in UDP)"
# shellcheck disable=SC2119 # the defaults
lab_tunnel || fail "the tunnel does not come up" "$LAB_DIR/left/charon.log"
lab_spis left | while read -r direction spi; do tell "left has SA $spi $direction"; done

step "Traffic both ways on a good network"
ping_both 300
speed 2

step "Now the router drops each 20th ESP packet to the left gateway, and sends each 50th twice"
lab_impair lose left 20
lab_impair dup left 50
ping_both 500
dropped=$(lab_impaired lose left) twice=$(lab_impaired dup left)
tell "the router: $dropped dropped, $twice sent twice"
lab_clear

# A gap counts as lost once the shadow window (2048 numbers) has moved past it: until then what is missing may be just late
step "The network is good again"
speed 2

step "The tunnel is rekeyed: new SPIs, same tunnel"
lab_rekey || fail "no rekey" "$LAB_DIR/left/charon.log"
lab_spis left | while read -r direction spi; do tell "left has SA $spi $direction"; done
ping_both 200

step "The provider changes a link: from now on only 1400 bytes pass the router"
ip -n "${NS_PREFIX}isp" link set ir mtu 1400
ip -n "${NS_PREFIX}right" link set r0 mtu 1400
tell "$(ns left ping -q -c 10 -i 0.05 -W 1 -s 1320 -I "$LAB_LEFT_INNER" "$LAB_RIGHT_INNER" |
	awk '/transmitted/ { print "pings of 1348 bytes left to right: " $1 " sent, " $4 " answered" }')"

step "What espial saw, live: LOST and DUP are what the router did ($dropped and $twice), the old SAs are still there"
lab_capture_stop || fail "the capture is not whole" "$LAB_DIR/demo.pcap.log"
show status --socket "$socket"
show status interfaces --socket "$socket"

step "The tunnel over both SAs, named as strongSwan calls it"
show status tunnels --socket "$socket"

step "What is wrong, why, and what to do"
show diagnose --socket "$socket"

step "How the tunnel came up, was rekeyed, and what the router says of the MTU: kept on disk"
show journal --file "$LAB_DIR/journal.db"

step "The same from a capture of the same traffic, offline and without privileges"
show read "$LAB_DIR/demo.pcap"

step "Done in $SECONDS s; everything is removed now"
