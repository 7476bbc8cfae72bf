#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# quick
# timeout: 900
#
# The systemd unit: what systemd's own checks say of it, and really run, by a systemd in namespaces: without root, with its few
# capabilities, over a crash, a reload, a stop and `espial detach`
# shellcheck source=tests/deploy/lib_deploy.sh disable=SC2317
. "$(dirname "$0")/lib_deploy.sh"
unit=$ESPIAL_ROOT/deploy/systemd/espial.service
need_cmd systemd-analyze

exposure=$(systemd-analyze security --offline=true "$unit" 2>/dev/null | sed -nE 's/.*exposure level for espial.service: ([0-9.]+) .*/\1/p')
check "exposure ${exposure:-unknown} is at most 2.0" awk -v e="${exposure:-9}" 'BEGIN { exit e > 2.0 }'
# Offline, the program need not be where the unit says: another takes its place
sed 's,/usr/bin/espial,/bin/true,' "$unit" >"$TMPDIR/espial.service"
is "systemd-analyze verify" "$(systemd-analyze verify --man=no "$TMPDIR/espial.service" 2>&1 | grep 'espial\.service')" ""

need_box
box_systemd "the unit, run"

box_put "$ESPIAL" /usr/bin/espial 755
box_put "$unit" /usr/lib/systemd/system/espial.service
box_put "$ESPIAL_ROOT/deploy/systemd/espial.sysusers" /usr/lib/sysusers.d/espial.conf
box_put "$ESPIAL_ROOT/deploy/systemd/espial.tmpfiles" /usr/lib/tmpfiles.d/espial.conf
sed 's/^#interface = auto/interface = v0/' "$ESPIAL_ROOT/deploy/espial.conf" >"$TMPDIR/conf"
box_put "$TMPDIR/conf" /etc/espial/espial.conf
check "a user is made" box systemd-sysusers espial.conf
box systemctl daemon-reload
box ip link add v0 type veth peer name v1
box ip addr add 192.0.2.1/24 dev v0
box ip link set v0 up
box ip link set v1 up

main_pid()
{
	box systemctl show -P MainPID espial
}
status_of()
{
	box espial status --json | jq -c "$1"
}
is_active()
{
	[ "$(box systemctl is-active espial)" = active ] && [ "$(main_pid)" != "$1" ]
}
if ! check "it starts" box systemctl start espial; then
	box journalctl --no-pager -n 30 -u espial
	finish
fi
box grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp):' "/proc/$(main_pid)/status" >"$TMPDIR/status"
is "its user" "$(awk '/^Uid/ { print $2 }' "$TMPDIR/status")" "$(box id -u espial)"
# CAP_NET_ADMIN 12, CAP_PERFMON 38, CAP_BPF 39
is "its capabilities" "$(awk '/^CapEff/ { print $2 }' "$TMPDIR/status")" 000000c000001000
is "and no others to be had" "$(awk '/^CapBnd/ { print $2 }' "$TMPDIR/status")" 000000c000001000
is "no new privileges" "$(awk '/^NoNewPrivs/ { print $2 }' "$TMPDIR/status")" 1
is "a filter of system calls" "$(awk '/^Seccomp/ { print $2 }' "$TMPDIR/status")" 2
matches "the log, so far" "$(box journalctl --no-pager -o cat -u espial)" 'v0: watched'
is "and nothing is missing" "$(box journalctl --no-pager -o cat -u espial | grep -iE 'cannot|denied|refused|not permitted|read-only|until then')" ""
is "the socket" "$(box stat -c '%U %G %a' /run/espial/espial.sock)" "espial espial 660"
is "the journal" "$(box stat -c '%U %G %a' /var/lib/espial/journal.db)" "espial espial 640"
is "the pins" "$(box stat -c '%U %G %a' /sys/fs/bpf/espial)" "espial espial 700"
is "one interface" "$(status_of '[.interfaces[].name]')" '["v0"]'
check "the journal answers" box espial journal
check "host counters" box espial status host
if command -v promtool >/dev/null; then
	box curl -s --max-time 20 --unix-socket /run/espial/espial.sock 'http://x/metrics?sas=1' >"$TMPDIR/metrics"
	check "there are metrics" grep -q '^espial_build_info' "$TMPDIR/metrics"
	is "promtool has nothing against them" "$(promtool check metrics <"$TMPDIR/metrics" 2>&1)" ""
else
	skip "promtool check metrics" "needs promtool"
fi

# What a crash, a reload and a restart leave alone
program()
{
	box ip -d -j link show v0 | jq -c '.[0].xdp.prog.id'
}
before=$(program) pid=$(main_pid)
matches "an XDP program is there" "$before" '^[0-9]+$'
box kill -KILL "$pid"
check "after a crash it is back" wait_for 60 is_active "$pid"
is "with the same program" "$(program)" "$before"
matches "and counters that went on" "$(box journalctl --no-pager -o cat -u espial)" 'taken over, counting went on'
check "reload" box systemctl reload espial
pid=$(main_pid)
check "restart" box systemctl restart espial
check "is active" is_active "$pid"
is "still the same program" "$(program)" "$before"

check "stop" box systemctl stop espial
is "what it left counts on" "$(program)" "$before"
check "espial detach" box espial detach
is "takes it away" "$(program)" null
check "and it starts again" box systemctl start espial
matches "with a new program" "$(program)" '^[0-9]+$'
box systemctl stop espial
finish
