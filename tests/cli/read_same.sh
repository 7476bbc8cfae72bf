#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What became of a tunnel does not depend on how it is shown: `read --view tunnels`, --json and --diagnose tell the same; and a
# capture without times has none, rather than 1970.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need_cmd jq
captures=$ESPIAL_ROOT/tests/captures

# STATE FLAPS CAUSE of each tunnel, as the table has them
table() {
	awk '$1 == "TUNNEL" { for (i = 1; i <= NF; i++) if ($i == "FLAPS") flaps = 1; next }
	     flaps && $2 ~ /^(up|idle|down|negotiating)$/ { print $2, $(NF - 2), $NF }'
}

for capture in diagnose/groups diagnose/healthy diagnose/flaps diagnose/deleted diagnose/rekeys v2dpd v2psk; do
	file=$captures/$capture.pcap
	json=$("$ESPIAL" read --json "$file" 2>/dev/null |
		jq -r '.tunnels[] | "\(.state) \(.flaps) \(.down_cause // "-")"')
	is "$capture: --view tunnels is as --json" \
		"$("$ESPIAL" read --view tunnels "$file" 2>/dev/null | table)" "$json"
	is "$capture: and with --diagnose" \
		"$("$ESPIAL" read --diagnose --view tunnels "$file" 2>/dev/null | table)" "$json"
done

for capture in espudp1 02-sunrise-sunset-esp 08-sunrise-sunset-esp2 isakmp4500; do
	file=$captures/tcpdump/$capture.pcap
	is "$capture: no time, and not down" \
		"$("$ESPIAL" read --json "$file" 2>/dev/null |
			jq '([.. | strings | select(startswith("1970"))] | length == 0) and
			    all(.tunnels[]; .state != "down" and .since == null)')" true
	is "$capture: nor for who reads findings" \
		"$("$ESPIAL" read --diagnose "$file" 2>/dev/null | grep 1970)" ""
done
finish
