#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The agent as a process: what it refuses to start with, how it answers, reloads and ends
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/../net/lib.sh"
need_cmd curl jq python3
need_netns
check "a pair of interfaces" net_pair || finish

# refuses NAME REGEX ARGUMENT...: exit status 3 and one line
refuses()
{
	local name=$1 regex=$2 got

	shift 2
	ns dut timeout 60 "$ESPIAL" run --journal none "$@" >"$TMPDIR/out" 2>"$TMPDIR/err" </dev/null
	got=$?
	is "$name: status" $got 3
	matches "$name: line" "$(grep '^espial: ' "$TMPDIR/err")" "^espial: $regex\$"
	is "$name: only that" "$(grep -vc '^espial: ' "$TMPDIR/err")" 0
}

ask()
{
	curl -s --max-time 30 --unix-socket "$AGENT_SOCKET" "$@"
}

ask_tcp()
{
	ns dut curl -s --max-time 30 "$@"
}

# ---- what it does not start with
socket=$TMPDIR/s
refuses "unknown interface" ".*nosuch0.*" --socket "$socket" -i nosuch0
check "unknown interface: the socket is gone" test ! -e "$socket"
echo precious >"$socket"
refuses "a file where the socket goes" \
	"socket $socket: something that is no socket is there: remove it, or choose another with --socket" --socket "$socket" -i b0
is "a file where the socket goes: it stays" "$(cat "$socket")" precious
rm -f "$socket"
refuses "directory of a directory that is not there" \
	"directory $TMPDIR/none/none of the socket: No such file or directory: make it, or choose another with --socket" \
	--socket "$TMPDIR/none/none/s" -i b0
refuses "address of another host" \
	"listen 198.51.100.77:9641: Cannot assign requested address: give an address of this host, or only a port for loopback" \
	--socket "$socket" --listen 198.51.100.77:9641 -i b0
if command -v setpriv >/dev/null; then
	install -d -m 777 "$TMPDIR/nobody"
	chmod a+x "$TMPDIR" "$(dirname "$TMPDIR")"
	cp "$ESPIAL" "$TMPDIR/nobody/espial"
	ns dut setpriv --reuid 65534 --regid 65534 --clear-groups "$TMPDIR/nobody/espial" run --journal none --socket "$TMPDIR/nobody/s" -i b0 \
		>"$TMPDIR/out" 2>"$TMPDIR/err" </dev/null
	is "no privileges: status" $? 3
	matches "no privileges: line" "$(cat "$TMPDIR/err")" '^espial: .*(CAP_BPF|root|privilege)'
	is "no privileges: one line" "$(wc -l <"$TMPDIR/err")" 1
else
	skip "no privileges" "needs setpriv"
fi

# ---- a socket left behind is replaced, one that answers is not
mkdir "$TMPDIR/run"
python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$TMPDIR/run/left"
printf '[run]\ninterface = b0\nxdp-mode = native\n' >"$TMPDIR/conf"
check "the agent starts" agent_start dut --config "$TMPDIR/conf" --listen 9641 || finish
is "mode of the socket" "$(stat -c %a "$AGENT_SOCKET")" 660
refuses "another agent" \
	"socket $AGENT_SOCKET: another agent runs \(pid $AGENT_PID\): stop it, or choose another with --socket" \
	--socket "$AGENT_SOCKET" -i b0
check "the first one still answers" agent_json
refuses "port taken" "listen 9641: Address already in use: choose another port" --socket "$socket" --listen 9641 -i b0

# ---- answers
is "health" "$(ask http://x/healthz | jq -c .)" '{"status":"ok"}'
is "health by TCP" "$(ask_tcp http://127.0.0.1:9641/healthz | jq -c .)" '{"status":"ok"}'
is "state" "$(ask http://x/api/v1/state | jq -r '.source.kind, .espial.schema')" $'live\n1'
is "status --json is the state" "$(agent_json | jq -c 'keys')" "$(ask http://x/api/v1/state | jq -c 'keys')"
is "events" "$(ask http://x/api/v1/events | jq -c 'type')" '"array"'
is "unknown path" "$(ask -w '%{http_code}' http://x/nope)" \
	'{"error":"no such path","paths":["/metrics","/api/v1/state","/api/v1/diagnosis","/api/v1/events","/healthz"]}404'
