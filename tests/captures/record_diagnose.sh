#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# record_diagnose.sh - records what goes wrong, for the tests of the diagnosis: IKE and ESP of two strongSwan gateways
#
#   tests/captures/record_diagnose.sh [DIRECTORY [SCENARIO...]]     default: diagnose beside this script, all of them
#
# For each scenario NAME.pcap, taken at the router beside the left gateway, and NAME.txt: the lines of the left charon's log
# that tell of messages, retransmissions and states. Pings run all the time, so that time goes on in the capture when IKE
# is silent. Needs root, strongSwan, nftables, openssl and tcpdump; about four minutes.
# shellcheck disable=SC2317
export ESPIAL_TEST_ID=${ESPIAL_TEST_ID:-dgc}
here=$(readlink -f "${BASH_SOURCE[0]%/*}")
# shellcheck source=tests/lib.sh
. "$here/../lib.sh"
# shellcheck source=tests/lab/lab.sh
. "$here/../lab/lab.sh"
# shellcheck source=tests/lab/impair.sh
. "$here/../lab/impair.sh"
# shellcheck source=tests/lab/ipsec.sh
. "$here/../lab/ipsec.sh"

quick='retransmit_timeout = 0.4
retransmit_tries = 3'
# IKE, ESP in UDP, fragments of them, and the pings that are not encrypted
filter='udp port 500 or udp port 4500 or (udp and ip[6:2] & 0x1fff != 0) or icmp'

begin()
{
	lab_daemon_start left "$1" && lab_daemon_start right "$1" && lab_load left && lab_load right
}

up()
{
	lab_conn "${@:2}" && begin "$1" && lab_initiate
}

# initiate [NAME] [SECONDS]: without caring what becomes of it
initiate()
{
	lab_swanctl "${1:-left}" --initiate --child c --timeout "${2:-3}" >/dev/null 2>&1
}

rekey()
{
	lab_swanctl left --rekey --child c >/dev/null
}

# logged TEXT [N]: the left log has it N times
logged()
{
	[ "$(grep -c "$1" "$LAB_DIR/left/charon.log")" -ge "${2:-1}" ]
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
	local name names

	names=$(printf ',DNS:gateway-%03d.example.org' {1..150})
	lab_conn options='fragmentation = no'
	(
		cd "$LAB_DIR" || exit
		openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=ca -keyout ca.key -out ca.pem
		for name in left right; do
			openssl req -newkey rsa:2048 -nodes -subj "/CN=$name" -keyout "$name/private/$name.pem" -out "$name.req"
			openssl x509 -req -in "$name.req" -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -out "$name/x509/$name.pem" \
				-extfile <(echo "subjectAltName=DNS:$name$names")
			cp ca.pem "$name/x509ca/"
			sed -i -e 's/auth = psk/auth = pubkey/' -e "0,/auth = pubkey/s//&\ncerts = $name.pem/" "$name/swanctl.conf"
		done
	) 2>/dev/null
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
	grep -E "(received )?retransmit (of|[0-9]+ of) request|giving up|timed out|(generating|parsed) [A-Z_0-9]+ (request|response)|IKE_SA .*established|IKE_SA deleted|behind NAT" \
		"$LAB_DIR/left/charon.log" | sed -E "s/^([^ ]{12}) ?[0-9]*(\[[A-Z]+\])? ?/\1 /; s/ \[.*//; s/ between.*//" >"$out/$1.txt"
}

need_netns
[ -z "$(lab_ipsec_missing)" ] || skip_all "$(lab_ipsec_missing)"
mkdir -p "${1:-$here/diagnose}"
out=$(readlink -f "${1:-$here/diagnose}")
shift
# shellcheck disable=SC2046 # names without blanks
[ $# -gt 0 ] || set -- $(declare -F | sed -n 's/^declare -f scenario_//p')
for name; do
	# A subshell each: its traps take its laboratory down
	(
		_at_exit=()
		trap _run_at_exit EXIT
		record "$name"
	) || not_ok "$name" "was not recorded"
	echo "$name: $(stat -c %s "$out/$name.pcap") bytes"
done
finish
