#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# record_kernel.sh - records what takes ESP or AH of the kernel, for the tests of the diagnosis: in a virtual machine
#
#   tests/captures/record_kernel.sh [SCENARIO...]     into diagnose beside this script, all of them
#
# As record_diagnose.sh, which needs no such kernel. The scenario of libreswan needs its programs, and no test does: in
# /usr/libexec/ipsec, or below LIBRESWAN, a directory into which its packages and libraries were unpacked.
# shellcheck disable=SC2317
here=$(readlink -f "${BASH_SOURCE[0]%/*}")
arguments=/tmp/espial-record-kernel

# Outside: the guest sees this script and the arguments, and prints what it recorded
if [ "${ESPIAL_TEST_ID:-}" != v- ]; then
	printf '%s\n' "${LIBRESWAN:-}" "$@" >$arguments
	"$here/../vm/run" "${KERNEL:-new}" ../captures/record_kernel 1500 >$arguments.log
	rm -f $arguments
	grep -vE '^(pcap|txt) ' $arguments.log
	while read -r name text; do
		base64 -d <<<"$text" >"$here/diagnose/$name.pcap"
		sed -n "s/^txt $name //p" $arguments.log >"$here/diagnose/$name.txt"
	done < <(sed -n 's/^pcap //p' $arguments.log)
	rm -f $arguments.log
	exit
fi

# shellcheck source=tests/vm/lib.sh
. "$here/../vm/lib.sh"
# shellcheck source=tests/lab/record.sh
. "$here/../lab/record.sh"
{ read -r libreswan && mapfile -t names; } <$arguments
vm_modules veth tun xfrm_user esp4 ah4 authenc hmac sha256_generic sha1_generic cbc aes_generic gcm seqiv echainiv crypto_null xfrm_algo \
	nf_tables nft_chain_nat nft_masq nf_nat nf_conntrack
export LAB_KERNEL=kernel-netlink

pings()
{
	ns left ping -q -c "$1" -i 0.3 -W 1 -I "$LAB_LEFT_INNER" "$LAB_RIGHT_INNER"
}

# The router translates the left gateway's address
nat()
{
	ns isp nft 'add table ip n; add chain ip n p { type nat hook postrouting priority 100; }; add rule ip n p oifname "ir" masquerade'
}

# AH in the place of ESP, from wherever the left gateway seems to be
ah()
{
	lab_conn esp=sha256
	sed -i 's/esp_proposals/ah_proposals/' "$LAB_DIR"/*/swanctl.conf
	sed -i 's/remote_addrs = .*/remote_addrs = %any/' "$LAB_DIR/right/swanctl.conf"
	begin ''
	lab_swanctl left --initiate --child c --timeout 20
	pings 20
}

scenario_ah()
{
	ah
}

# strongSwan refuses that
scenario_ah_refused()
{
	nat
	ah
}

# ---- libreswan, which can be told not to encapsulate, whatever it finds

# pluto_start NAME OWN PEER OWN-NETWORK PEER-NETWORK PEER-NAME
pluto_start()
{
	local name=$1 dir=$LAB_DIR/$1

	mkdir -p "$dir/nss" "$dir/run"
	cat >"$dir/ipsec.conf" <<-END
	config setup
	  uniqueids=no
	conn t
	  left=$2
	  leftid=@$name
	  leftsubnet=$4
	  right=$3
	  rightid=@$6
	  rightsubnet=$5
	  authby=secret
	  ikev2=insist
	  ike=aes128-sha2_256-dh19
	  $protocol
	  encapsulation=no
	  leftupdown="%disabled"
	  auto=add
	END
	echo "@left @right : PSK \"topsecret topsecret topsecret topsecret\"" >"$dir/ipsec.secrets"
	certutil -N -d "sql:$dir/nss" --empty-password
	ns_spawn "$name" "$dir/pluto.log" "$programs/pluto" --config "$dir/ipsec.conf" --secretsfile "$dir/ipsec.secrets" \
		--nssdir "$dir/nss" --rundir "$dir/run" --nofork --stderrlog
	at_exit stop_process "$SPAWNED"
	wait_for 120 ns "$name" "$programs/whack" --ctlsocket "$dir/run/pluto.ctl" --listen
	ns "$name" "$programs/addconn" --ctlsocket "$dir/run/pluto.ctl" --config "$dir/ipsec.conf" t
}

# libreswan LINE: of the configuration, for the protocol
libreswan()
{
	local programs=/usr/libexec/ipsec protocol=$1 name

	[ -z "$libreswan" ] || cp -rn "$libreswan/usr" / # of the guest, in memory
	nat
	pluto_start right "$LAB_RIGHT" %any 192.168.2.0/24 192.168.1.0/24 left
	pluto_start left "$LAB_LEFT" "$LAB_RIGHT" 192.168.1.0/24 192.168.2.0/24 right
	ns left "$programs/whack" --ctlsocket "$LAB_DIR/left/run/pluto.ctl" --name t --initiate
	ip -n "${NS_PREFIX}left" route add 192.168.2.0/24 via 10.1.0.1 src "$LAB_LEFT_INNER"
	ip -n "${NS_PREFIX}right" route add 192.168.1.0/24 via 10.2.0.1 src "$LAB_RIGHT_INNER"
	pings 20
	for name in left right; do
		grep -E '"t"|ERROR' "$LAB_DIR/$name/pluto.log"
	done
	grep '"t"' "$LAB_DIR/left/pluto.log" | sed 's/^[A-Z][a-z]* [0-9]* //' >"$LAB_DIR/left/charon.log"
}

scenario_nat_raw()
{
	libreswan 'esp=aes128-sha2_256'
}

scenario_nat_ah()
{
	libreswan $'phase2=ah\n  phase2alg=sha2_256'
}

record()
{
	lab_up || return 1
	lab_capture_start "$LAB_DIR/c.pcap" isp il 'udp port 500 or udp port 4500 or esp or ah' || return 1
	"scenario_$1"
	lab_capture_stop
	cp "$LAB_DIR/c.pcap" "$out/$1.pcap"
	record_log left "$1"
	[ -s "$out/$1.txt" ] || cp "$LAB_DIR/left/charon.log" "$out/$1.txt"
	echo "pcap $1 $(base64 -w 0 "$out/$1.pcap")"
	sed "s/^/txt $1 /" "$out/$1.txt"
}

record_scenarios /dev/shm /dev/shm "${names[@]}"
