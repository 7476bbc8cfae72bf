#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Each feature as a user who is not root, with precisely the capabilities that user/model/check_features.def, the manual and
# README.md state, and without one of them
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/net/lib_lab.sh
. "$(dirname "$0")/lib_lab.sh"
need_netns
need_cmd jq setpriv curl
user=65534

# Where that user may execute it and write: TMPDIR is root's
public=$(mktemp -d /tmp/espial-caps.XXXXXX)
at_exit rm -rf "$public"
chmod 755 "$public"
install -m 755 "$ESPIAL" "$public/espial"
install -d -o $user -g $user "$public/run"

# set_of "CAPABILITIES": the words of setpriv for the user with these (bpf,net_admin) and no others, in $words. The bounding set
# too, so that nothing comes back with an exec.
set_of()
{
	local list=-all c

	for c in ${1//,/ }; do
		list+=,+$c
	done
	words=(setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs --inh-caps "$list" --ambient-caps "$list"
		--bounding-set "$list")
}

# with "CAPABILITIES" COMMAND...; ns_with: in the namespace; spawn_with: in the background, its pid is in $SPAWNED
with()
{
	set_of "$1"
	shift
	"${words[@]}" "$@"
}

ns_with()
{
	set_of "$1"
	shift
	ns dut "${words[@]}" "$@"
}

spawn_with()
{
	set_of "$1"
	shift
	ns_spawn dut "$public/log" "${words[@]}" "$@"
}

# status_of ID FILE
status_of()
{
	jq -r --arg id "$1" '[.checks[] | select(.id == $id)][0].status' "$2"
}

check "a pair of interfaces" net_pair || finish
if ! with bpf,net_admin,perfmon true; then
	skip_all "setpriv cannot give these capabilities here"
fi

# ---- watching: CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON

# shellcheck disable=SC2317 # wait_for calls it
agent_answers()
{
	is_gone "$AGENT_PID" || with "" "$public/espial" status --json --socket "$public/run/sock" >"$TMPDIR/state.json"
}

spawn_with bpf,net_admin,perfmon "$public/espial" run -i b0 --journal none --socket "$public/run/sock"
AGENT_PID=$SPAWNED
at_exit stop_process "$AGENT_PID" KILL
check "the agent runs with its three capabilities" wait_for 90 agent_answers
check "it is there" is_running "$AGENT_PID"
# shellcheck disable=SC2317 # wait_for calls it
counts_drops()
{
	[ "$(with "" "$public/espial" status --json --socket "$public/run/sock" | jq -c '.host.drops | type')" = '"array"' ]
}
check "and counts what the host drops" wait_for 60 counts_drops
is_json "it watches both ways" "$TMPDIR/state.json" '[.interfaces[] | [.name, .ingress]]' '[["b0","xdp native"]]'
is "with these and no others" "$(awk '/^Cap(Eff|Bnd|Amb)/ { print $2 }' "/proc/$AGENT_PID/status" | sort -u)" \
	"$(printf '%016x' $((1 << 12 | 1 << 38 | 1 << 39)))"
is "and not as root" "$(awk '/^Uid/ { print $2, $3 }' "/proc/$AGENT_PID/status")" "$user $user"
ns gen "$NET_PROGRAMS/traffic" a0 50 >"$TMPDIR/sent.json"
# shellcheck disable=SC2317 # wait_for calls it
counts()
{
	[ "$(with "" "$public/espial" status --json --socket "$public/run/sock" | jq '.interfaces[0].in.seen')" = "$(jq .seen "$TMPDIR/sent.json")" ]
}
check "it counts every packet" wait_for 60 counts
stop_process "$AGENT_PID" TERM 60
is "it ends when told" $? 0
is "and leaves nothing behind" "$(ns dut bpftool net show dev b0 | grep -c 'esp_')" 0

# ---- inner interfaces: the same three

ip -n "${NS_PREFIX}dut" link add in0 type veth peer name in1
ip -n "${NS_PREFIX}dut" addr add 10.8.0.1/24 dev in0
ip -n "${NS_PREFIX}dut" link set in0 up arp off
ip -n "${NS_PREFIX}dut" link set in1 up
# shellcheck disable=SC2317 # wait_for calls it
inner_counts()
{
	# To nobody: one SYN at least leaves
	ns dut timeout 1 bash -c 'exec 3<>/dev/tcp/10.8.0.9/5001' 2>/dev/null
	[ "$(with "" "$public/espial" status --json --socket "$public/run/sock" |
		jq -c '.inner.interfaces[0] | [.name, .ingress == .egress, (.egress | test("^(tcx|clsact)$")), .out.ipv4.syn > 0]')" = \
		'["in0",true,true,true]' ]
}
spawn_with bpf,net_admin,perfmon "$public/espial" run -i b0 --inner in0 --journal none --socket "$public/run/sock"
AGENT_PID=$SPAWNED
at_exit stop_process "$AGENT_PID" KILL
check "with these an inner interface is watched, too" wait_for 90 inner_counts
stop_process "$AGENT_PID" TERM 60
is "and left when it ends" "$?, $(ns dut bpftool net | grep -c esp_)" "0, 0"

while read -r set missing; do
	ns_with "$set" timeout 60 "$public/espial" run -i b0 --journal none --socket "$public/run/sock" >"$TMPDIR/out" 2>&1
	is "without $missing: exit status" $? 3
	matches "without $missing: said" "$(cat "$TMPDIR/out")" "privileges: $missing missing: run as root"
done <<-END
	net_admin,perfmon CAP_BPF
	bpf,perfmon CAP_NET_ADMIN
	bpf,net_admin CAP_PERFMON
END

# ---- other network namespaces: CAP_SYS_ADMIN as well; without it the agent runs, and says so

while read -r set available why; do
	spawn_with "$set" "$public/espial" run -i b0 --journal none --socket "$public/run/sock" --netns "${NS_PREFIX}gen"
	AGENT_PID=$SPAWNED
	at_exit stop_process "$AGENT_PID" KILL
	# shellcheck disable=SC2317 # wait_for calls it
	other_space()
	{
		with "" "$public/espial" status --json --socket "$public/run/sock" >"$TMPDIR/state.json" 2>/dev/null &&
			[ "$(jq '.host.namespaces[1].available' "$TMPDIR/state.json")" = "$available" ]
	}
	check "SAs of another namespace with $set: $available" wait_for 60 other_space
	is_json "why not" "$TMPDIR/state.json" '.host.namespaces[1].why // "none" | contains("need CAP_SYS_ADMIN")' "$why"
	stop_process "$AGENT_PID" TERM 60
done <<-END
	bpf,net_admin,perfmon,sys_admin true false
	bpf,net_admin,perfmon false true
END

# ---- what check says of each set is the same

while read -r set run sas netns probe; do
	ns_with "${set#-}" "$public/espial" check --json >"$TMPDIR/check.json"
	is "check with ${set#-}" "$(status_of run "$TMPDIR/check.json") $(status_of kernel-sas "$TMPDIR/check.json") $(
		status_of netns-sas "$TMPDIR/check.json") $(status_of probe "$TMPDIR/check.json")" "$run $sas $netns $probe"
