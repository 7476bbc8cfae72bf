#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# record.sh - records the IKE captures in this directory from two strongSwan gateways, and what their logs said
#
#   tests/captures/record.sh [DIRECTORY [SCENARIO...]]     default: beside this script, all of them
#
# For each scenario NAME.pcap (IKE only, taken at the router beside the left gateway, or on its other side: at) and
# NAME.txt: the lines of the left charon's log (the right one's: log_of) that tell of messages, retransmissions and states. Needs root,
# strongSwan, nftables, openssl and tcpdump; about four minutes. The scenarios are called by their names.
# shellcheck disable=SC2317
export ESPIAL_TEST_ID=${ESPIAL_TEST_ID:-ikc}
here=$(readlink -f "${BASH_SOURCE[0]%/*}")
# shellcheck source=tests/lab/record.sh
. "$here/../lab/record.sh"

declare -A at=([v2late]=ir [v2remap]=ir) log_of=([v2late]=right)
# IKE, and fragments of IP but the first: here they are IKE's
filter='udp port 500 or (udp port 4500 and udp[8:4] = 0 and udp[4:2] > 12) or (udp and ip[6:2] & 0x1fff != 0)'

attempt()
{
	lab_conn "${@:2}" && begin "$1"
	lab_swanctl left --initiate --child c --timeout 6 >/dev/null 2>&1
}

