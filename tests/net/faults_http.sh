#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The agent's HTTP under attack by TCP: requests that never end, that are too large, that are no requests, thousands of
# connections. It answers or closes, the Unix socket answers on, packets are counted, and memory and descriptors are
# afterwards what they were.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
need_netns
need_cmd curl jq python3
net_pair 1500 || skip_all "no veth here"
check "the agent starts" agent_start dut -i b0 --listen 9641 || finish

answers()
{
	ns dut curl -sf --max-time 5 http://127.0.0.1:9641/healthz
}

descriptors()
{
	find "/proc/$AGENT_PID/fd" -mindepth 1 | wc -l
}

# shellcheck disable=SC2317 # by wait_for
descriptors_are()
{
	[ "$(descriptors)" = "$1" ]
}

resident()
{
	awk '$1 == "VmRSS:" { print $2 }' "/proc/$AGENT_PID/status"
}

# raw NAME REGEX PYTHON-BYTES: what comes back for these bytes, at most 200 of it, until the agent closes
raw()
{
	local got

	got=$(ns dut timeout 60 python3 - "$3" <<'END' 2>&1
import socket, sys
s = socket.create_connection(("127.0.0.1", 9641), 50)
s.settimeout(50)
got = b""
try:
    s.sendall(eval(sys.argv[1]))
    while len(got) < 200:
        part = s.recv(200)
        if not part:
            break
        got += part
except (ConnectionResetError, BrokenPipeError):
    pass
except socket.timeout:
    got += b"<still open>"
print(repr(got[:200].split(b"\r\n")[0].decode("latin1")))
END
	)
	matches "$1" "$got" "$2"
	check "$1: it answers on" wait_for 30 answers
}

answers >/dev/null
fds=$(descriptors)

# ---- requests that are none, or too much
nothing="^'(HTTP/1\.[01] 4[0-9][0-9] [A-Za-z ,-]+|)'$"
raw "path traversal" "^'HTTP/1.1 404" 'b"GET /../../../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"'
raw "path traversal, escaped" "^'HTTP/1.1 404" 'b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"'
raw "a NUL in the path ends it" "^'HTTP/1.1 (200|404)" 'b"GET /metrics%00.html HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"'
raw "POST of a megabyte" "^'HTTP/1.1 405" 'b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n" + b"x" * 1048576'
raw "PUT" "^'HTTP/1.1 405" 'b"PUT /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"'
raw "a method without end" "$nothing" 'b"A" * 100000'
raw "a path without end" "$nothing" 'b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n"'
raw "a header without end" "$nothing" 'b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 200000 + b"\r\n\r\n"'
raw "headers without end" "$nothing" 'b"GET /metrics HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 20000 + b"\r\n"'
raw "a length that is none" "$nothing" 'b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\nConnection: close\r\n\r\n"'
raw "TLS" "$nothing" 'bytes.fromhex("16030100c8010000c40303") + b"\0" * 190 + b"\r\n\r\n"'
raw "noise" "$nothing" 'bytes(range(256)) * 40 + b"\r\n\r\n"'

# ---- requests that never end: more than there are connections (64 by TCP, as many by the Unix socket)
ns_spawn dut "$TMPDIR/loris" python3 -u -c '
import socket, time
held = []
for i in range(70):
    s = socket.socket()
    s.settimeout(5)
    try:
        s.connect(("127.0.0.1", 9641))
        s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")
        held.append(s)
    except OSError:
        pass
print("held", len(held))
time.sleep(600)'
loris=$SPAWNED
at_exit stop_process "$loris" KILL
check "slow loris: connected" wait_for 60 grep -q held "$TMPDIR/loris"
check "slow loris: the Unix socket answers" wait_for 10 agent_json
ns gen "$NET_PROGRAMS/traffic" a0 50 >"$TMPDIR/sent.json"
check "slow loris: packets are counted" agent_shows 30 '.interfaces[0].in.seen' "$(jq .seen "$TMPDIR/sent.json")"
check "slow loris: they are closed in the end, and others answered" wait_for 90 answers
stop_process "$loris" KILL
check "slow loris: no descriptor is left" wait_for 60 descriptors_are "$fds" || ls -l "/proc/$AGENT_PID/fd"

# ---- thousands of connections, one after the other and many at a time
memory=$(resident)
ns dut timeout 120 python3 - >"$TMPDIR/many" 2>&1 <<'END'
import socket
done = 0
for _ in range(40):
    held = []
    for _ in range(75):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(("127.0.0.1", 9641))
        held.append(s)
    for s in held:
        s.close()
        done += 1
print(done)
END
is "3000 connections are made and dropped" "$(cat "$TMPDIR/many")" 3000
check "3000 connections: it answers" wait_for 90 answers
check "3000 connections: no descriptor is left" wait_for 60 descriptors_are "$fds" || ls -l "/proc/$AGENT_PID/fd"
check "3000 connections: memory stays ($memory kB before, $(resident) kB after)" test "$(resident)" -lt $((memory + 8192))
agent_stop
is "the agent ends well" $? 0
finish
