#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The lines of `espial mtu` for nftables are run as they are printed, in a network namespace of their own
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need_cmd jq nft unshare

# loads NAME RULES MSS4 OPTION...: the lines are accepted and leave so many rules, with that MSS
loads()
{
	local name=$1 rules=$2 mss=$3 table

	shift 3
	"$ESPIAL" mtu --json "$@" | jq -r '.configure[] | select(.command // "" | startswith("nft")) | .command' >"$TMPDIR/lines"
	echo 'nft list table inet ipsec_mss' >>"$TMPDIR/lines"
	table=$(unshare -rn sh -e "$TMPDIR/lines" 2>&1) || {
		not_ok "$name" "$table"
		return
	}
	is "$name: rules" "$(grep -c 'maxseg size set' <<<"$table")" "$rules"
	is "$name: MSS" "$(grep -c "nfproto ipv4 .*maxseg size set $mss" <<<"$table")" 2
}

unshare -rn nft list tables 2>"$TMPDIR/err" || skip_all "no nftables in a namespace: $(cat "$TMPDIR/err")"
loads "policies" 4 1406 --esp aes128gcm16
loads "policies, IPv4 only inside" 2 1406 --esp aes128gcm16 --inner ipv4
loads "GRE" 4 1402 --esp aes128gcm16 --mode transport --gre
loads "VXLAN" 4 1356 --esp aes128gcm16 --vxlan
finish