done <<-END
	- missing lacks note lacks
	bpf,net_admin,perfmon ok ok note lacks
	bpf,net_admin,perfmon,sys_admin ok ok ok lacks
	net_admin missing ok note lacks
	net_raw missing lacks note ok
END

# ---- SAs of the kernel: CAP_NET_ADMIN. Nothing else is asked of the kernel for them but this.

ns_with net_admin "$public/espial" check --json >"$TMPDIR/check.json"
is "the kernel tells its SAs to CAP_NET_ADMIN" "$(status_of xfrm "$TMPDIR/check.json")" ok
ns_with bpf,perfmon,net_raw "$public/espial" check --json >"$TMPDIR/check.json"
is "and to nobody else" "$(status_of xfrm "$TMPDIR/check.json")" unseen
ns_with bpf,net_admin "$public/espial" check --json >"$TMPDIR/check.json"
is "BPF can be tried with CAP_BPF and CAP_NET_ADMIN" "$(status_of bpf "$TMPDIR/check.json")" ok

# ---- probes: CAP_NET_RAW for all of them, among them protocol 50; less without. The peer's kernel answers, with a refusal.

# shellcheck disable=SC2317 # wait_for calls it
probes_everything()
{
	ns_with net_raw timeout 60 "$public/espial" probe 10.9.0.1 --json --rate 500 --confirm 1 >"$TMPDIR/probe.json" 2>/dev/null
	[ "$(jq -c '[.reachable.icmp, .reachable.esp]' "$TMPDIR/probe.json")" = '[true,false]' ]
}

check "CAP_NET_RAW: echo, and protocol 50 is tried" wait_for 90 probes_everything
ns_with bpf,net_admin,perfmon timeout 60 "$public/espial" probe 10.9.0.1 --json --rate 500 --confirm 1 --time 2 >"$TMPDIR/probe.json" 2>/dev/null
is_json "without: protocol 50 is not tried, and not called unreachable" "$TMPDIR/probe.json" '.reachable.esp' null

# ---- read, mtu: none

cp "$ESPIAL_ROOT/tests/captures/tcpdump/isakmp4500.pcap" "$public/capture.pcap"
chmod 644 "$public/capture.pcap"
is "captures are read without any" "$(with "" "$public/espial" read --json "$public/capture.pcap" | jq .packets.seen)" 35
check "arithmetic without any" with "" "$public/espial" mtu --esp aes256gcm16

# ---- strongSwan: the permission of its socket, and nothing else

missing=$(lab_ipsec_missing)
if [ -n "$missing" ]; then
	skip "strongSwan's socket" "$missing"
	finish
fi
check "the lab comes up" lab_up || finish
lab_conn
check "charon starts" lab_daemon_start left || finish
chmod 711 "$LAB_DIR" "$LAB_DIR/left"
chmod 660 "$LAB_DIR/left/vici"
with "" "$public/espial" check --json --vici "$LAB_DIR/left/vici" >"$TMPDIR/check.json"
is "not the group of its socket: a lack" "$(status_of daemon "$TMPDIR/check.json")" lacks
matches "and the remedy" "$(jq -r '[.checks[] | select(.id == "daemon")][0].value' "$TMPDIR/check.json")" 'permission denied: .*group'
chgrp $user "$LAB_DIR/left/vici"
with "" "$public/espial" check --json --vici "$LAB_DIR/left/vici" >"$TMPDIR/check.json"
is "of its group, without any capability" "$(status_of daemon "$TMPDIR/check.json")" ok
matches "it tells who it is" "$(jq -r '[.checks[] | select(.id == "daemon")][0].value' "$TMPDIR/check.json")" '^strongSwan [0-9.]+ at '
finish
