#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# espial probe: what people type wrong, peers that cannot be reached, and a probe of this very host. Nothing leaves it: whatever
# might be taken for a peer is an address of loopback.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need_cmd jq

# says NAME STATUS LINE ARGUMENT...: nothing on stdout, that one line on stderr, that status
says()
{
	local name=$1 status=$2 line=$3 got

	shift 3
	"$ESPIAL" probe "$@" >"$TMPDIR/out" 2>"$TMPDIR/err" </dev/null
	got=$?
	is "$name: status" $got "$status"
	is "$name: line" "$(cat "$TMPDIR/err")" "$line"
	is "$name: nothing on stdout" "$(cat "$TMPDIR/out")" ""
}

says "no peer" 2 "espial: which peer? For example \`espial probe vpn.example.net\`"
says "two peers" 2 "espial: one peer at a time: '127.0.0.1' or '127.0.0.2'" 127.0.0.1 127.0.0.2
says "rate" 2 "espial: option --rate wants a number from 1 to 1000, not '0'" --rate 0 127.0.0.1
says "packets" 2 "espial: option --packets wants a number from 10 to 60000, not '60001'" --packets 60001 127.0.0.1
says "time" 2 "espial: option --time wants a number from 1 to 600, not '1h'" --time 1h 127.0.0.1
says "confirm" 2 "espial: option --confirm wants a number from 1 to 100, not '-1'" --confirm=-1 127.0.0.1
says "size too small" 2 "espial: option --max-size wants a number of bytes from 576 to 65535, not '575'" --max-size 575 127.0.0.1
says "size too large" 2 "espial: option --max-size wants a number of bytes from 576 to 65535, not '65536'" --max-size 65536 127.0.0.1
says "hops" 2 "espial: option --max-hops wants a number from 1 to 64, not '65'" --max-hops 65 127.0.0.1
says "unknown transform" 2 "espial: no transform 'aes256gmc16': near it are aes256gcm16, aes256ccm16, aes256gcm12, aes256gcm96, aes256ccm12" \
	--esp aes256gmc16 127.0.0.1
says "no cipher" 2 "$("$ESPIAL" mtu --esp sha256 2>&1)" --esp sha256 127.0.0.1
says "unknown mode" 2 "espial: no mode 'tunel': did you mean 'tunnel'?" --mode tunel 127.0.0.1
says "both families" 2 "espial: --ipv4 or --ipv6, not both" -4 -6 127.0.0.1
says "misspelt option" 2 "espial: no option --trough: did you mean --through?" --trough t
says "through without target" 2 "espial: --through t wants --target, the address of a host behind the peer" --through t
says "through with a peer" 2 "espial: '127.0.0.1': with --through the other end is given by --target" --through t --target 127.0.0.2 127.0.0.1
says "through with a transform" 2 \
	"espial: --through measures inside the tunnel: --esp, --mode and --natt are for the path outside" --through t --target 127.0.0.2 --natt
says "target without through" 2 \
	"espial: --target is for --through TUNNEL; a peer is given without an option: espial probe 127.0.0.1" --target 127.0.0.1
says "multicast" 3 "espial: peer 224.0.0.1 is not the address of one host" 224.0.0.1
says "IPv6 multicast" 3 "espial: peer ff02::1 is not the address of one host" ff02::1
says "everybody" 3 "espial: peer 255.255.255.255 is not the address of one host" 255.255.255.255
says "IPv4 asked for" 3 "espial: peer '::1' does not resolve to IPv4: check the name, or give an address" -4 ::1
says "source of the other family" 3 "espial: source '::1' is no IPv4 address, as 127.0.0.1 is" --source ::1 127.0.0.1
says "source of someone else" 3 "espial: source '192.0.2.77' is no address of this host: \`ip addr\` lists them" --source 192.0.2.77 127.0.0.1
# A label has at most 63 letters, so that no name server is asked
name=$(printf 'a%.0s' {1..64}).example
says "name that does not resolve" 3 "espial: peer '$name' does not resolve: check the name, or give an address" "$name"

"$ESPIAL" probe --json --unprivileged --max-size 9000 --time 100 ::1 >"$TMPDIR/self.json" 2>"$TMPDIR/err"
status=$?
if [ $status = 3 ]; then
	skip "probe of this host" "$(cat "$TMPDIR/err")"
else
	is "probe of this host: status" $status 0
	is_json "the members that are promised" "$TMPDIR/self.json" \
		'["target","reachable","path_mtu","df_honoured","icmp_reporter","fragments_pass","inner_mtu","mss4","mss6","steps"] - keys' '[]'
	is_json "and those of reachable" "$TMPDIR/self.json" '.reachable | keys' '["esp","icmp","udp4500","udp500"]'
	is_json "each step" "$TMPDIR/self.json" '[.steps[] | ["size","result","rtt_us"] - keys] | add' '[]'
	is_json "target" "$TMPDIR/self.json" '[.target, .source, .interface]' '["::1","::1","lo"]'
fi
finish
