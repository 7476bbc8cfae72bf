#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# espial diagnose: of an agent, that --all has each finding of the catalogue once, decided or with what it would need; and of one that
# answers what is written here, what is chosen, what is printed, and what is said of tunnels, peers and times that are none
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/../net/lib.sh"
need_cmd jq python3
need_netns
export TZ=UTC
out=$TMPDIR/out
grep -oE '^FINDING\([A-Z0-9_]+, "[a-z0-9-]+"' "$ESPIAL_ROOT/user/diagnose/catalogue.def" | cut -d'"' -f2 | sort >"$TMPDIR/ids"

diagnose()
{
	"$ESPIAL" diagnose --socket "$AGENT_SOCKET" "$@"
}
says()
{
	check "$1" grep -qE -- "$2" "$out" || cat "$out"
}
# What this host's kernel may lack: that is not what is tested here
lacking='[.needs[] | split(": ")[0] | select(. != "the kernel'"'"'s counters of IPsec (/proc/net/xfrm_stat)" and . != "why the kernel drops packets")]'
# state_of ID: what --all says of it, with what it would need
state_of()
{
	diagnose --all --json | jq -r --arg id "$1" ".catalogue[] | select(.id == \$id) | [.state] + $lacking | join(\", \")"
}
# shellcheck disable=SC2317 # wait_for calls it
state_is()
{
	[ "$(state_of "$1")" = "$2" ]
}

# ---- an agent that knows little

check "a pair of interfaces" net_pair || finish
check "agent starts" agent_start dut -i b0 --xfrm no --vici none --firewall no || finish
diagnose --all --json >"$out"
is "each finding of the catalogue once" "$(jq -r '.catalogue[].id' "$out" | sort)" "$(cat "$TMPDIR/ids")"
is "of how many there are" "$(jq '.catalogue | length' "$out")" 59
is "none of them for nothing" "$(jq -c '[.catalogue[] | select((.state == "undecided") != (.needs | length > 0))]' "$out")" "[]"
is "in a known state" "$(jq -r '[.catalogue[].state] | unique - ["found", "cleared", "explained", "undecided", "not-found"] | join(" ")' "$out")" ""
kernel="undecided, the kernel's SAs and policies (XFRM)"
daemon="undecided, the IKE daemon (VICI)"
firewall="the firewall's NAT rules"
while read -r id wanted; do
	is "$id: what it would need" "$(state_of "$id")" "$wanted"
done <<END
ike-not-started $daemon
certificate-expiry $daemon
rekey-late $kernel
invalid-spi $kernel
esp-auth-failed $kernel
replay-dropped $kernel
policy-overlap $kernel
policy-mismatch $kernel
cleartext-leak $kernel
decrypted-dropped $kernel
duplicate-sas undecided, which traffic an SA is for, from the kernel (XFRM) or the IKE daemon (VICI)
nat-before-ipsec $kernel, $firewall
nat-steals-ike undecided, $firewall
pmtu-blackhole undecided, a probe of the path
mss-too-high undecided, the inner interface
path-loss not-found
dpd-timeout not-found
END
is "and no other" "$(jq "[.catalogue[] | select(.state == \"undecided\" and ($lacking | length > 0))] | length" "$out")" 15
diagnose --all >"$out"
is "text: each finding once" "$(grep -oE '[a-z0-9]+(-[a-z0-9]+)*' "$out" | grep -xFf "$TMPDIR/ids" | sort)" "$(cat "$TMPDIR/ids")"
says "text: what is not so" '^Looked for, and not found \([0-9]+ of 59\):$'
says "text: what is needed" "^  nat-before-ipsec +the kernel's SAs and policies \(XFRM\); the firewall's NAT rules$"
is "text: and how to have it, once" "$(grep -c 'run the agent on the gateway, with --xfrm yes and CAP_NET_ADMIN$' "$out")" 1
says "nothing yet" '^No findings\. No tunnel was seen yet\.$'
agent_stop
is "agent stops" $? 0

# ---- one that knows what this host knows

check "agent starts again" agent_start dut -i b0 --vici none || finish
if ns dut ip xfrm state >/dev/null 2>&1; then
	check "the kernel decides" wait_for 60 state_is rekey-late not-found || state_of rekey-late
	check "the kernel says what an SA is for" wait_for 60 state_is duplicate-sas not-found || state_of duplicate-sas
else
	skip "the kernel decides" "this kernel has no XFRM"
fi
is "still each once" "$(diagnose --all --json | jq -r '.catalogue[].id' | sort)" "$(cat "$TMPDIR/ids")"
agent_stop
is "it stops, too" $? 0

# ---- one that answers as it is told

AGENT_SOCKET=$TMPDIR/s
# answer JSON: from now on
answer()
{
	jq -c '{espial: {version: "1", schema: 1}, findings: [], findings_cleared: [], findings_undecided: []} + .' <<<"$1" >"$TMPDIR/answer"
}
answer '{}'
python3 - "$AGENT_SOCKET" "$TMPDIR/answer" >/dev/null 2>&1 <<'END' &
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(5)
while True:
    c, _ = s.accept()
    c.recv(65536)
    body = open(sys.argv[2], "rb").read()
    c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
    c.close()
END
server=$!
at_exit stop_process $server KILL
wait_for 60 test -S "$AGENT_SOCKET"
tunnels='"tunnels": [{"name": "hq", "remote": "192.0.2.7", "state": "up"}, {"name": "branch", "remote": "2001:db8::7", "state": "down"}]'
# finding ID TUNNEL PEER UNTIL [EXPLAINS]
finding()
{
	jq -n --arg id "$1" --arg tunnel "$2" --arg peer "$3" --arg until "$4" --arg explains "${5:-}" '{
		id: $id, severity: "critical", confidence: "likely", shape: null, subject: {tunnel: $tunnel, peer: $peer, spi: null, interface: null},
		since: "2026-06-18T00:31:17.000000000Z", until: (if $until == "" then null else $until end), last_good: null,
		meaning: "It is so.", action: "do this", explains: [$explains | select(. != "")],
		evidence: [{what: "later", value: 2, at: "2026-06-18T00:31:20.000000000Z", origin: "wire"},
			{what: "the day before", value: 1, at: "2026-06-17T23:59:59.000000000Z", origin: "wire"},
			{what: "line", value: "gave up", at: "2026-06-18T00:31:18.000000000Z", origin: "log"},
			{what: "line", value: "Jun 18 00:31:19 gave up again", at: "2026-06-18T00:31:19.000000000Z", origin: "log"}],
		remedies: [{platform: "linux", text: "try this", command: null}]}'
}
refused()
{
	local name=$1 status=$2 line=$3 got

	shift 3
	diagnose "$@" >"$out" 2>"$TMPDIR/err"
	got=$?
	is "$name: status" $got "$status"
	is "$name: line" "$(cat "$TMPDIR/err")" "espial: $line"
	is "$name: nothing else" "$(cat "$out")" ""
}

