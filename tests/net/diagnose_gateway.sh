#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What is wrong at the gateway itself, live: NAT rules of nft that take a tunnel's traffic or IKE away, and policies that take each
# other's or let it out in the clear, beside rules and policies that do not; a certificate that ends soon, from strongSwan, beside one
# that does not; and a connection that nobody starts.
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/net/lib_lab.sh
. "$(dirname "$0")/lib_lab.sh"
need_lab nft openssl
out=$TMPDIR/out

lab_up || skip_all "the lab's namespaces do not come up"
# policy DESTINATION PRIORITY PEER [TEMPLATE]: takes what goes there from the left network
policy()
{
	# shellcheck disable=SC2086 # words
	ns left ip xfrm policy update src 192.168.1.0/24 dst "$1" dir out priority "$2" \
		tmpl src $LAB_LEFT dst "$3" proto esp reqid 1 ${4:-mode tunnel}
}
policy 192.168.2.0/24 100 $LAB_RIGHT 2>/dev/null || skip_all "this kernel has no XFRM policies"
ns left nft 'add table ip n; add chain ip n p { type nat hook postrouting priority 100; }; add chain ip n q { type nat hook prerouting priority -100; }' ||
	skip_all "this kernel has no NAT"

diagnose()
{
	TZ=UTC "$ESPIAL" diagnose --socket "$AGENT_SOCKET" "$@"
}
# shellcheck disable=SC2317 # wait_for calls it
decided()
{
	"$ESPIAL" diagnose --all --socket "$AGENT_SOCKET" >"$out" 2>&1 && ! sed -n '/^Not decided/,$p' "$out" | grep -q "^  $1 "
}
gateway()
{
	diagnose --json | jq -r '[.[] | select(.until == null) | .id | select(test("^nat-|^policy-|^cleartext|^certificate"))] | unique | join(" ")'
}
# shellcheck disable=SC2317 # wait_for calls it
gateway_is()
{
	[ "$(gateway)" = "$1" ]
}
says()
{
	check "$1" grep -qE -- "$2" "$out" || cat "$out"
}
# run RULES: an agent that has read these rules
run()
{
	ns left nft -f - <<<"$1" || { not_ok "nft takes the rules" "$1"; finish; }
	check "$2: agent starts" agent_start left -i l0 --vici none || finish
	check "$2: it reads the rules" wait_for 60 decided nat-before-ipsec
}

# ---- NAT rules and policies, the narrow one first

policy 192.168.0.0/16 200 10.2.0.9
run 'add rule ip n p rt ipsec exists accept
add rule ip n p ip saddr 192.168.1.0/24 ip daddr != 192.168.2.0/24 oifname "l0" masquerade
add rule ip n p oifname "l0" masquerade
add rule ip n q iifname "l0" udp dport 4501 dnat to 192.168.1.5' "exempt"
is "exceptions: nothing is wrong" "$(gateway)" ""
agent_stop

# policy-overlap, and cleartext-leak: none of these has an SA, but only this one lets what it takes go without
policy 192.168.0.0/16 50 10.2.0.10
policy 10.77.0.0/16 100 10.2.0.11 "mode transport level use"
run 'flush chain ip n p
add rule ip n p oifname "l0" masquerade
add rule ip n q iifname "l0" udp dport { 500, 4500 } dnat to 192.168.1.5' "taken"
check "all are raised" wait_for 90 gateway_is "cleartext-leak nat-before-ipsec nat-steals-ike policy-overlap"
diagnose >"$out"
says "NAT: what, of which traffic" 'CRITICAL .*NAT translates traffic for the tunnel before IPsec sees it \(192\.168\.1\.0/24 to [0-9./]+, and of 1 more policy\).* To do: exempt'
says "NAT: which rule" 'the rule: table ip n, chain p, handle [0-9]+'
says "policies: what, of which traffic" 'WARNING .*Two policies overlap.*: 192\.168\.2\.0/24|192\.168\.1\.0/24 to 192\.168\.2\.0/24 goes to 10\.2\.0\.10, not into its own tunnel'
says "policies: both" 'policy that never sees it: 192\.168\.1\.0/24 to 192\.168\.2\.0/24, priority 100'
says "clear: what" 'Traffic that has to be protected, 192\.168\.1\.0/24 to 10\.77\.0\.0/16, leaves'
says "IKE: what" 'A port mapping on l0 takes IKE .* UDP 500 from 10\.2\.0\.[0-9]+ and others to 10\.1\.0\.2 goes to 192\.168\.1\.5'
agent_stop
check "not asked for: not read" agent_start left -i l0 --vici none --firewall no
diagnose --all >"$out"
says "and what is needed is told" '^  the firewall.s NAT rules: run the agent .*--firewall yes'
agent_stop
ns left nft flush ruleset
ns left ip xfrm policy flush

# ---- certificates

# certificates NAME DAYS: of the name, since a year ago and so many days from now on, by a CA that lives longer
certificates()
{
	(
		cd "$LAB_DIR" || exit
		if ! [ -e ca.pem ]; then
			openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
				-subj "/C=CH/CN=Lab CA" -keyout ca.key -out ca.pem
			touch index
			echo 01 >serial
			printf '%s\n' '[ca]' default_ca=d '[d]' database=index new_certs_dir=. serial=serial default_md=sha256 policy=p \
				'[p]' countryName=optional commonName=supplied >ca.conf
		fi
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/C=CH/CN=$1" \
			-keyout "left/private/$1.pem" -out "$1.req"
		openssl ca -config ca.conf -batch -notext -startdate "$(date -u -d '1 year ago' +%Y%m%d%H%M%SZ)" \
			-enddate "$(date -u -d "$2 days" +%Y%m%d%H%M%SZ)" -in "$1.req" -cert ca.pem -keyfile ca.key -out "left/x509/$1.pem"
		cp ca.pem left/x509ca/
	) >"$LAB_DIR/openssl" 2>&1
	[ -s "$LAB_DIR/left/x509/$1.pem" ] || { not_ok "a certificate is made" "$(cat "$LAB_DIR/openssl")"; finish; }
}
lab_conn
certificates fresh 400
sed -i -e '0,/auth = psk/s//auth = pubkey\n      certs = fresh.pem/' -e 's/id = left$/id = "C=CH, CN=fresh"/' "$LAB_DIR/left/swanctl.conf"
check "charon" lab_daemon_start left || finish
check "its certificates are loaded" lab_load left || cat "$LAB_DIR/left/load"
check "agent starts" agent_start left -i l0 --vici "$LAB_DIR/left/vici" || finish
check "it asks the daemon" wait_for 60 decided certificate-expiry
is "a certificate of 400 days: nothing is wrong" "$(gateway)" ""
agent_stop
certificates soon 20
sed -i -e 's/fresh/soon/' "$LAB_DIR/left/swanctl.conf"
check "its certificates are loaded anew" lab_load left
check "agent starts again" agent_start left -i l0 --vici "$LAB_DIR/left/vici" || finish
check "a certificate that ends soon: raised" wait_for 60 gateway_is certificate-expiry
diagnose >"$out"
says "which, when, whose" 'A certificate in use \(C=CH, CN=soon, our own\) ends in (19|20) days, on 20'
says "and the connection" 'connection that uses it: t$'
check "and nobody starts it: ike-not-started" wait_for 120 eval "diagnose --json | jq -e 'any(.[]; .id == \"ike-not-started\" and .subject.peer == \"$LAB_RIGHT\")'"
agent_stop
finish