is "POST" "$(ask -w '%{http_code}' -d x=1 http://x/metrics)" '{"error":"only GET and HEAD"}405'
matches "HEAD" "$(ask -I http://x/metrics)" 'HTTP/1.1 200 OK'
matches "classic metrics" "$(ask -i http://x/metrics | tr -d '\r')" 'Content-Type: text/plain; version=0.0.4'
matches "OpenMetrics" "$(ask -i -H 'Accept: application/openmetrics-text;q=0.5,text/plain;q=0.4' http://x/metrics | tr -d '\r')" \
	'Content-Type: application/openmetrics-text; version=1.0.0'
is "OpenMetrics ends as it must" "$(ask -H 'Accept: application/openmetrics-text' http://x/metrics | tail -n 1)" '# EOF'
for view in "" sas interfaces self; do
	# shellcheck disable=SC2086 # none or one
	check "status $view" "$ESPIAL" status $view --socket "$AGENT_SOCKET"
done

# ---- events, as they come
"$ESPIAL" events --follow --socket "$AGENT_SOCKET" >"$TMPDIR/followed" 2>&1 &
follower=$!
at_exit stop_process $follower KILL
ns gen python3 - <<'END'
import socket
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("10.9.0.1", 500))
u.sendto(bytes.fromhex("a88875a8198992a6000000000000000029202220000000000000003c000000200000400600000001"
                       "c2221e50c16e123f2b0c71aefcf0cb3b798782c6"), ("10.9.0.2", 500))
END
line='b0 in 10\.9\.0\.1:500 > 10\.9\.0\.2:500 IKEv2 IKE_SA_INIT response id 0 spi 0xa88875a8198992a6/0x0000000000000000 length 88'
check "an IKE message is followed" wait_for 60 grep -q "$line" "$TMPDIR/followed"
check "and listed" grep -q "$line" <("$ESPIAL" events --socket "$AGENT_SOCKET")
is "as JSON" "$("$ESPIAL" events --json --socket "$AGENT_SOCKET" | jq -r 'select(.kind == "ike") | .ike.exchange')" IKE_SA_INIT

# ---- reload
logged()
{
	# shellcheck disable=SC2317 # by wait_for
	grep -q "$1" "$AGENT_LOG"
}
ingress='[.interfaces[] | select(.name == "b0") | .ingress]'
is "before: native XDP" "$(agent_json | jq -c "$ingress")" '["xdp native"]'
printf '[run]\ninterface = b0\nxdp-mode = off\nsa-capacity = 100\n' >"$TMPDIR/conf"
kill -HUP "$AGENT_PID"
check "reload: what needs a restart is said" wait_for 60 logged "reload: sa-capacity stays as it was: a change needs a restart"
check "reload" wait_for 60 logged " reloaded$"
check "reload: without XDP" agent_shows 60 "$ingress | map(test(\"^(tcx|clsact)\")) | all" true
printf '[run]\nxdp-mod = off\n' >"$TMPDIR/conf"
kill -HUP "$AGENT_PID"
check "reload of a bad file: said, and goes on" \
	wait_for 60 logged "reload: $TMPDIR/conf:2: no key 'xdp-mod': did you mean 'xdp-mode'?: everything stays as it was"
check "it still answers" agent_json

# ---- the end, with one who follows
agent_stop
is "SIGTERM: status" $? 0
wait $follower
is "the follower ends: status" $? 3
matches "the follower ends: line" "$(tail -n 1 "$TMPDIR/followed")" 'it ended$'
check "the socket is gone" test ! -e "$AGENT_SOCKET"
is "nothing stays on the interface" "$(ip -n "${NS_PREFIX}dut" link show b0 | grep -c prog/xdp)" 0

# ---- a socket of one that is gone
ns_spawn dut "$TMPDIR/log" "$ESPIAL" run -i b0 --journal none --socket "$TMPDIR/run/left"
again=$SPAWNED
at_exit stop_process "$again" KILL
check "a socket left behind is replaced" wait_for 60 "$ESPIAL" status --socket "$TMPDIR/run/left"
stop_process "$again" INT
is "SIGINT: status" $? 0

finish
