#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Asking an agent that is not there, or something that is none: one line with the remedy, and exit status 3
. "$(dirname "$0")/../lib.sh"
need_cmd python3
socket=$TMPDIR/s

# fails NAME LINE ARGUMENT...
fails()
{
	local name=$1 line=$2 got

	shift 2
	timeout 60 "$ESPIAL" "$@" >"$TMPDIR/out" 2>"$TMPDIR/err" </dev/null
	got=$?
	is "$name: status" $got 3
	is "$name: line" "$(cat "$TMPDIR/err")" "espial: $line"
	is "$name: nothing on stdout" "$(cat "$TMPDIR/out")" ""
}

# serve ANSWER: one who answers so, as printf writes it; "hold": nothing, ever
serve()
{
	rm -f "$socket"
	python3 - "$socket" "$1" <<'END' &
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(5)
while True:
    c, _ = s.accept()
    if sys.argv[2] == "hold":
        c.recv(65536)
        held = c
        continue
    c.recv(65536)
    c.sendall(sys.argv[2].encode().decode("unicode_escape").encode())
    c.close()
END
	server=$!
	at_exit stop_process $server KILL
	wait_for 60 test -S "$socket"
}

for command in status "status sas" "status --json" events "events --json" "events --follow"; do
	# shellcheck disable=SC2086 # words
	fails "$command, nothing there" \
		"no agent answers at $socket: start it with \`espial run\`, or name its socket with --socket" $command --socket "$socket"
done
python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$socket"
fails "socket of one that is gone" \
	"no agent answers at $socket: start it with \`espial run\`, or name its socket with --socket" status --socket "$socket"
rm -f "$socket"
echo >"$socket"
fails "a file" "$socket is no socket: name the agent's with --socket" status --socket "$socket"
fails "a path through a file" \
	"no agent answers at $socket/x: start it with \`espial run\`, or name its socket with --socket" status --socket "$socket/x"
long=$(printf 'a%.0s' {1..200})
fails "a long path" "$long: path too long for a socket: at most 107 bytes" status --socket "$long"

serve 'SSH-2.0-OpenSSH\r\n'
fails "another service" \
	"$socket: what answers there is no espial agent, or it broke off: name its socket with --socket" status --socket "$socket"
stop_process "$server" KILL
serve 'HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\n{"espial"'
fails "an answer that breaks off" \
	"$socket: what answers there is no espial agent, or it broke off: name its socket with --socket" status --socket "$socket"
stop_process "$server" KILL
serve 'HTTP/1.0 200 OK\r\n\r\nhello'
fails "no JSON" "agent at $socket: its answer is no JSON: line 1: '[' or '{' expected near 'hello'" status --socket "$socket"
fails "no JSON of events" \
	"$socket: what answers there is no espial agent, or it broke off: name its socket with --socket" events --socket "$socket"
stop_process "$server" KILL
serve 'HTTP/1.0 200 OK\r\n\r\n{"schema": 1}'
fails "no state" \
	"agent at $socket: its answer is no state that this version knows: use the agent's own version of espial" status --socket "$socket"
stop_process "$server" KILL
serve 'HTTP/1.0 500 Oops\r\n\r\n{}'
fails "an agent in trouble" \
	"agent at $socket: answered with HTTP status 500: see its log, and whether it is of this version" status --socket "$socket"
stop_process "$server" KILL
serve hold
fails "no answer" "agent at $socket: no answer within 5 s: it may hang; restart it" status --socket "$socket"
stop_process "$server" KILL

# An event whose text is not harmless, and one of a kind of later versions
serve 'HTTP/1.0 200 OK\r\n\r\n[{"time": "now", "kind": "ike", "interface": "\\u001b[31m", "ike": null}, {"kind": "new"}, 5]'
is "events are escaped" "$("$ESPIAL" events --socket "$socket")" $'now ?[31m ike\n new'
stop_process "$server" KILL

finish
