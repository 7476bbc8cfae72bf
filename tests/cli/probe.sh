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
says "through without target and agent" 3 \
	"espial: no agent answers at $TMPDIR/none: start it with \`espial run\`, or name its socket with --socket" \
	--through t --socket "$TMPDIR/none"
says "socket without through" 2 "espial: --socket is for --through: nobody else asks the agent of this host" --socket "$TMPDIR/none" 127.0.0.1
for url in http:// http://:80 https://127.0.0.1; do
	says "no URL" 2 "espial: --peer-agent $url is no URL of an agent: http://HOST[:PORT]" --peer-agent $url 127.0.0.1
done
says "no URL, no path" 2 "espial: --peer-agent 127.0.0.1: with http:// in front when it is a host, or with a path when it is a socket" \
	--peer-agent 127.0.0.1 127.0.0.1
says "peer's agent inside a tunnel" 2 "espial: --peer-agent is about the path outside: leave out --through" \
	--through t --target 127.0.0.2 --peer-agent http://127.0.0.1
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
# ---- --through by a tunnel's traffic selectors, as an agent tells them
need_cmd python3
answer()
{
	python3 - "$TMPDIR/agent" "$1" "$2" <<-'END' &
		import json, os, socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.bind(sys.argv[1])
		s.listen()
		body = json.dumps({"tunnels": [{"name": "t", "local": "127.0.0.1", "remote": "127.9.9.9",
		                                "selectors": {"local": sys.argv[2], "remote": sys.argv[3]}}]}).encode()
		c = s.accept()[0]
		c.recv(4096)
		c.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
		c.close()
		os.unlink(sys.argv[1])
	END
	wait_for 60 test -S "$TMPDIR/agent"
}

# goes LOCAL REMOTE WANTED ARGUMENT...: from where to where, or why not
goes()
{
	local wanted=$3 got

	check "an agent" answer "$1" "$2"
	"$ESPIAL" probe --json --through t --socket "$TMPDIR/agent" --time 1 "${@:4}" >"$TMPDIR/out" 2>"$TMPDIR/err"
	got=$(jq -r '"\(.source) \(.target)\(if .notes | map(select(startswith("the target is a guess"))) == [] then "" else " guess" end)"' \
		"$TMPDIR/out" 2>&1)
	[ -s "$TMPDIR/err" ] && got=$(cat "$TMPDIR/err")
	is "$1 to $2 ${*:4}" "$got" "$wanted"
	wait
}

if [ "$status" != 3 ]; then
	goes 127.0.0.1/32 127.0.0.7/32 "127.0.0.1 127.0.0.7"
	goes 127.0.0.0/8 127.0.4.0/24 "127.0.0.1 127.0.4.1 guess"
	goes ::1/128,127.0.0.1/32 127.0.4.5..127.0.4.9 "127.0.0.1 127.0.4.5 guess"
	goes 127.0.0.0/8 "127.0.0.8/32[tcp/80],127.0.0.9/32" "127.0.0.1 127.0.0.9"
	goes "127.0.0.0/8[udp]" "127.0.0.8/32[udp]" "127.0.0.1 127.0.0.8"
	goes 0.0.0.0/0 127.0.0.8/32 "127.0.0.1 127.0.0.8"
	goes 127.0.0.0/8 127.0.4.0/24 "127.0.0.1 127.0.4.77" --target 127.0.4.77
	goes 127.0.0.0/8 127.0.4.0/24 "127.0.0.1 127.0.4.1 guess" --source 127.0.0.1
fi
goes 127.0.0.0/8 0.0.0.0/0 "espial: --through t: any address may be behind the peer (0.0.0.0/0): name one that answers with --target"
goes 198.51.100.0/24 127.0.4.0/24 "espial: --through t: no address of this host is in 198.51.100.0/24, the tunnel's local end, so that its own \
packets do not go in: probe from a host that has one, or name --source and --target"
goes 127.0.0.0/8 127.0.4.0/24 "espial: --through t: it carries 127.0.0.0/8 to 127.0.4.0/24, and not to 127.0.5.1: leave that out, or give \
both --source and --target" --target 127.0.5.1
finish
