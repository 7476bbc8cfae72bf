#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The diagnosis of captures of two real gateways (tests/captures): for each scenario exactly the expected findings, those that
# were over at its end included, and nothing else. Prints the confusion table, which README keeps.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need_cmd jq
captures=$ESPIAL_ROOT/tests/captures
out=$TMPDIR/out

# SCENARIO  FINDINGS, sorted; -: none
expected=$(
	cat <<'END'
v1aggr ike-aggressive-mode
v1cert -
v1certip -
v1dpd dpd-timeout
v1kill -
v1main -
v1nat child-sa-failed
v1noprop ike-proposal-mismatch
v1pfs -
v1plain child-sa-failed weak-crypto
v1psk ike-auth-failed
v1rekey -
v1xauth -
v2both -
v2cert -
v2certip -
v2cookie ike-cookie-challenge
v2dpd dpd-timeout
v2eap -
v2frag -
v2gcm -
v2gone -
v2ke -
v2kill -
v2late ike-reply-lost
v2mobike nat-mapping-changed
v2nat child-sa-failed
v2natt nat-t-port-blocked
v2noprop ike-proposal-mismatch
v2ok -
v2pfs -
v2plain child-sa-failed
v2psk ike-auth-failed
v2rekey -
v2remap nat-mapping-changed
v2restart dpd-timeout
diagnose/ah -
diagnose/ah_refused child-sa-failed
diagnose/damaged ike-malformed
diagnose/damaged_once -
diagnose/dead dpd-timeout tunnel-not-restarted
diagnose/deleted ike-sa-deleted-by-peer
diagnose/deleted_back ike-sa-deleted-by-peer
diagnose/flaps dpd-timeout tunnel-flapping
diagnose/forgot peer-restarted
diagnose/fragments ike-fragments-lost
diagnose/groups ike-dh-group-retry tunnel-flapping
diagnose/healthy -
diagnose/ike_only dpd-timeout
diagnose/mended ike-auth-failed
diagnose/nat_ah ah-behind-nat
diagnose/nat_raw nat-t-not-negotiated
diagnose/nobody ike-no-response
diagnose/one_side only-one-side-can-start
diagnose/one_way_in esp-one-way-in
diagnose/one_way_out esp-one-way-out
diagnose/reauth -
diagnose/rekey_v1 child-rekey-failing
diagnose/rekey_v2 child-rekey-failing
diagnose/rekeys -
diagnose/selectors child-sa-failed
diagnose/slow ike-slow
diagnose/slow_less -
diagnose/versions ike-version-mismatch
diagnose/ways path-changed
diagnose/ways_once -
tcpdump/ISAKMP_sa_setup weak-crypto
tcpdump/espudp1 -
tcpdump/ikev2four ike-cookie-challenge weak-crypto
tcpdump/isakmp4500 ike-reply-lost weak-crypto
END
)

declare -A hit=() missed=() invented=()
while read -r scenario findings; do
	[ "$findings" != - ] || findings=
	"$ESPIAL" read --json "$captures/$scenario.pcap" >"$out" 2>/dev/null
	got=$(jq -r '[.findings[].id, .findings_cleared[].id] | unique | join(" ")' "$out")
	is "$scenario: findings" "$got" "$findings"
	for id in $findings; do
		if [[ " $got " == *" $id "* ]]; then hit[$id]+=" $scenario"; else missed[$id]+=" $scenario"; fi
	done
	for id in $got; do
		[[ " $findings " == *" $id "* ]] || invented[$id]+=" $scenario"
	done
	check "$scenario: each has evidence, a meaning, something to do and a time" jq -e '[.findings[], .findings_cleared[] |
		(.evidence | length) > 0 and .meaning != "" and .action != "" and (.remedies | length) > 0] | all' "$out"
done <<<"$expected"

# Each capture is expected to be one thing or the other
is "every capture is in the table" "$(cd "$captures" && printf '%s\n' *.pcap diagnose/*.pcap | sed 's/\.pcap$//' | sort)" \
	"$(awk '!/^tcpdump/ { print $1 }' <<<"$expected" | sort)"

# ---- the confusion table

table()
{
	local id scenarios row

	echo '| finding | raised where expected | missed | raised elsewhere |'
	echo '| --- | --- | --- | --- |'
	for id in $(printf '%s\n' "${!hit[@]}" "${!missed[@]}" "${!invented[@]}" | sort -u); do
		row="| \`$id\` |"
		for scenarios in "${hit[$id]:-}" "${missed[$id]:-}" "${invented[$id]:-}"; do
			scenarios=${scenarios# }
			row+=" ${scenarios:+${scenarios// /, } }|"
		done
		echo "$row"
	done
}
table | tee "$TMPDIR/table"
is "README keeps this table" "$(sed -n '/^| finding | raised where expected/,/^$/p' "$ESPIAL_ROOT/README.md" | sed '/^$/d')" \
	"$(cat "$TMPDIR/table")"

# ---- what the text says

diagnose()
{
	TZ=UTC "$ESPIAL" read --diagnose "$captures/$1.pcap" "${@:2}" >"$out" 2>/dev/null
}
said()
{
	check "$1" grep -qE -- "$2" "$out" || cat "$out"
}

diagnose v2noprop
said "the proposals" 'offered by us: AES_CBC_128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/(CURVE_25519|X25519)'
said "the notify" 'NO_PROPOSAL_CHOSEN'
said "never came up" 'the tunnel never came up'
diagnose diagnose/dead
said "the headline says what to do" '^CRITICAL .*10\.2\.0\.2 stopped answering and was declared dead: its host is there, but nothing listens on its UDP port 4500 any more\. To do: start the IKE daemon of 10\.2\.0\.2'
is "and not to ask the ISP" "$(grep -c '^ *isp ' "$out")" 0
said "each retransmission" 'sent again, time number: 3'
said "given up" 'given up, no answer came'
said "last good exchange" 'last good +INFORMATIONAL, message id'
said "and it is not begun anew" 'neither end tries to bring it back'
said "it stays down" 'went down and stays down'
diagnose diagnose/ike_only
said "only IKE is filtered" 'although its ESP kept coming: only IKE is filtered'
diagnose diagnose/mended
said "it is over" '^CRITICAL .* over since .*Authentication with 10\.2\.0\.2 fails'
diagnose diagnose/deleted_back
said "it came back, and so it is over" '^WARNING .* over since .*10\.2\.0\.2 ended the IKE SA'
diagnose diagnose/one_side
said "who can start" '^WARNING .*comes up only when the peer begins'
diagnose diagnose/one_way_out
said "one way only: how much" 'ESP leaves for 10\.2\.0\.2 and none comes back.*: [0-9]+ packets in [0-9]+ s against none'
diagnose diagnose/healthy
is "nothing is wrong" "$(cat "$out")" "No findings. 1 tunnel, 1 of them up at the end."
diagnose diagnose/dead --view tunnels
said "a view as well" '^ +TUNNEL +STATE'

# ---- exit status

status()
{
	"$ESPIAL" read "${@:2}" >/dev/null 2>&1
	is "status of $*" $? "$1"
}
status 0 --diagnose "$captures/v2psk.pcap"
status 1 --diagnose --exit-code "$captures/v2psk.pcap"
status 1 --json --exit-code "$captures/diagnose/mended.pcap"
status 1 --exit-code "$captures/v2psk.pcap"
status 0 --diagnose --exit-code "$captures/diagnose/healthy.pcap"
status 0 --diagnose --exit-code "$captures/v2cookie.pcap" # information is no fault
finish
