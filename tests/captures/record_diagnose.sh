#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# record_diagnose.sh - records what goes wrong, for the tests of the diagnosis: IKE and ESP of two strongSwan gateways
#
#   tests/captures/record_diagnose.sh [DIRECTORY [SCENARIO...]]     default: diagnose beside this script, all of them
#
# For each scenario NAME.pcap, taken at the router beside the left gateway, and NAME.txt: the lines of the left charon's log
# that tell of messages, retransmissions and states. Pings run all the time, so that time goes on in the capture when IKE
# is silent. Needs root, strongSwan, nftables, openssl and tcpdump; about ten minutes.
# shellcheck disable=SC2317
export ESPIAL_TEST_ID=${ESPIAL_TEST_ID:-dgc}
here=$(readlink -f "${BASH_SOURCE[0]%/*}")
# shellcheck source=tests/lab/record.sh
. "$here/../lab/record.sh"
# IKE, ESP in UDP, fragments of them, and the pings that are not encrypted
filter='udp port 500 or udp port 4500 or (udp and ip[6:2] & 0x1fff != 0) or icmp'

# initiate [NAME] [SECONDS]: without caring what becomes of it
initiate()
{
	lab_swanctl "${1:-left}" --initiate --child c --timeout "${2:-3}" >/dev/null 2>&1
}

rekey()
{
	lab_swanctl left --rekey --child c >/dev/null
}

kill_right()
{
	lab_daemon_stop right KILL
}

restart_right()
{
	kill_right
	lab_daemon_start right "$quick" && lab_load right
}

# ---- nothing is wrong

scenario_healthy()
{
	up '' options='dpd_delay = 1s' || return
	sleep 3
	rekey
	sleep 2
	lab_swanctl left --rekey --ike t >/dev/null
	sleep 3
	lab_swanctl right --rekey --child c >/dev/null
	sleep 3
}

# Reauthentication breaks before it makes: the left end deletes, and begins anew at once
scenario_reauth()
{
	up '' options=$'reauth_time = 4s\nover_time = 1s\nrekey_time = 0\ndpd_delay = 1s' && sleep 11
}

# Both child and IKE SA are replaced time and again, by either end, with traffic both ways
scenario_rekeys()
{
	up '' child='rekey_time = 4s' options=$'dpd_delay = 1s\nrekey_time = 15s\nover_time = 5s' || return
	ns_spawn right "$LAB_DIR/back" ping -q -i 0.2 -I "$LAB_RIGHT_INNER" "$LAB_LEFT_INNER"
	at_exit stop_process "$SPAWNED"
	sleep 90
}

# ---- it never comes up

scenario_nobody()
{
	lab_conn && lab_daemon_start left "$quick" && lab_load left
	initiate left 5
	wait_for 10 logged 'giving up'
}

scenario_selectors()
{
	lab_conn
	sed -i 's/local_ts = 192.168.2.0/local_ts = 192.168.9.0/' "$LAB_DIR/right/swanctl.conf"
	begin "$quick"
	initiate
	sleep 3
}

scenario_fragments()
{
	lab_conn options='fragmentation = no'
	certificates
	begin "$quick"
	_lab_table
	ns isp nft add rule ip lab do_lose 'ip frag-off & 0x1fff != 0' drop
	initiate left 6
	wait_for 10 logged 'giving up'
}

# One speaks version 2, the other 1, and both try
scenario_versions()
{
	lab_conn version=2 right_version=1
	begin "$quick"
	initiate left
	initiate right
	initiate left
	initiate right
}

# The right one's IKE_SA_INIT offers first what the left one refuses, time and again
scenario_groups()
{
	local i

	lab_conn ike=aes128-sha256-x25519-ecp256 right_ike=aes128-sha256-ecp256
	begin "$quick"
	for i in 1 2 3 4; do
		initiate left
		sleep 1
		lab_swanctl left --terminate --ike t --timeout 3 >/dev/null 2>&1
	done
}

# Wrong at first, and mended
scenario_mended()
{
	lab_conn right_psk=wrong
	begin "$quick"
	initiate
	sleep 2
	initiate
	sleep 2
	sed -i 's/wrong/topsecret/' "$LAB_DIR/right/swanctl.conf"
	lab_load right
	initiate
	sleep 15
}

