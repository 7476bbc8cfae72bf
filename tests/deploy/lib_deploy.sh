# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lib_deploy.sh - this machine's files in a world of their own, for tests that install: what is written there is in memory and gone
# afterwards
# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh"

BOX=$TMPDIR/box
box_pid='' box_cgroup=''

need_box()
{
	need_root
	need_cmd unshare nsenter chroot
	if ! unshare -m -p -n -u -i -f true 2>/dev/null; then
		skip_all "namespaces are refused here"
	fi
	if ! unshare -m bash -c "mkdir -p '$BOX' && mount -t tmpfs box '$BOX' && mkdir '$BOX'/{up,work,root} &&
		mount -t overlay -o lowerdir=/,upperdir='$BOX/up',workdir='$BOX/work' overlay '$BOX/root'" 2>/dev/null; then
		skip_all "overlay mounts are refused here"
	fi
}

# What runs inside as PID 1 of the namespaces: the tree, /proc, /sys with bpffs and cgroup2 of its own, then PROGRAM
box_script()
{
	cat <<-'END'
		set -e
		box=$1
		shift
		mount --make-rprivate /
		mount -t tmpfs box "$box"
		mkdir "$box"/up "$box"/work "$box"/root
		mount -t overlay -o lowerdir=/,upperdir="$box/up",workdir="$box/work" overlay "$box/root"
		cd "$box/root"
		mount -t proc proc proc
		mount -t sysfs sysfs sys
		mount -t cgroup2 cgroup2 sys/fs/cgroup 2>/dev/null || true
		mount -t bpf -o nosuid,nodev,noexec,mode=0700 bpf sys/fs/bpf
		mount --rbind /dev dev
		mount -t tmpfs -o mode=755 tmpfs run
		# Nothing that this machine would start
		rm -rf etc/systemd/system/*.wants usr/lib/systemd/system/multi-user.target.wants usr/sbin/policy-rc.d
		rm -rf etc/espial var/lib/espial
		ip link set lo up
		exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root container=espial chroot . "$@"
	END
}

# box_start PROGRAM...: it runs there until the test ends. box COMMAND...: runs in the same world.
box_start()
{
	local init

	mkdir -p "$BOX"
	# systemd needs a cgroup that is its own
	for box_cgroup in /sys/fs/cgroup /sys/fs/cgroup/unified; do
		[ -e $box_cgroup/cgroup.procs ] && [ "$(stat -fc %T $box_cgroup)" = cgroup2fs ] && break
		box_cgroup=''
	done
	[ -n "$box_cgroup" ] && box_cgroup+=/$ESPIAL_TEST_ID-box && mkdir -p "$box_cgroup"
	# shellcheck disable=SC2016 # the inner shell's
	bash -c '[ -z "$1" ] || echo $$ >"$1/cgroup.procs"; shift; exec "$@"' - "$box_cgroup" \
		unshare -m -p -n -u -i -C -f --kill-child bash -c "$(box_script)" - "$BOX" "$@" >"$TMPDIR/box.log" 2>&1 &
	init=$!
	at_exit box_stop "$init"
	wait_for 30 box_ready "$init" || {
		cat "$TMPDIR/box.log" >&2
		return 1
	}
}

# shellcheck disable=SC2317 # wait_for calls it
box_ready()
{
	box_pid=$(pgrep -P "$1" | head -n 1)
	[ -n "$box_pid" ] && [ "$(readlink "/proc/$box_pid/root")" != / ] && [ -e "/proc/$box_pid/root/proc/1/comm" ]
}

box()
{
	nsenter -t "$box_pid" -m -p -n -u -i -C -r -w env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root \
		DEBIAN_FRONTEND=noninteractive "$@"
}

# box_stop PID
# shellcheck disable=SC2317 # at_exit calls it
box_stop()
{
	local _

	[ -n "$box_pid" ] && kill -KILL "$box_pid" 2>/dev/null
	wait "$1" 2>/dev/null
	for _ in {1..100}; do
		[ -z "$box_cgroup" ] || [ ! -e "$box_cgroup" ] && break
		find "$box_cgroup" -depth -type d -exec rmdir {} + 2>/dev/null
		sleep 0.1
	done
	return 0
}

# box_put FILE PATH [MODE]
box_put()
{
	install -D -m "${3:-644}" "$1" "/proc/$box_pid/root$2"
}

# shellcheck disable=SC2317 # by wait_for
box_is_up()
{
	box systemctl is-system-running | grep -qE 'running|degraded'
}

# box_systemd NAME: a systemd of its own in the box, up. Without one, NAME is skipped with the reason, and the test ends.
box_systemd()
{
	[ -x /lib/systemd/systemd ] || skip_all "needs systemd"
	if ! box_start /lib/systemd/systemd --system --unit=basic.target; then
		skip "a systemd" "does not start in namespaces here"
		finish
	fi
	if ! wait_for 60 box_is_up; then
		tail -n 5 "$TMPDIR/box.log"
		skip "$1" "systemd does not come up in namespaces here: $(box systemctl is-system-running 2>&1)"
		finish
	fi
}
