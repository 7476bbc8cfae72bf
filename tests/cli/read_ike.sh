#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The IKE conversations of `espial read --json`: of public captures, and of strongSwan's against its own log (tests/captures)
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need_cmd jq
captures=$ESPIAL_ROOT/tests/captures
out=$TMPDIR/out

# ike FILE LINE...: one line per IKE SA
ike()
{
	local file=$1

	shift
	"$ESPIAL" read --json "$captures/$file" >"$out" 2>/dev/null
	is "$file: IKE SAs" "$(jq -r '.ike_sas[] | "\(.initiator) \(.responder) \(.version) \(.mode) \(.state) \(.nat) \(.messages) \(.retransmits) \(.exchanges | length)"' "$out")" \
		"$(printf '%s\n' "$@")"
	is_json "$file: every state has its evidence" "$out" '[.ike_sas[] | .evidence != "" and .confidence != ""] | all' true
	is_json "$file: messages add up" "$out" '([.ike_sas[].messages] | add) == .ike.messages' true
}

ike tcpdump/isakmp4500.pcap '192.1.2.254:4500 192.1.2.23:4500 1.0 main established initiator 15 3 3'
is_json "the file has no times" "$out" '.ike_sas[0] | [.since, .exchanges[0].request, .exchanges[0].rtt_us]' '[null,null,null]'
ike tcpdump/ikev2four.pcap '192.168.1.2:500 192.168.1.1:500 2.0 null established both 20 0 10' \
	'192.168.1.2:500 192.168.1.1:500 2.0 null established null 1 0 1'
is_json "cookie, and the same again with it" "$out" '[.ike_sas[0].exchanges[:2][].outcome]' '["retry","success"]'
is_json "message ids" "$out" '[.ike_sas[0].exchanges[].message_id]' '[0,0,1,2,3,4,5,6,7,8]'
ike tcpdump/ISAKMP_sa_setup.pcap '10.0.0.1:500 10.0.0.2:500 1.0 main established none 9 0 2'
is_json "chosen" "$out" '.ike_sas[0].chosen' AES_CBC_128/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_768
ike v2psk.pcap '10.1.0.2:4500 10.2.0.2:4500 2.0 null failed both 4 0 2'
ike v2dpd.pcap '10.1.0.2:4500 10.2.0.2:4500 2.0 null established both 18 3 8'
is_json "times of retransmissions" "$out" '.ike_sas[0].exchanges[-1].retransmitted | length' 3
ike v2certip.pcap '10.1.0.2:4500 10.2.0.2:4500 2.0 null established both 4 0 2'
is_json "certificates in fragments of IP" "$out" '.ike_sas[0].exchanges[1] | [.ip_fragments, .fragments]' '[true,0]'
is_json "and somebody asked for them" "$out" '.ike_sas[0].certificate_requests' '["responder"]'
ike v1cert.pcap '10.1.0.2:4500 10.2.0.2:4500 1.0 main established both 16 0 2'
is_json "certificates in fragments of IKE" "$out" '.ike_sas[0].exchanges[0] | [.step, .ip_fragments, .fragments]' '[6,false,9]'
ike v2both.pcap '10.1.0.2:4500 10.2.0.2:4500 2.0 null rekeyed both 20 2 9' \
	'10.2.0.2:4500 10.1.0.2:4500 2.0 null deleted null 2 0 1' '10.1.0.2:4500 10.2.0.2:4500 2.0 null established null 8 0 4'
is_json "both ends rekey at once" "$out" '[.ike_sas[].reason]' '["rekeyed","rekey-lost","rekey-born"]'
ike v1aggr.pcap '10.1.0.2:4500 10.2.0.2:4500 1.0 aggressive established responder 10 1 3'

finish
