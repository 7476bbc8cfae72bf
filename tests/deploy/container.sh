#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 3600
#
# deploy/docs/container.md: its commands are executed, by Podman in the place of Docker. No registry is asked: the base image is
# made of Debian's packages. Downloads some hundred megabytes; ESPIAL_CONTAINER_STORE=DIRECTORY keeps them for the next time.
# shellcheck source=tests/lib.sh disable=SC2317
. "$(dirname "$0")/../lib.sh"
need_netns
need_cmd podman crun debootstrap jq
store=${ESPIAL_CONTAINER_STORE:-$TMPDIR/store} page=$ESPIAL_ROOT/deploy/docs/container.md
mkdir -p "$store" "$TMPDIR/bin"

# Without cgroups and with the limits that there are: this may be a container itself
printf '%s\n' '[containers]' 'cgroups = "disabled"' 'default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]' \
	'[engine]' 'cgroup_manager = "cgroupfs"' 'events_logger = "none"' >"$TMPDIR/containers.conf"
export CONTAINERS_CONF=$TMPDIR/containers.conf BUILDAH_ISOLATION=chroot PATH=$TMPDIR/bin:$PATH
printf '#!/bin/sh\nexec podman --root %s --runroot %s --storage-driver overlay "$@"\n' "$store" "${store%/*}/run" >"$TMPDIR/bin/docker"
chmod 755 "$TMPDIR/bin/docker"

base()
{
	docker image exists debian:bookworm-slim && return 0
	debootstrap --variant=minbase bookworm "$TMPDIR/base" http://deb.debian.org/debian &&
		tar -C "$TMPDIR/base" -c . | docker import - debian:bookworm-slim && rm -rf "$TMPDIR/base"
}
if ! base >"$TMPDIR/base.log" 2>&1; then
	tail -n 5 "$TMPDIR/base.log"
	skip_all "no base image: debootstrap or podman cannot work here"
fi

# block N: of the page, to be executed at the top of the sources
block()
{
	awk -v n="$1" '/^```sh/ { inside = ++count == n; next } /^```/ { inside = 0 } inside' "$page"
}
cd "$ESPIAL_ROOT" || exit 1
check "the image is built" bash -euc "$(block 1)" || finish
at_exit docker rmi -f espial

# A gateway: a network, bpffs and /run of its own, for as long as the test runs
ns_add gate
ip -n "${NS_PREFIX}gate" link add eth0 type veth peer name eth1
ip -n "${NS_PREFIX}gate" link set eth0 up
ip -n "${NS_PREFIX}gate" link set eth1 up
# shellcheck disable=SC2016 # the inner shell's
ns_spawn gate "$TMPDIR/gate.log" unshare -m -i bash -c 'mount --make-rprivate / && mount -t bpf bpf /sys/fs/bpf && mount -t tmpfs run /run &&
	{ mount -t cgroup2 cgroup2 /sys/fs/cgroup || :; } && touch "$0" && exec sleep infinity' "$TMPDIR/gate.ready"
gate=$SPAWNED
at_exit stop_process "$gate" KILL
check "a gateway" wait_for 30 test -e "$TMPDIR/gate.ready" || finish
on_gate()
{
	nsenter -t "$gate" -m -n -i "$@"
}
# on_gate_block N: its directory is the sources', as on the page
on_gate_block()
{
	on_gate bash -euc "cd '$ESPIAL_ROOT'
$(block "$1")"
}
attached()
{
	ip -n "${NS_PREFIX}gate" -d -j link show eth0 | jq -c '.[0].xdp.prog.id'
}
at_exit on_gate docker rm -f espial
check "it starts" on_gate_block 2
check "it answers" wait_for 120 on_gate_block 3 || on_gate docker logs espial
matches "status" "$(on_gate_block 3)" 'eth0: in by xdp'
matches "the program is attached" "$(attached)" '^[0-9]+$'
# NET_ADMIN 12, PERFMON 38, BPF 39
is "its capabilities" "$(on_gate docker exec espial sed -n 's/^CapBnd:\t//p' /proc/1/status)" 000000c000001000
is "and what it may not" "$(on_gate docker exec espial sed -nE 's/^(NoNewPrivs|Seccomp):\t//p' /proc/1/status | xargs)" "1 2"
before=$(attached)
on_gate docker rm -f espial >/dev/null
check "another container takes over" on_gate_block 2
check "it answers too" wait_for 120 on_gate_block 3
is "with the same program" "$(attached)" "$before"
check "removal" on_gate_block 4
is "takes it away" "$(attached)" null
is "and leaves nothing in bpffs" "$(on_gate find /sys/fs/bpf -name '*espial*')" ""
finish