answer "{$tunnels}"
diagnose >"$out"
is "down without a finding: status" $? 0
says "down without a finding" '^No findings\. 2 tunnels: 1 up, 1 down\.$'
says "down without a finding: which, and what to do" '^Down, and what was seen does not say why: branch\. To do: .*espial journal.*espial diagnose --all'
diagnose --tunnel hq >"$out"
is "of the tunnel that is up" "$(cat "$out")" "No findings. 1 tunnel: 1 up."
refused "no such tunnel" 3 "--tunnel hg: the agent has no such tunnel: it has hq, branch" --tunnel hg
refused "no such peer" 3 "--peer 192.0.2.8: the agent has no tunnel to this peer: it has 192.0.2.7, 2001:db8::7" --peer 192.0.2.8
refused "no address" 2 "--peer 'hq': must be an address, like 203.0.113.7 or 2001:db8::7" --peer hq
refused "no time" 2 "--since: 'noon' is no time: '2 hours ago', 'yesterday 22:00', '2026-06-18 00:31:17' or '@1781735477'" --since noon
refused "a time to come" 2 "--since: '@4099999999' is yet to come: '2 hours ago', 'yesterday 22:00', '2026-06-18 00:31:17' or '@1781735477'" \
	--since @4099999999
diagnose --peer 2001:DB8:0::7 >"$out"
says "an address written in another way" '^No findings\. 1 tunnel: 1 down\.$'

answer "$(jq -n --argjson now "$(finding dpd-timeout hq 192.0.2.7 "" esp-one-way-out)" \
	--argjson gone "$(finding path-loss old 192.0.2.9 2026-06-18T00:40:17.000000000Z)" "{$tunnels}"' + {findings: [$now], findings_cleared: [$gone],
		findings_undecided: [{id: "rekey-late", needs: ["the kernel: run it there"]}]}')"
diagnose >"$out"
says "a finding: its first line" '^CRITICAL hq, since 2026-06-18 00:31:17 UTC: It is so\. To do: do this\.$'
is "a finding: evidence in the order of time" "$(sed -n '/because/,/remedies/p' "$out" | sed 's/^ *//; s/^because *//; $d')" \
	"2026-06-17 23:59:59 the day before: 1
00:31:18 line: gave up
line: Jun 18 00:31:19 gave up again
00:31:20 later: 2"
says "a finding: what it explains" '^  explains  esp-one-way-out$'
diagnose --exit-code >/dev/null
is "--exit-code: now" $? 1
diagnose --exit-code --tunnel branch >/dev/null
is "--exit-code: not of this tunnel" $? 0
diagnose --exit-code --tunnel old --since 2026-06-18 >"$out"
is "--exit-code: what is over is no reason" $? 0
says "what is over" '^CRITICAL old, over since 2026-06-18 00:40:17 UTC: '
says "what is over: how long it was so" 'when +since 2026-06-18 00:31:17 UTC until 2026-06-18 00:40:17 UTC, 9 min 0 s'
is "--since a time after it was over" "$(diagnose --tunnel old --since '2026-06-18 00:41Z' --json)" "[]"
diagnose --all --json --since 2026-06-18 >"$out"
is "--all: the findings, too" "$(jq -c '[.findings[].id]' "$out")" '["dpd-timeout","path-loss"]'
is "--all: what became of each" "$(jq -c '[.catalogue[] | select(.state != "not-found") | [.id, .state] + .needs]' "$out")" \
	'[["dpd-timeout","found"],["rekey-late","undecided","the kernel: run it there"],["esp-one-way-out","explained"],["path-loss","cleared"]]'
finish
