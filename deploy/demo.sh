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
ns_spawn left "$LAB_DIR/agent.log" sh -c 'mount -t bpf none /sys/fs/bpf; exec "$0" "$@"' "$espial" run -i l0 --socket "$socket"
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
ns right iperf3 -s -1 -D -B "$LAB_RIGHT_INNER" >/dev/null
wait_for 5 ns right sh -c "ss -ltn | grep -q 5201"
ns left iperf3 -c "$LAB_RIGHT_INNER" -B "$LAB_LEFT_INNER" -t 3 -b 20M --bidir 2>&1 |
	awk '/receiver/ { rate[++n] = $(NF - 2) " " $(NF - 1) } END { printf "  iperf3: %s one way, %s the other, for 3 s\n", rate[1], rate[2] }'

step "Now the router drops each 20th ESP packet to the left gateway, and sends each 50th twice"
lab_impair lose left 20
lab_impair dup left 50
ping_both 500
tell "the router: $(lab_impaired lose left) dropped, $(lab_impaired dup left) sent twice"
lab_clear

step "The network is good again; the tunnel is rekeyed: new SPIs, same tunnel"
lab_rekey || fail "no rekey" "$LAB_DIR/left/charon.log"
lab_spis left | while read -r direction spi; do tell "left has SA $spi $direction"; done
ping_both 200

step "What espial saw, live (the old SAs too): lost and duplicate are the router's numbers"
lab_capture_stop || fail "the capture is not whole" "$LAB_DIR/demo.pcap.log"
show status sas --socket "$socket"
show status --socket "$socket"

step "The same from a capture of the same traffic, offline and without privileges"
show read "$LAB_DIR/demo.pcap"

step "Done in $SECONDS s; everything is removed now"
