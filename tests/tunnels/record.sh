#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# record.sh - records the tunnels in this directory from two strongSwan gateways: IKE and ESP, and what was true of them
#
#   tests/tunnels/record.sh [DIRECTORY [SCENARIO...]]     default: beside this script, all of them
#
# For each scenario NAME.pcap (taken at the router beside the left gateway) and NAME.txt: the lines of the
# left charon's log that tell of IKE SAs, child SAs and retransmissions, and the SPIs that were installed at the end. A ping outside
# of the tunnel brings time on when nothing else does. Needs root, strongSwan, nftables and tcpdump; about two minutes.
# shellcheck disable=SC2317
export ESPIAL_TEST_ID=${ESPIAL_TEST_ID:-tun}
here=$(readlink -f "${BASH_SOURCE[0]%/*}")
# shellcheck source=tests/lab/record.sh
. "$here/../lab/record.sh"

# traffic NAME INTERVAL COMMAND...: a ping in the background, until the scenario ends
traffic()
{
	ns_spawn left "$LAB_DIR/ping.$1" ping -n -s 16 -i "$2" "${@:3}"
	at_exit stop_process "$SPAWNED"
	pings+=("$SPAWNED")
}

up()
{
	lab_conn "${@:2}" && begin "$1" && lab_initiate || return 1
	traffic in 0.1 -I 192.168.1.1 192.168.2.1
	traffic out 1 "$LAB_RIGHT"
	sleep 1
}

# Three child SAs after the first, an IKE SA in between
scenario_rekeys()
{
	up '' && lab_rekey && sleep 2 && lab_rekey && sleep 2
	lab_swanctl left --rekey --ike t >/dev/null
	sleep 2
	lab_rekey
	sleep 4
}

scenario_rekeys1()
{
	up '' version=1 && lab_rekey && sleep 4 && lab_rekey
	sleep 4
}

# The peer dies, is taken for dead, and comes back knowing nothing
scenario_restart()
{
	up "$quick" options=$'dpd_delay = 1s' child='dpd_action = restart'
	lab_daemon_stop right KILL
	wait_for 20 logged 'giving up'
	lab_daemon_start right "$quick" && lab_load right
	wait_for 20 lab_is_up
	sleep 4
}

# The peer deletes the IKE SA, and nobody begins anew
scenario_deleted()
{
	up '' options='dpd_delay = 30s'
	sleep 2
	lab_swanctl right --terminate --ike t --timeout 5 >/dev/null 2>&1
	sleep 15
}

# Both ends make child SAs at the same moments, whenever the old one expires
scenario_collide()
{
	up '' child='rekey_time = 4s
rand_time = 0'
	sleep 21
}

# No child SA but the first, which needs no group of its own: the groups differ
scenario_pfs()
{
	up "$quick" esp=aes128-sha256-x25519 right_esp=aes128-sha256-modp3072 child='rekey_time = 3s
life_time = 8s
rand_time = 0'
	sleep 75
}

record()
{
	pings=()
	lab_up || return 1
	lab_capture_start "$LAB_DIR/c.pcap" isp il 'udp or icmp' || return 1
	"scenario_$1"
	for pid in "${pings[@]}"; do
		stop_process "$pid"
	done
	lab_capture_stop
	cp "$LAB_DIR/c.pcap" "$out/$1.pcap"
	{
		grep -E "retransmit [0-9]+ of request|giving up|IKE_SA .*(established|deleted)|CHILD_SA .*established|received DELETE|NO_PROPOSAL|closing|no acceptable" \
			"$LAB_DIR/left/charon.log" | sed -E "s/^([^ ]{12}) ?[0-9]*(\[[A-Z]+\])? ?/\1 /"
		lab_spis left
	} >"$out/$1.txt"
}

record_scenarios "$here" "$@"
