#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A quiet hour raises nothing: the capture of 25 real rekeys, stretched to an hour, with 40 packets where there was one, passes through
# everything that a live packet does (parser, windows, conversations, tunnels, rules). Each 250th packet is lost and each 150th late,
# which is below the thresholds; for some minutes nothing but rekeys and liveness checks pass. With each 40th packet lost it is raised.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need_cmd jq python3
cd "$TMPDIR" || exit

# hour FILE LOSE: each so manieth ESP packet is left out
hour()
{
	python3 - "$ESPIAL_ROOT/tests/captures/diagnose/rekeys.pcap" "$1" "$2" <<'END'
import struct, sys
MANY, LATE, SECONDS, LOSE = 40, 150, 3600, int(sys.argv[3])
data = open(sys.argv[1], "rb").read()
ns = struct.unpack("<I", data[:4])[0] == 0xa1b23c4d
at, packets = 24, []
while at < len(data):
    s, u, n, size = struct.unpack("<IIII", data[at:at + 16])
    packets.append((s * 10**9 + u * (1 if ns else 1000), data[at + 16:at + 16 + n], size))
    at += 16 + n
# What belongs together stays together: only pauses grow
pauses = [b[0] - a[0] for a, b in zip(packets, packets[1:])] + [0]
long = 150 * 10**6
grow = (SECONDS * 10**9 - sum(p for p in pauses if p <= long)) / sum(p for p in pauses if p > long)
now, times = packets[0][0], []
for p in pauses:
    times.append(now)
    now += int(p * grow) if p > long else p
idle = (packets[0][0] + 1500 * 10**9, packets[0][0] + 2100 * 10**9)

def esp(p):
    """Where the SPI of ESP in UDP is, or None: the capture has Ethernet and IPv4 without options."""
    ok = p[12:14] == b"\x08\x00" and p[23] == 17 and 4500 in struct.unpack(">HH", p[34:38]) and p[42:46] != bytes(4)
    return 42 if ok and len(p) > 58 else None

ends, out, count = {}, [], 0
for i, (_, p, size) in enumerate(packets):
    at = esp(p)
    if at is None:
        out.append((times[i], p, size))
    else:
        ends.setdefault(p[at:at + 4], []).append(i)
for spi, mine in ends.items():
    # One SA of the capture was used one way only, for some seconds: in an hour that would be minutes, and a fault
    if len(mine) < 10:
        continue
    for k, i in enumerate(mine):
        p, size = packets[i][1:]
        # Spread until the next one of this SA; the last ones come at once, before the SA is deleted
        span = times[mine[k + 1]] - times[i] if k + 1 < len(mine) else 10**6
        for m in range(MANY):
            when = times[i] + span * m // MANY
            if idle[0] < when < idle[1]:
                continue
            number = k * MANY + m + 1
            if number % LOSE == 0:
                continue
            if number % LATE == 0:
                when += span * 3 // (2 * MANY)
            out.append((when, p[:46] + struct.pack(">I", number) + p[50:], size))
out.sort(key=lambda o: o[0])
with open(sys.argv[2], "wb") as f:
    f.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 65535, struct.unpack("<I", data[20:24])[0]))
    for when, p, size in out:
        f.write(struct.pack("<IIII", when // 10**9, when % 10**9, len(p), size) + p)
END
}

check "an hour" hour hour.pcap 250 || finish
"$ESPIAL" read --json --diagnose hour.pcap >hour.json
is "it is read" $? 0
is_json "as long" hour.json '.source | [.last, .first] | map(.[:19] + "Z" | fromdate) | .[0] - .[1] >= 3500' true
# In the pauses nobody sees that an SA took the place of another
is_json "with rekeys" hour.json '.tunnels[0].rekeys >= 15' true
is_json "and many packets" hour.json '.tunnels[0] | .in.packets > 10000 and .out.packets > 10000' true
is_json "some of them lost, which is little" hour.json '.tunnels[0] | [.in, .out] | map(.lost / .packets | . > 0.003 and . < 0.005) | unique' '[true]'
is_json "some of them late" hour.json '.tunnels[0] | [.in, .out] | map(.late > 50) | unique' '[true]'
is_json "nothing is raised, and nothing was" hour.json '[(.findings, .findings_cleared)[] | .id]' '[]'
check "another hour" hour bad.pcap 40 || finish
is "with one of 40 packets lost it is told" "$("$ESPIAL" read --json --diagnose bad.pcap | jq -c '[(.findings, .findings_cleared)[] | .id] | unique')" '["path-loss"]'
finish
