#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What `espial read` says of public captures, compared with what independent analysers say (tests/captures/tcpdump)
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need_cmd jq
captures=$ESPIAL_ROOT/tests/captures/tcpdump
out=$TMPDIR/out

# Classes and reasons that are not 0, as "name count", in the document's order
classes='[.packets | .class, .rejected | to_entries[] | select(.value > 0) | "\(.key) \(.value)"] | join(", ")'
malformed='[.ike.malformed | to_entries[] | "\(.key) \(.value)"] | join(", ")'
sas='[.sas[] | "\(.encapsulation) \(.spi) \(.sequence.first)-\(.sequence.highest) \(.sequence.received) \(.sequence.lost)"] | join(", ")'

# capture FILE CLASSES IKE-MESSAGES MALFORMED SAS
capture()
{
	local status

	"$ESPIAL" read --json "$captures/$1" >"$out" 2>"$TMPDIR/err"
	status=$?
	is "$1: exit status" $status 0
	is_json "$1: packets" "$out" "$classes" "$2"
	is_json "$1: IKE messages" "$out" .ike.messages "$3"
	is_json "$1: malformed IKE" "$out" "$malformed" "$4"
	is_json "$1: SAs" "$out" "$sas" "$5"
	is_json "$1: seen is the sum of classes and rejected" "$out" \
		'.packets | .seen == ([.class[], .rejected[]] | add)' true
}

capture isakmp4500.pcap 'esp_udp 8, ike 4, ike_natt 11, nat_keepalive 4, other 8' 15 '' 'udp 0xf4dc0ae5 1-8 8 0'
capture ikev2four.pcap 'ike 21' 21 '' ''
capture ISAKMP_sa_setup.pcap 'ike 9' 9 '' ''
capture espudp1.pcap 'esp_udp 8' 0 '' 'udp 0x12345678 1-8 8 0'
capture 02-sunrise-sunset-esp.pcap 'esp 8' 0 '' 'none 0x12345678 1-8 8 0'
capture 08-sunrise-sunset-esp2.pcap 'esp 8' 0 '' 'none 0x12345678 1-8 8 0'
capture ikev2pI2.pcap 'ike 2' 2 '' ''
# The damaged ones: each is refused by name
capture esp_truncated.pcap 'not_captured 1' 0 '' ''
capture ikev2pI2-segfault.pcapng 'ike 1' 1 'transform_next 1' ''
capture isakmp-3948-oobr-2.pcap 'udp_length 1' 0 '' ''
capture isakmp-delete-segfault.pcap 'udp_length 1' 0 '' ''
capture isakmp-identification-segfault.pcap 'ike 1' 1 'sa_not_first 1' ''
capture isakmp-pointer-loop.pcap 'ike_length 1' 0 '' ''
capture isakmp-rfc3948-oobr.pcap 'other 22, udp_length 1' 0 '' ''
capture isakmp-various-oobr.pcap 'other 1, fragment_size 1' 0 '' ''

# The tables say the same
text=$("$ESPIAL" read "$captures/isakmp4500.pcap" 2>/dev/null)
matches "summary: classes" "$text" 'esp_udp 8, ike 4, ike_natt 11, nat_keepalive 4, other 8'
matches "summary: IKE" "$text" 'IKE +15 messages'
matches "summary: the SA" "$text" '192\.1\.2\.254:4500 -> 192\.1\.2\.23:4500 +0xf4dc0ae5 +esp/udp +8 '
text=$("$ESPIAL" read "$captures/isakmp-identification-segfault.pcap" 2>/dev/null)
matches "summary: malformed IKE" "$text" 'malformed +1 sa_not_first: '
text=$("$ESPIAL" read "$captures/isakmp-pointer-loop.pcap" 2>/dev/null)
matches "summary: rejected" "$text" 'rejected +1 ike_length: '

finish
