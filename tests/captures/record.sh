#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# record.sh - records the IKE captures in this directory from two strongSwan gateways, and what their logs said
#
#   tests/captures/record.sh [DIRECTORY [SCENARIO...]]     default: beside this script, all of them
#
# For each scenario NAME.pcap (IKE only, taken at the router beside the left gateway) and NAME.txt: the lines of the left charon's
# log that tell of messages, retransmissions and states. Needs root, strongSwan, nftables and tcpdump; about two minutes.
# The scenarios are called by their names.
# shellcheck disable=SC2317
export ESPIAL_TEST_ID=${ESPIAL_TEST_ID:-ikc}
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

begin()
{
	lab_daemon_start left "$1" && lab_daemon_start right "$1" && lab_load left && lab_load right
}

up()
{
	lab_conn "${@:2}" && begin "$1" && lab_initiate
}

attempt()
{
	lab_conn "${@:2}" && begin "$1"
	lab_swanctl left --initiate --child c --timeout 6 >/dev/null 2>&1
}

terminate()
{
	lab_swanctl left --terminate --ike t --timeout 5 >/dev/null 2>&1
}

# The left log has the text N times
logged()
{
	[ "$(grep -c "$1" "$LAB_DIR/left/charon.log")" -ge "${2:-1}" ]
}

scenario_v2ok()
{
	up '' options='dpd_delay = 1s' && wait_for 8 logged 'parsed INFORMATIONAL response' 2
	terminate
}

scenario_v2psk()
{
	attempt '' right_psk=wrong
}

scenario_v2noprop()
{
	attempt '' right_ike=aes256-sha384-modp2048
}

scenario_v2ke()
{
	up '' ike=aes128-sha256-x25519-ecp256 right_ike=aes128-sha256-ecp256
}

scenario_v2dpd()
{
	up "$quick" options='dpd_delay = 1s' && wait_for 5 logged 'parsed INFORMATIONAL response' 1
	lab_block 500
	lab_block 4500
	wait_for 15 logged 'giving up'
}

scenario_v2natt()
{
	lab_block 4500
	attempt "$quick"
	wait_for 10 logged 'giving up'
}

scenario_v2rekey()
{
	up '' options='dpd_delay = 1s'
	lab_swanctl left --rekey --child c >/dev/null
	sleep 0.7
	lab_swanctl left --rekey --ike t >/dev/null
	sleep 2.5
	lab_swanctl right --rekey --ike t >/dev/null
	sleep 2.5
}

scenario_v2gcm()
{
	up '' ike=aes256gcm16-prfsha384-ecp384 options='dpd_delay = 1s' && wait_for 8 logged 'parsed INFORMATIONAL response' 1
	lab_swanctl left --rekey --child c >/dev/null
	sleep 1.5
	terminate
}

scenario_v2pfs()
{
	up '' esp=aes128gcm16-ecp256 right_esp=aes128gcm16-x25519
	lab_swanctl left --rekey --child c >/dev/null
	wait_for 5 logged 'no acceptable proposal\|NO_PROPOSAL_CHOSEN\|failed'
	sleep 0.5
}

scenario_v2frag()
{
	up "fragment_size = 300" ike=aes128-sha256-modp3072
}

scenario_v2kill()
{
	up '' options='dpd_delay = 30s'
	lab_daemon_stop left KILL
	lab_daemon_start left && lab_load left && lab_initiate
}

scenario_v2mobike()
{
	up '' options='dpd_delay = 1s'
	ip -n "${NS_PREFIX}left" addr add 10.1.0.3/24 dev l0
	sed -i 's/10.1.0.2/%any/' "$LAB_DIR/left/swanctl.conf"
	ip -n "${NS_PREFIX}left" addr del 10.1.0.2/24 dev l0
	ip -n "${NS_PREFIX}left" addr add 10.1.0.3/24 dev l0
	ip -n "${NS_PREFIX}left" route add default via 10.1.0.1
	sleep 4
}

# A true NAT: with the kernel ESP, as in v2plain
scenario_v2nat()
{
	ns isp nft -f - <<-END
	table ip ikcnat {
	  chain post {
	    type nat hook postrouting priority 100
	    oifname "ir" masquerade random
	  }
	}
	END
	lab_conn
	sed -i "s/remote_addrs = .*/remote_addrs = %any/" "$LAB_DIR/right/swanctl.conf"
	LAB_KERNEL=kernel-netlink begin ''
	lab_swanctl left --initiate --child c --timeout 6 >/dev/null 2>&1
	sleep 0.5
}

scenario_v1main()
{
	up '' version=1 options='dpd_delay = 1s'
	sleep 2.5
	terminate
}

scenario_v1aggr()
{
	up 'i_dont_care_about_security_and_use_aggressive_mode_psk = yes' version=1 options='aggressive = yes'
	lab_swanctl left --rekey --child c >/dev/null
	sleep 0.7
}

scenario_v1psk()
{
	attempt "$quick" version=1 right_psk=wrong
	wait_for 8 logged 'giving up'
}

scenario_v1noprop()
{
	attempt "$quick" version=1 right_ike=aes256-sha384-modp2048
}

scenario_v1dpd()
{
	up "$quick" version=1 options=$'dpd_delay = 1s\ndpd_timeout = 5s'
	sleep 1.5
	lab_block 500
	lab_block 4500
	wait_for 15 logged 'DPD check timed out\|giving up'
	sleep 0.5
}

# With the kernel's ESP, which is not there: no forced encapsulation, so that the NAT detection hashes are the true ones
scenario_v2plain()
{
	LAB_KERNEL=kernel-netlink attempt ''
	sleep 0.5
}

record()
{
	lab_up || return 1
	lab_capture_start "$LAB_DIR/c.pcap" isp il 'udp port 500 or (udp port 4500 and udp[8:4] = 0 and udp[4:2] > 12)' || return 1
	"scenario_$1"
	lab_capture_stop
	cp "$LAB_DIR/c.pcap" "$out/$1.pcap"
	grep -E "retransmit [0-9]+ of request|giving up|timed out|(generating|parsed) [A-Z_0-9]+ (request|response)|IKE_SA .*established|IKE_SA deleted|behind NAT" \
		"$LAB_DIR/left/charon.log" | sed -E "s/^([^ ]{12}) ?[0-9]*(\[[A-Z]+\])? ?/\1 /; s/ \[.*//; s/ between.*//" >"$out/$1.txt"
}

need_netns
[ -z "$(lab_ipsec_missing)" ] || skip_all "$(lab_ipsec_missing)"
out=$(readlink -f "${1:-$here}")
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
