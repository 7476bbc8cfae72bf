#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The tunnels of `espial read --json`: of strongSwan's recordings, against what its own log said (tests/tunnels, tests/captures)
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need_cmd jq
tunnels=$ESPIAL_ROOT/tests/tunnels captures=$ESPIAL_ROOT/tests/captures
out=$TMPDIR/out

# tunnel FILE LINE...: one line per tunnel
tunnel()
{
	local file=$1

	shift
	"$ESPIAL" read --json "$file" >"$out" 2>/dev/null
	is "${file##*/}: tunnels" \
		"$(jq -r '.tunnels[] | "\(.name) \(.state) \(.confidence) \(.down_cause) flaps \(.flaps) rekeys \(.rekeys) ike \(.ike_rekeys)"' "$out")" \
		"$(printf '%s\n' "$@")"
	is_json "${file##*/}: every state has its evidence" "$out" '[.tunnels[] | .evidence != "" and .since != null] | all' true
	is_json "${file##*/}: packets of tunnels are those of SAs" "$out" \
		'([.tunnels[] | .in.packets + .out.packets] | add) == ([.sas[].packets] | add // 0)' true
}

# log NAME PATTERN: how often it is in charon's log
log()
{
	grep -cE "$2" "$tunnels/$1.txt"
}

# installed NAME: the child SAs that charon had at the end are the live ones
installed()
{
	is "$1: live SAs are charon's" "$(jq -r '.tunnels[0].sas[]' "$out" | sort)" "$(awk '/^(in|out) / { print $2 }' "$tunnels/$1.txt" | sort)"
	is "$1: each replaced the one before" "$(jq '[.sas[] | select(.replaced == null)] | length' "$out")" 2
}

# pairs NAME: as charon negotiated them
pairs()
{
	is "$1: pairs are charon's" "$(jq -r '.sas[] | select(.side == "in" and .partner != null) | "\(.spi[2:])_i \(.partner[2:])_o"' "$out" | sort)" \
		"$(grep -oE '(established|expired|CHILD_SA).*SPIs [0-9a-f]{8}_i.*[0-9a-f]{8}_o' "$tunnels/$1.txt" |
			sed -E 's/.*SPIs ([0-9a-f]{8}_i)( \([0-9]+ bytes\))? ([0-9a-f]{8}_o).*/\1 \3/' | sort -u | while read -r in spi; do
				grep -q "\"${in%_i}\"" <<<"$(jq '.sas[].spi[2:]' "$out")" && echo "$in $spi"
			done)"
}

name=10.1.0.2-10.2.0.2
tunnel "$tunnels/rekeys.pcap" "$name up certain null flaps 0 rekeys 3 ike 1"
is "as many rekeys as charon says" "$(log rekeys 'outbound CHILD_SA')" 3
installed rekeys
pairs rekeys
tunnel "$tunnels/rekeys1.pcap" "$name up certain null flaps 0 rekeys 2 ike 0"
installed rekeys1
pairs rekeys1
# Of two pairs made at once, one end may use this one and the other end that: so no pairs here
tunnel "$tunnels/collide.pcap" "$name up certain null flaps 0 rekeys 5 ike 0"
installed collide
tunnel "$tunnels/restart.pcap" "$name up certain dpd-timeout flaps 1 rekeys 0 ike 0"
is "charon gave up once" "$(log restart 'giving up')" 1
installed restart
pairs restart
tunnel "$tunnels/deleted.pcap" "$name down likely ike-sa-deleted-by-peer flaps 0 rekeys 0 ike 0"
is "charon was told" "$(log deleted 'received DELETE for IKE_SA')" 1
is_json "when" "$out" '.tunnels[0].since[11:19]' "$(sed -n 's/\..*received DELETE for IKE_SA.*//p' "$tunnels/deleted.txt")"
is_json "nothing lives" "$out" '.tunnels[0].sas' '[]'
tunnel "$tunnels/pfs.pcap" "$name down likely child-rekey-failing flaps 0 rekeys 0 ike 0"
is_json "when the SA expired" "$out" '.tunnels[0].since[11:19]' "$(sed -n 's/\..*closing expired CHILD_SA.*//p' "$tunnels/pfs.txt")"

# IKE alone
tunnel "$captures/v2ok.pcap" "$name up likely null flaps 0 rekeys 0 ike 0"
tunnel "$captures/v2rekey.pcap" "$name up likely null flaps 0 rekeys 1 ike 2"
tunnel "$captures/v2gcm.pcap" "$name up likely null flaps 0 rekeys 1 ike 0"
tunnel "$captures/v2mobike.pcap" "$name up likely null flaps 0 rekeys 1 ike 0"
is_json "it moved" "$out" '.tunnels[0].local' 10.1.0.3
tunnel "$captures/v2psk.pcap" "$name down likely ike-auth-failed flaps 0 rekeys 0 ike 0"
tunnel "$captures/v2noprop.pcap" "$name down certain ike-proposal-mismatch flaps 0 rekeys 0 ike 0"
tunnel "$captures/v2plain.pcap" "$name down likely child-sa-failed flaps 0 rekeys 0 ike 0"
tunnel "$captures/v2dpd.pcap" "$name up possible null flaps 0 rekeys 0 ike 0"
tunnel "$captures/v2natt.pcap" "$name negotiating certain null flaps 0 rekeys 0 ike 0"
tunnel "$captures/v1main.pcap" "$name up likely null flaps 0 rekeys 0 ike 0"
tunnel "$captures/v1psk.pcap" "$name down likely ike-auth-failed flaps 0 rekeys 0 ike 0"
tunnel "$captures/v1noprop.pcap" "$name down certain ike-proposal-mismatch flaps 0 rekeys 0 ike 0"

# Whose view
"$ESPIAL" read --json --local 10.2.0.0/16 "$tunnels/deleted.pcap" >"$out"
is_json "the other end's view" "$out" '.tunnels[0] | [.name, .local, .down_cause]' '["10.2.0.2-10.1.0.2","10.2.0.2",null]'
is_json "directions" "$out" '[.sas[] | .direction] | sort' '["in","out"]'
"$ESPIAL" read --json --local 192.0.2.1 "$tunnels/deleted.pcap" >"$out"
is_json "nobody's: forwarded" "$out" '.tunnels[0].transit' true
for bad in 10.2.0.0/33 10.2.0 2001:db8::/129 10.2.0.1/ ''; do
	"$ESPIAL" read --local "$bad" "$tunnels/deleted.pcap" >"$out" 2>&1
	is "--local '$bad'" $? 2
done

# For people
check "the summary says why" grep -q 'likely: the peer deleted the IKE SA' <("$ESPIAL" read "$tunnels/deleted.pcap")
check "the view" grep -q 'child-rekey-failing' <("$ESPIAL" read --view tunnels "$tunnels/pfs.pcap")

finish