# One end speaks IKEv1 alone, the other begins with IKEv2 and takes both: it comes up only when the first one begins
scenario_one_side()
{
	lab_conn version=1 right_version=0
	begin "$quick"
	initiate right
	initiate left
	sleep 2
	lab_swanctl left --terminate --ike t --timeout 3 >/dev/null 2>&1
	sleep 1
	initiate right
	sleep 1
	initiate right
	sleep 3
}

# ---- it is up, and traffic does not pass

# What the right gateway encrypts is lost on the way; IKE is not
scenario_one_way_out()
{
	up "$quick" && sleep 5
	_lab_table
	ns isp nft add rule ip lab do_lose 'ip saddr 10.2.0.2 udp sport 4500 @th,64,32 != 0' drop
	sleep 100
}

# The left gateway gets all and sends nothing
scenario_one_way_in()
{
	up "$quick" && sleep 5
	ns left nft 'add table ip lab; add chain ip lab out { type filter hook output priority 0; }; add rule ip lab out oifname l0 udp sport 4500 @th,64,32 != 0 drop'
	ns_spawn right "$LAB_DIR/back" ping -q -i 0.5 -I "$LAB_RIGHT_INNER" "$LAB_LEFT_INNER"
	at_exit stop_process "$SPAWNED"
	sleep 100
}

# ---- it falls

# The right gateway dies and stays dead
scenario_dead()
{
	up "$quick" options='dpd_delay = 1s' && sleep 3
	kill_right
	wait_for 15 logged 'giving up'
	sleep 65
}

# Only IKE is lost: ESP goes on both ways
scenario_ike_only()
{
	up "$quick" options='dpd_delay = 1s' && sleep 3
	_lab_table
	ns isp nft add rule ip lab do_lose 'udp dport 4500 @th,64,32 0' drop
	rekey & # DPD asks only when ESP is silent
	wait_for 15 logged 'giving up'
	wait $!
	sleep 3
}

# The right gateway loses everything and begins anew by itself
scenario_forgot()
{
	up "$quick" && sleep 3
	restart_right
	initiate right
	sleep 130
}

scenario_deleted()
{
	up "$quick" options='dpd_delay = 1s' && sleep 4
	lab_swanctl right --terminate --ike t --timeout 5 >/dev/null 2>&1
	sleep 15
}

# And begun anew before long
scenario_deleted_back()
{
	scenario_deleted
	initiate
	sleep 20
}

scenario_rekey_v2()
{
	up "$quick" esp=aes128gcm16-ecp256 right_esp=aes128gcm16-x25519 && sleep 2
	rekey
	sleep 3
	rekey
	sleep 3
}

scenario_rekey_v1()
{
	up "$quick" version=1 esp=aes128-sha256-modp2048 right_esp=aes128-sha256-modp2048 && sleep 2
	sed -i 's/aes128-sha256-modp2048/aes128-sha256-modp3072/' "$LAB_DIR/right/swanctl.conf"
	lab_load right
	rekey
	sleep 3
	initiate # charon asks once, others go on asking
	sleep 3
}

# The right gateway is killed again and again; the left one begins anew each time
scenario_flaps()
{
	local i

	up "$quick" options='dpd_delay = 1s' child='dpd_action = restart'
	for i in 1 2 3 4; do
		sleep 2
		restart_right
		wait_for 20 logged 'IKE_SA .*established' $((i + 1))
	done
	sleep 3
}

record()
{
	lab_up || return 1
	lab_capture_start "$LAB_DIR/c.pcap" isp il "$filter" || return 1
	ns_spawn left "$LAB_DIR/ping" ping -q -i 0.5 -I "$LAB_LEFT_INNER" "$LAB_RIGHT_INNER"
	pings=$SPAWNED
	at_exit stop_process "$pings"
	"scenario_$1"
	stop_process "$pings"
	lab_capture_stop
	cp "$LAB_DIR/c.pcap" "$out/$1.pcap"
	record_log left "$1"
}

record_scenarios "$here/diagnose" "$@"
