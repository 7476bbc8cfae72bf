#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# record_diagnose.sh - records what goes wrong, for the tests of the diagnosis: IKE and ESP of two strongSwan gateways
#
#   tests/captures/record_diagnose.sh [DIRECTORY [SCENARIO...]]     default: diagnose beside this script, all of them
#
# For each scenario NAME.pcap, taken at the router beside the left gateway, and NAME.txt: the lines of the left charon's log
# that tell of messages, retransmissions and states. Pings run all the time, so that time goes on in the capture when IKE
# is silent. Needs root, strongSwan, nftables, openssl, tcpdump and python3; about 15 minutes.
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

# damage WHAT...: what the right gateway says to the left one on UDP 4500 comes with a length that cannot be
damage()
{
	_lab_table
	ns isp nft add rule ip lab do_lose "ip saddr $LAB_RIGHT udp sport 4500 @th,64,32 0 $* @th,336,16 set 0xffff udp checksum set 0"
}

scenario_damaged()
{
	lab_conn
	begin "$quick"
	damage
	initiate left 6
	wait_for 10 logged 'giving up'
}

scenario_damaged_once()
{
	lab_conn
	begin "$quick"
	damage numgen inc mod 1000 0
	initiate left 6
	sleep 5
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

# ---- it is up, and the path is not what it should be

# The right gateway is more than a second away, or less
slow()
{
	lab_delay "$1" && up '' options='dpd_delay = 1s' || return
	stop_process "$pings" # DPD asks only when ESP is silent
	sleep 6
}

scenario_slow()
{
	slow 1200
}

scenario_slow_less()
{
	slow 700
}

# A second way from the router to the left gateway, with one hop more; the first packets take the short one
detour()
{
	ns_add detour && ns_link isp d0 detour e0 && ns_link detour e1 isp d1 || return
	ns detour sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.e0.rp_filter=0
	ns isp sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.d1.rp_filter=0
	ip -n "${NS_PREFIX}isp" addr add 10.3.0.1/24 dev d0
	ip -n "${NS_PREFIX}isp" addr add 10.4.0.1/24 dev d1
	ip -n "${NS_PREFIX}detour" addr add 10.3.0.2/24 dev e0
	ip -n "${NS_PREFIX}detour" addr add 10.4.0.2/24 dev e1
	ip -n "${NS_PREFIX}detour" route add default via 10.4.0.1
	ip -n "${NS_PREFIX}isp" route add 10.1.0.0/24 dev il table 7
	ip -n "${NS_PREFIX}isp" rule add iif d1 table 7
	up '' || return
	stop_process "$pings"
	small_pings 110 0.02
}

# small_pings COUNT INTERVAL
small_pings()
{
	ns left ping -q -c "$1" -i "$2" -s 8 -I "$LAB_LEFT_INNER" "$LAB_RIGHT_INNER" >/dev/null
}

way()
{
	ip -n "${NS_PREFIX}isp" route "$1" "$LAB_LEFT" via 10.3.0.2
}

# Each packet of the right gateway takes the other way, for 45 seconds
scenario_ways()
{
	local i

	detour || return
	for i in {1..50}; do
		way add
		small_pings 1 1
		sleep 0.4
		way del
		small_pings 1 1
		sleep 0.4
	done
}

# The path changes once, and back, and is as it was for the rest
scenario_ways_once()
{
	local i

	detour || return
	for i in {1..40}; do
		[ "$i" != 10 ] || way add
		[ "$i" != 20 ] || way del
		small_pings 2 0.2
		sleep 0.8
	done
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
