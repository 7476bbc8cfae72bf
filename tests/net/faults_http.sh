#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The agent's HTTP under attack by TCP: requests that never end, that are too large, that are no requests, thousands of
# connections, followers without number. It answers or closes, the Unix socket answers on, packets are counted, and memory and
# descriptors are afterwards what they were. What is expected of each stands beside it. timeout: 900
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
need_netns
need_cmd curl jq python3
net_pair 1500 || skip_all "no veth here"
check "the agent starts" agent_start dut -i b0 --listen 9641 || finish

answers()
{
	ns dut curl -sf --max-time 10 http://127.0.0.1:9641/healthz
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
	check "$1: it answers on" wait_for 60 answers
}

answers >/dev/null
fds=$(descriptors)
ns gen "$NET_PROGRAMS/traffic" a0 50 >"$TMPDIR/sent.json"
sent=$(jq .seen "$TMPDIR/sent.json")
check "packets are counted" agent_shows 60 '.interfaces[0].in.seen' "$sent"

# ---- requests that are none, or too much. Expected: the status that stands beside each, and no byte of a file; or 4xx, or
# nothing and the connection closed.
nothing="^'(HTTP/1\.[01] 4[0-9][0-9] [A-Za-z ,-]+|)'$"
raw "path traversal" "^'HTTP/1.1 404" 'b"GET /../../../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"'
raw "path traversal, escaped" "^'HTTP/1.1 404" 'b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"'
raw "a NUL in the path ends it" "^'HTTP/1.1 (200|404)" 'b"GET /metrics%00.html HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"'
raw "POST" "^'HTTP/1.1 405" 'b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"'
# The refusal comes while it is still being sent, and the reset that follows may overtake it
raw "POST of a megabyte" "^'(HTTP/1.1 405.*|)'$" 'b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n" + b"x" * 1048576'
raw "PUT" "^'HTTP/1.1 405" 'b"PUT /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"'
raw "a method without end" "$nothing" 'b"A" * 100000'
raw "a path without end" "$nothing" 'b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n"'
raw "a header without end" "$nothing" 'b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 200000 + b"\r\n\r\n"'
raw "headers without end" "$nothing" 'b"GET /metrics HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 20000 + b"\r\n"'
raw "a length that is none" "$nothing" 'b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\nConnection: close\r\n\r\n"'
raw "TLS" "$nothing" 'bytes.fromhex("16030100c8010000c40303") + b"\0" * 190 + b"\r\n\r\n"'
raw "noise" "$nothing" 'bytes(range(256)) * 40 + b"\r\n\r\n"'
equations_now "requests that are none"

# ---- requests that never end: more than there are connections (64 by TCP, as many by the Unix socket). Half are silent, half
# send a byte of a header every half second, forever. Expected: the agent closes each 10 s after it was accepted, answers others
# then, and the Unix socket and the datapath do not notice.
ns_spawn dut "$TMPDIR/loris" python3 -u -c '
import select, socket, time
held, closed = [], 0
for i in range(70):
    s = socket.socket()
    s.settimeout(5)
    try:
        s.connect(("127.0.0.1", 9641))
        s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: ")
        held.append((s, i % 2))
    except OSError:
        pass
print("held", len(held), flush=True)
while held:
    for s, drips in held[:]:
        try:
            if drips:
                s.sendall(b"x")
            if select.select([s], [], [], 0)[0] and not s.recv(100):
                raise OSError
        except OSError:
            s.close()
            held.remove((s, drips))
            closed += 1
    time.sleep(0.5)
print("closed", closed, flush=True)'
loris=$SPAWNED
at_exit stop_process "$loris" KILL
check "slow loris: connected" wait_for 60 grep -q held "$TMPDIR/loris"
check "slow loris: the Unix socket answers" wait_for 60 agent_json
ns gen "$NET_PROGRAMS/traffic" a0 50 >"$TMPDIR/sent.json"
check "slow loris: packets are counted" agent_shows 60 '.interfaces[0].in.seen' $((2 * sent))
equations "slow loris, while it lasts"
check "slow loris: all that were connected are closed" wait_for 90 grep -q closed "$TMPDIR/loris"
is "slow loris: silent and dripping alike" "$(sed -n 's/^closed //p' "$TMPDIR/loris")" "$(sed -n 's/^held //p' "$TMPDIR/loris")"
check "slow loris: others are answered" wait_for 60 answers
check "slow loris: no descriptor is left" wait_for 60 descriptors_at_most "$fds" || ls -l "/proc/$AGENT_PID/fd"
equations_now "slow loris"

# ---- followers, who may stay as long as they like. Expected: 32 of them, the next is told so, and connections are left for others.
ns_spawn dut "$TMPDIR/followers" python3 -u -c '
import socket, time
held, answers = [], []
for i in range(40):
    s = socket.create_connection(("127.0.0.1", 9641), 30)
    s.sendall(b"GET /api/v1/events?follow=1 HTTP/1.1\r\nHost: x\r\n\r\n")
    answers.append(s.recv(12)[9:].decode())
    held.append(s)
print("followers", answers.count("200"), "refused", answers.count("503"), flush=True)
time.sleep(600)'
followers=$SPAWNED
at_exit stop_process "$followers" KILL
check "followers: all have an answer" wait_for 60 grep -q followers "$TMPDIR/followers"
is "followers: 32 are served" "$(cat "$TMPDIR/followers")" "followers 32 refused 8"
check "followers: others are answered" wait_for 60 answers
equations_now "followers"
stop_process "$followers" KILL
check "followers: gone, no descriptor is left" wait_for 60 descriptors_at_most "$fds" || ls -l "/proc/$AGENT_PID/fd"

# ---- thousands of connections, one after the other and many at a time; each tenth asks for the state, and none waits for an
# answer but the last of each 75: when it has one, the agent has taken all, and none of the next finds the queue full, which
# costs a second each time. Expected: they pass, it answers afterwards, and no descriptor or memory is left with it.
memory=$(resident)
ns dut timeout 240 python3 - >"$TMPDIR/many" 2>&1 <<'END'
import socket
done = 0
for _ in range(40):
    held = [socket.create_connection(("127.0.0.1", 9641), 200) for _ in range(75)]
    last = held[-1]
    for i, s in enumerate(held):
        try:
            if i % 10 == 0 or s is last:
                s.sendall(b"GET /api/v1/state HTTP/1.1\r\nHost: x\r\n\r\n")
            if s is last:
                s.recv(1)
        except OSError:
            pass # closed already, for having been silent
        s.close()
        done += 1
print(done)
END
is "3000 connections are made and dropped" "$(cat "$TMPDIR/many")" 3000
check "3000 connections: it answers" wait_for 90 answers
equations_now "3000 connections"
check "3000 connections: no descriptor is left" wait_for 60 descriptors_at_most "$fds" || ls -l "/proc/$AGENT_PID/fd"
check "3000 connections: memory stays" test "$(resident)" -lt $((memory + 4096)) || echo "$memory kB before, $(resident) kB after"
agent_stop
is "the agent ends well" $? 0
finish
