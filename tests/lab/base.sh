# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# base.sh - what every script here shares: clean-up on every way out, waiting for conditions, processes of our own
#
# Sourced. Sets the traps for EXIT, INT, TERM and HUP: use at_exit instead of trap.

_at_exit=()

# at_exit COMMAND...: run when the script ends, the last one first
at_exit()
{
	_at_exit=("$(printf '%q ' "$@")" "${_at_exit[@]}")
}

_run_at_exit()
{
	local status=$? command

	trap '' INT TERM HUP
	for command in "${_at_exit[@]}"; do
		eval "$command"
	done
	exit $status
}
trap _run_at_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# wait_for SECONDS COMMAND...: until the command succeeds; 1 when it did not in time
wait_for()
{
	local end

	end=$((${EPOCHREALTIME/[.,]/} + ${1%%.*} * 1000000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "${EPOCHREALTIME/[.,]/}" -lt $end ] || return 1
		sleep 0.05
	done
}

# Is this a running child of this shell? The shell knows; a number of a process that ended may be someone else's by now.
# With a value after each return: in a trap a bare one would give the status from before the trap
is_running()
{
	local pid

	for pid in $(jobs -pr); do
		[ "$pid" = "$1" ] && return 0
	done
	return 1
}

is_gone()
{
	! is_running "$1"
}

# stop_process PID [SIGNAL [SECONDS]]: ends a child of this shell and returns its status; 124 when it had to be killed
stop_process()
{
	local pid=$1 signal=${2:-TERM} seconds=${3:-10}

	[ -n "$pid" ] || return 0
	# bash tells of a child that a signal ended when it next looks, which is in here
	{
		is_running "$pid" && kill -"$signal" "$pid"
		if ! wait_for "$seconds" is_gone "$pid"; then
			kill -KILL "$pid"
			wait "$pid"
			return 124
		fi
		wait "$pid"
	} 2>/dev/null
}

# ---- network namespaces, all named $NS_PREFIX and something

NS_PREFIX=${ESPIAL_TEST_ID:-e$$-}

# ns NAME COMMAND...
ns()
{
	local name=$1

	shift
	ip netns exec "$NS_PREFIX$name" "$@"
}

# ns_spawn NAME LOG COMMAND...: in the background; its pid is in $SPAWNED, for stop_process. Not `ns … &`: that would be the
# pid of a shell around it.
ns_spawn()
{
	local name=$1 log=$2

	shift 2
	ip netns exec "$NS_PREFIX$name" "$@" >"$log" 2>&1 </dev/null &
	# shellcheck disable=SC2034 # for the caller
	SPAWNED=$!
}

# ns_add NAME: quiet (no IPv6 of its own accord, hence no late addresses and no router solicitations), lo up
ns_add()
{
	ip netns add "$NS_PREFIX$1" || return 1
	at_exit ns_del "$1"
	ns "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
	ip -n "$NS_PREFIX$1" link set lo up
}

# With everything that runs in it
ns_del()
{
	local name=$NS_PREFIX$1 pids

	ip netns list | grep -q "^$name\b" || return 0
	pids=$(ip netns pids "$name" | tr '\n' ' ')
	# shellcheck disable=SC2086 # a list
	[ -z "$pids" ] || kill -KILL $pids 2>/dev/null
	ip netns del "$name"
}

# ns_link NAME1 DEVICE1 NAME2 DEVICE2: a veth pair, up
ns_link()
{
	ip link add "$2" netns "$NS_PREFIX$1" type veth peer name "$4" netns "$NS_PREFIX$3" || return 1
	ip -n "$NS_PREFIX$1" link set "$2" up
	ip -n "$NS_PREFIX$3" link set "$4" up
}
