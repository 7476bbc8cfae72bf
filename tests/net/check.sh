#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# espial check in a namespace: foreign XDP and tc programs are found and named, stacks are seen, and what is foretold is what
# the agent does
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
need_netns
need_cmd jq clang tc setpriv
check "a pair of interfaces" net_pair || finish

report=$TMPDIR/report.json

# look OPTIONS...: into $report; its status is espial's
look()
{
	ns dut "$ESPIAL" check --json --vici "$TMPDIR/none" "$@" >"$report"
}

# row ID [INTERFACE]: "status|value"
row()
{
	jq -r --arg id "$1" --arg i "${2:-}" \
		'[.checks[] | select(.id == $id and (.interface // "") == $i)][0] | "\(.status)|\(.value)"' "$report"
}

# the_plan INTERFACE; the_agent INTERFACE: ingress and egress, foretold and done
the_plan()
{
	jq -r --arg i "$1" '.interfaces[] | select(.name == $i) | "\(.ingress), \(.egress)"' "$report"
}

the_agent()
{
	agent_json | jq -r --arg i "$1" '.interfaces[] | select(.name == $i) | "\(.ingress), \(.egress)"'
}

# What hangs on the interface, in the words of others
hanging()
{
	ip -n "${NS_PREFIX}dut" -d link show b0 | grep -o 'prog/xdp.*'
	ns dut tc filter show dev b0 ingress
	ns dut tc filter show dev b0 egress
	ns dut bpftool net show dev b0 2>/dev/null
}

# ---- free

check "it looks" look
is_json "the interfaces that are up, without loopback" "$report" '[.interfaces[].name]' '["b0"]'
is "XDP is free" "$(row xdp b0)" "ok|native, free"
is "tc is free" "$(row tc-ingress b0) $(row tc-egress b0)" "ok|free ok|free"
matches "the driver is told" "$(row device b0)" "^ok\|veth, up, MTU 1500$"
plan=$(the_plan b0)
check "the agent starts" agent_start dut -i b0
is "it does what was foretold" "$(the_agent b0)" "$plan"
check "it looks while the agent is there" look
matches "XDP is held by espial itself" "$(row xdp b0)" '^ok\|held by program [0-9]+ \(esp_xdp_in\), native$'
is "and so is tc" "$(row tc-egress b0)" "ok|held by espial"
is "nothing lacks because of that" "$(the_plan b0)" "$plan"
agent_stop

# ---- taken

object=$TMPDIR/foreign.o
printf '%s\n' '__attribute__((section("xdp"), used)) int other(void *ctx) { return 2; }' \
	'char _license[] __attribute__((section("license"), used)) = "GPL";' |
	clang -O2 -target bpf -x c -c -o "$object" - || skip_all "clang has no BPF here"
ip -n "${NS_PREFIX}dut" link set dev b0 xdpdrv obj "$object" sec xdp || not_ok "a foreign XDP program" "is not loaded"
ns dut tc qdisc add dev b0 clsact
ns dut tc filter add dev b0 ingress prio 10 protocol ip u32 match u32 0 0 flowid 1:1
before=$(hanging)
id=$(grep -o 'prog/xdp id [0-9]*' <<<"$before" | grep -o '[0-9]*$')
matches "a foreign program hangs there" "$id" '^[0-9]+$'
look --exit-code
is "something lacks: exit status" $? 1
is "XDP is taken" "$(row xdp b0)" "lacks|taken by program $id (other), native"
is "tc ingress is shared" "$(row tc-ingress b0)" "note|shared with filter u32, priority 10"
is "what hangs there has not been touched" "$(hanging)" "$before"
plan=$(the_plan b0)
matches "tc is foretold" "$plan" '^(tcx|clsact), '
check "the agent starts next to it" agent_start dut -i b0
is "and does what was foretold" "$(the_agent b0)" "$plan"
agent_stop

# The binary where everybody may execute it
public=$(mktemp -d /tmp/espial-check.XXXXXX)
at_exit rm -rf "$public"
chmod 755 "$public"
install -m 755 "$ESPIAL" "$public/espial"
ns dut setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all --inh-caps -all \
	"$public/espial" check --json >"$report"
is "anybody may look" $? 0
is "XDP is taken: without the name" "$(row xdp b0)" "lacks|taken by program $id, native"
is "filters are told" "$(row tc-ingress b0)" "note|shared with filter u32, priority 10"
matches "what could not be seen is said to be so" "$(row bpf) $(row tcx) $(row xfrm)" '^unseen\|.* unseen\|.* unseen\|'
matches "and that the user may not run it" "$(row run)" '^missing\|without CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON$'
ip -n "${NS_PREFIX}dut" link set dev b0 xdpdrv off
ns dut tc qdisc del dev b0 clsact

# ---- stacks, and a device without a link header

# Whatever this kernel has that lies on another device
stack=''
for kind in "vlan id 7" "macvlan" "ipvlan"; do
	# shellcheck disable=SC2086 # words
	if ip -n "${NS_PREFIX}dut" link add link b0 name up0 type $kind 2>/dev/null; then
		stack=$kind
		break
	fi
done
if [ -n "$stack" ]; then
	ip -n "${NS_PREFIX}dut" link set up0 up
	check "it looks at one interface" look -i up0
	is_json "only at that" "$report" '[.interfaces[].name]' '["up0"]'
	matches "which lies on another" "$(row device up0)" '^note\|.*, on top of b0$'
else
	skip "a device on another" "no VLANs and the like here"
fi
if ip -n "${NS_PREFIX}dut" tuntap add dev t0 mode tun 2>/dev/null; then
	ip -n "${NS_PREFIX}dut" link set t0 up
	check "it looks at a tun device" look -i t0
	is "which has no XDP" "$(row xdp t0)" "note|none, without a link header"
	plan=$(the_plan t0)
	check "the agent starts on it" agent_start dut -i t0
	is "and does what was foretold" "$(the_agent t0)" "$plan"
	agent_stop
else
	skip "a device without a link header" "no tun devices here"
fi
check "loopback when it is named" look -i lo
matches "is not what would be watched" "$(row plan lo)" 'loopback'
look -i nosuch 2>"$TMPDIR/error"
is "no such interface: exit status" $? 3
matches "and the remedy" "$(cat "$TMPDIR/error")" '^espial: interface nosuch: .*ip link'
finish
