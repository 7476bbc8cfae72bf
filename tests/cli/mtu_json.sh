#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# espial mtu --json: the reference values through the program, and that the document adds up
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need_cmd jq

# mtu NAME FILTER WANTED OPTION...
mtu()
{
	local name=$1 filter=$2 wanted=$3

	shift 3
	"$ESPIAL" mtu --json "$@" >"$TMPDIR/mtu.json" 2>"$TMPDIR/err" || cat "$TMPDIR/err"
	is_json "$name" "$TMPDIR/mtu.json" "$filter" "$wanted"
}

# arithmetic.md
mtu "GCM" .inner_mtu 1446 --esp aes128gcm16
mtu "GCM in UDP" .inner_mtu 1438 --esp aes128gcm16 --natt
mtu "GCM in UDP through 1492" .inner_mtu 1430 --esp aes128gcm16 --natt --link 1492
mtu "GCM in UDP over IPv6" .inner_mtu 1418 --esp aes128gcm16 --natt --outer ipv6
mtu "GCM in UDP over IPv6 through 1492" .inner_mtu 1410 --esp aes128gcm16 --natt --outer ipv6 --link 1492
mtu "CBC and SHA-256" .inner_mtu 1438 --esp aes128-sha256
mtu "a packet of 100 in CBC and SHA-1" '[.packet.size, .packet.padding]' '[168,10]' --esp aes128-sha1 --packet 100

mtu "MSS" '[.link_mtu, .mss4, .mss6]' '[1500,1406,1386]' --esp aes256gcm16
mtu "overhead" '[.overhead[] | "\(.layer) \(.bytes)"] | join(", ")' "ipv4 20, esp 8, iv 8, trailer 2, icv 16" --esp aes256gcm16
mtu "the issue's example" '[.inner_mtu, .inner_family, .mss6]' '[1458,6,1398]' \
	--link 1500 --esp aes256gcm16 --natt --outer ipv6 --mode transport
mtu "TCP encapsulation" .inner_mtu 1422 --esp aes128gcm16 --tcp
mtu "TCP encapsulation with timestamps" .inner_mtu 1410 --esp aes128gcm16 --tcp=timestamps
mtu "AH over IPv4" .inner_mtu 1452 --ah sha256
mtu "AH over IPv6 is padded" .inner_mtu 1428 --ah sha256 --outer ipv6
mtu "GRE in transport mode" .inner_mtu 1442 --esp aes128gcm16 --mode transport --gre
mtu "GRE in tunnel mode" .inner_mtu 1422 --esp aes128gcm16 --gre
mtu "GRE with key and checksum" .inner_mtu 1414 --esp aes128gcm16 --gre=key,csum
mtu "GRE with an IPv6 header" .inner_mtu 1402 --esp aes128gcm16 --gre=ipv6
mtu "L2TP" .inner_mtu 1426 --esp aes128gcm16 --mode transport --l2tp
mtu "VXLAN" .inner_mtu 1396 --esp aes128gcm16 --vxlan
mtu "ESP over VXLAN" .inner_mtu 1394 --esp aes128gcm16 --over vxlan
mtu "PPPoE" .inner_mtu 1438 --esp aes128gcm16 --pppoe
mtu "QinQ" .inner_mtu 1438 --esp aes128gcm16 --qinq
mtu "TFC" .inner_mtu 1346 --esp aes128gcm16 --tfc 100
mtu "BEET, IPv4 in IPv6" .inner_mtu 1446 --esp aes128gcm16 --mode beet --outer ipv6 --inner ipv4
mtu "ESN, key exchange and PRF change nothing" .inner_mtu 1446 --esp aes128gcm16-prfsha256-modp2048-esn

mtu "overhead, inner packet and what stays empty make the link" \
	'(.overhead | map(.bytes) | add) + .inner_mtu + .unused == .link_mtu' true \
	--esp aes256-sha384 --link 1491 --natt --gre=key --over l2tp --vlan --tfc 3
mtu "layers make the packet" '(.packet.layers | map(.bytes) | add) == .packet.size' true --esp aes256-sha384 --packet 777 --natt
# shellcheck disable=SC2016 # the variables are jq's
mtu "offsets follow" '.packet | [foreach .layers[] as $l (0; . + $l.bytes; . - $l.bytes == $l.offset)] | all' true \
	--esp aes256-sha384 --natt
mtu "too large a packet" '[.packet.fits, (.notes | length)]' '[false,1]' --esp aes128gcm16 --packet 1447
mtu "a rule of thumb" '.rules_of_thumb[0] | [.mss, .fits, .bytes_per_segment]' '[1300,true,106]' --esp aes128gcm16
mtu "a rule of thumb that is too large" '.rules_of_thumb[0] | [.fits, .bytes_per_segment]' '[false,null]' \
	--esp aes128gcm16 --link 1300
mtu "lines for every platform" '[.configure[].platform] | unique | join(" ")' "cisco huawei linux strongswan" --esp aes128gcm16
finish
