#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# espial mtu for people: the picture, the numbers, what is wrong and how it is said; without privileges
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

# shows NAME TEXT OPTION...: a line of the output that contains the text
shows()
{
	local name=$1 text=$2 output

	shift 2
	output=$("$ESPIAL" mtu "$@" 2>&1)
	if [[ $output == *"$text"* ]]; then
		ok "$name"
	else
		not_ok "$name" "no '$text' in: $output"
	fi
}

# refuses NAME STATUS LINE OPTION...
refuses()
{
	local name=$1 wanted=$2 line=$3 output status

	shift 3
	output=$("$ESPIAL" mtu "$@" 2>&1 >"$TMPDIR/out")
	status=$?
	is "$name: status" $status "$wanted"
	is "$name: line" "$output" "espial: $line"
	is "$name: nothing on standard output" "$(cat "$TMPDIR/out")" ""
}

shows "heading" "ESP aes256-sha256, tunnel mode, IPv6 outside, in UDP, link MTU 1492" \
	--esp aes256-sha256 --outer ipv6 --natt --link 1492
shows "inner packet in the picture" "    36   1446  AE  inner IP packet" --esp aes128gcm16
shows "padding in the picture" "   144     10  AE  ESP padding" --esp aes128-sha1 --packet 100
shows "GMAC does not encrypt" "    36   1446  A   inner IP packet" --esp aes128gmac
shows "inner MTU" "Inner MTU  1446" --esp aes128gcm16
shows "MSS" "TCP MSS    1386 with IPv6" --esp aes128gcm16
shows "the ping that proves it" "ping -4 -M do -s 1418 passes, -s 1419 does not" --esp aes128gcm16
shows "waste" "MSS 1300 wastes 106 bytes of each segment: 8.2 % more packets" --esp aes128gcm16
shows "a rule that does not fit" "MSS 1300 is 94 too large" --esp aes128gcm16 --link 1300
shows "IPv6 does not fit inside" "IPv6 needs 1280 inside" --esp aes128gcm16 --link 1300
shows "step" "15 bytes of the link stay empty" --esp aes128-sha256 --link 1499
shows "integrity beside an AEAD" "sha256 is not used: aes128gcm16 authenticates by itself" --esp aes128gcm16-sha256
shows "no integrity" "anyone can alter the packets" --esp aes128
shows "list" "aes256gcm16                8      1   16    20  RFC 4106" --list
if [[ $("$ESPIAL" mtu --esp aes128gcm16 --mode transport) == *"with IPv6"* ]]; then
	not_ok "no MSS of a family that cannot be inside"
else
	ok "no MSS of a family that cannot be inside"
fi

refuses "no transforms" 2 "which transforms? For example \`espial mtu --esp aes256gcm16\`; --list shows all"
refuses "SPI" 2 "--sa 0xg is no SPI: give it as \`ip xfrm state\` shows it, like 0xc2f4e5aa" --sa 0xg
refuses "SPI of 33 bits" 2 "--sa 0x100000001 is no SPI: give it as \`ip xfrm state\` shows it, like 0xc2f4e5aa" --sa 0x100000001
refuses "SPI 0" 2 "--sa 0 is no SPI: give it as \`ip xfrm state\` shows it, like 0xc2f4e5aa" --sa 0
refuses "SA and transforms" 2 "--sa 0x1001 has transforms of its own: leave out 'aes128gcm16'" --sa 0x1001 --esp aes128gcm16
refuses "SA and mode" 2 "--sa knows that by itself: leave out --mode" --sa 0x1001 --mode transport
refuses "SA and tunnel" 2 "--sa or --tunnel, not both" --sa 0x1001 --tunnel office
refuses "two SAs" 2 "one SA at a time: '1' or '2'" --sa 1 --sa 2
refuses "destination without SA" 2 "--destination is for --sa: it tells SAs with the same SPI apart" --destination 192.0.2.1
refuses "socket without tunnel" 2 "--socket is for --tunnel: nobody else asks the agent" --socket /nowhere --esp aes128gcm16
refuses "no agent" 3 "no agent answers at $TMPDIR/nobody: start it with \`espial run\`, or name its socket with --socket" \
	--tunnel office --socket "$TMPDIR/nobody"
refuses "unknown transform" 2 \
	"no transform 'aes256gmc16': near it are aes256gcm16, aes256ccm16, aes256gcm12, aes256gcm96, aes256ccm12" --esp aes256gmc16
refuses "nothing near" 2 "no transform 'zzz': \`espial mtu --list\` shows them" --esp zzz
refuses "AH cipher" 2 "--ah aes128: 'aes128' is a cipher, and AH does not encrypt" --ah aes128
refuses "no cipher" 2 "--esp sha256 has no cipher: null-sha256 for ESP without encryption, --ah sha256 for AH" --esp sha256
refuses "two sizes" 2 "--esp aes128-3des-sha1: '3des' differs in size from what is before it: give the one that was negotiated" \
	--esp aes128-3des-sha1
refuses "link out of range" 2 "option --link wants a number of bytes from 68 to 65535, not '67'" --esp aes128gcm16 --link 67
refuses "link that is no number" 2 "option --link wants a number of bytes from 68 to 65535, not '1e3'" --esp aes128gcm16 --link 1e3
refuses "link of many digits" 2 "option --link wants a number of bytes from 68 to 65535, not '99999999999999999999'" \
	--esp aes128gcm16 --link 99999999999999999999
refuses "packet out of range" 2 "option --packet wants a number of bytes from 20 to 65535, not '0'" --esp aes128gcm16 --packet 0
refuses "link too small" 2 "a link MTU of 70 is too small for any payload: with these layers it takes at least 140" \
	--esp aes128-sha256 --link 70
refuses "AH in UDP" 2 "AH cannot travel in UDP or TCP: RFC 3948 and RFC 9329 are for ESP" --ah sha256 --natt
refuses "mode" 2 "no mode 'tunel': did you mean 'tunnel'?" --esp aes128gcm16 --mode tunel
refuses "option of a layer" 2 "no option of gre 'kee': did you mean 'key'?" --esp aes128gcm16 --gre=kee

"$ESPIAL" mtu --esp aes128gcm16 >/dev/full 2>"$TMPDIR/err"
is "full disk" $? 3
"$ESPIAL" mtu --json --esp aes128gcm16 >/dev/full 2>"$TMPDIR/err"
is "full disk, JSON" $? 3

if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	is "with no capability" "$(setpriv --inh-caps=-all --bounding-set=-all "$ESPIAL" mtu --esp aes128gcm16 |
		sed -n 's/^Inner MTU  //p')" 1446
fi
finish