terminate()
{
	lab_swanctl left --terminate --ike t --timeout 5 >/dev/null 2>&1
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

up_with_certificates()
{
	lab_conn "${@:2}" && certificates && begin "$1" && lab_initiate
}

# IKE_AUTH in fragments of IKE, and, without those, of IP
scenario_v2cert()
{
	up_with_certificates ''
}

scenario_v2certip()
{
	up_with_certificates '' options='fragmentation = no'
}

scenario_v1cert()
{
	up_with_certificates '' version=1
}

scenario_v1certip()
{
	up_with_certificates '' version=1 options='fragmentation = no'
}

# The right gateway still has a half-open IKE SA of one that was killed: the next has to bring a cookie
scenario_v2cookie()
{
	lab_block 4500
	lab_conn && begin 'cookie_threshold = 1'
	lab_swanctl left --initiate --child c --timeout 1 >/dev/null 2>&1
	lab_daemon_stop left KILL
	lab_clear
	lab_daemon_start left && lab_load left && lab_initiate
}

# The peer is gone and comes back knowing nothing: no answers, then a new IKE SA
scenario_v2restart()
{
	up "$quick" options=$'dpd_delay = 1s' child='dpd_action = restart'
	lab_daemon_stop right KILL
	lab_daemon_start right && lab_load right
	wait_for 15 logged 'giving up'
	wait_for 10 lab_is_up
}

# Both ends rekey at once, because what they send is lost until both have; one of the two new ones goes again (RFC 7296
# sections 2.8.1 and 2.8.2)
scenario_v2both()
{
	local how done=0

	up "$quick" options='dpd_delay = 4s'
	for how in '--child c' '--ike t'; do
		lab_block 4500
		# shellcheck disable=SC2086 # two words
		lab_swanctl left --rekey $how >/dev/null &
		# shellcheck disable=SC2086
		lab_swanctl right --rekey $how >/dev/null &
		wait $!
		wait_for 5 logged 'generating CREATE_CHILD_SA request' $((++done))
		sleep 0.2
		lab_clear
		sleep 2
	done
	wait_for 10 logged 'parsed INFORMATIONAL re.* [01]' 6
}

scenario_v2eap()
{
	export LAB_KERNEL='kernel-libipsec kernel-netlink eap-md5'
	lab_conn
	sed -i '/local {/,/}/s/psk/eap-md5/' "$LAB_DIR/left/swanctl.conf"
	sed -i '/remote {/,/}/s/psk/eap-md5/' "$LAB_DIR/right/swanctl.conf"
	sed -i 's/^secrets {/&\neap-l {\nid = left\nsecret = bottom\n}/' "$LAB_DIR"/*/swanctl.conf
	begin '' && lab_initiate
}

# The right gateway deletes it
scenario_v2gone()
{
	up '' options='dpd_delay = 1s' && wait_for 8 logged 'parsed INFORMATIONAL response' 2
	lab_swanctl right --terminate --ike t --timeout 5 >/dev/null 2>&1
}

# Answers are lost between us and the left gateway: requests again, and answers again
scenario_v2late()
{
	_lab_table
	ns isp nft add rule ip lab do_lose oifname il udp sport 4500 drop
	lab_conn && begin 'retransmit_timeout = 0.8
retransmit_tries = 6'
	lab_swanctl left --initiate --child c --timeout 20 >/dev/null 2>&1 &
	wait_for 10 logged 'retransmit 2 of request'
	lab_clear
	wait $!
	wait_for 5 lab_is_up
}

# A NAT without state, which changes its mind
scenario_v2remap()
{
	remap 31500 31501
	lab_conn options='dpd_delay = 1s'
	sed -i "s/remote_addrs = .*/remote_addrs = %any/" "$LAB_DIR/right/swanctl.conf"
	begin '' && lab_initiate && wait_for 8 logged 'parsed INFORMATIONAL response' 1
	remap 32500 32501
	wait_for 8 logged 'parsed INFORMATIONAL response' 4
}

remap()
{
	ns isp nft -f - <<-END
	flush ruleset
	table ip remap {
	  chain out {
	    type filter hook postrouting priority 100
	    oifname "ir" udp sport 500 udp sport set $1
	    oifname "ir" udp sport 4500 udp sport set $2
	    oifname "ir" ip saddr set 10.2.0.1
	  }
	  chain back {
	    type filter hook prerouting priority -300
	    iifname "ir" udp dport $1 udp dport set 500 ip daddr set 10.1.0.2
	    iifname "ir" udp dport $2 udp dport set 4500 ip daddr set 10.1.0.2
	  }
	}
	END
}

# NAT detection with the negotiated hash (MD5; below SHA-512): nobody is behind a NAT, and below one end is
scenario_v1plain()
{
	LAB_KERNEL=kernel-netlink attempt "$quick" version=1 ike=aes128-md5-modp2048
	sleep 0.5
}

scenario_v1nat()
{
	ns isp nft -f - <<-END
	table ip ikcnat {
	  chain post {
	    type nat hook postrouting priority 100
	    oifname "ir" masquerade random
	  }
	}
	END
	lab_conn version=1 ike=aes256-sha512-modp2048
	sed -i "s/remote_addrs = .*/remote_addrs = %any/" "$LAB_DIR/right/swanctl.conf"
	LAB_KERNEL=kernel-netlink begin "$quick"
	lab_swanctl left --initiate --child c --timeout 3 >/dev/null 2>&1
	sleep 0.5
}

scenario_v1xauth()
{
	export LAB_KERNEL='kernel-libipsec kernel-netlink xauth-generic'
	lab_conn version=1
	sed -i '/local {/,/}/s/id = left/&\n}\nlocal-2 {\nauth = xauth\nxauth_id = left/' "$LAB_DIR/left/swanctl.conf"
	sed -i '/remote {/,/}/s/id = left/&\n}\nremote-2 {\nauth = xauth/' "$LAB_DIR/right/swanctl.conf"
	sed -i 's/^secrets {/&\nxauth-l {\nid = left\nsecret = bottom\n}/' "$LAB_DIR"/*/swanctl.conf
	begin '' && lab_initiate
}

# A new phase 1, and the old one deleted
scenario_v1rekey()
{
	up '' version=1
	lab_swanctl left --rekey --ike t >/dev/null
	wait_for 8 logged 'IKE_SA .*established' 2
	sleep 1.5
}

scenario_v1pfs()
{
	up "$quick" version=1 esp=aes128-sha256-modp2048 right_esp=aes128-sha256-modp2048
	sed -i 's/aes128-sha256-modp2048/aes128-sha256-modp3072/' "$LAB_DIR/right/swanctl.conf"
	lab_load right
	lab_swanctl left --rekey --child c >/dev/null
	sleep 2
}

scenario_v1kill()
{
	up '' version=1
	lab_daemon_stop left KILL
	lab_daemon_start left && lab_load left && lab_initiate
}

record()
{
	lab_up || return 1
	lab_capture_start "$LAB_DIR/c.pcap" isp "${at[$1]:-il}" "$filter" || return 1
	"scenario_$1"
	lab_capture_stop
	cp "$LAB_DIR/c.pcap" "$out/$1.pcap"
	record_log "${log_of[$1]:-left}" "$1"
}

record_scenarios "$here" "$@"
