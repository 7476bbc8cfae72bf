#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# deps.sh GROUP... - install what is missing, and say what is done
#
# Looks for the tools and headers themselves, not for packages, so that what is there by other means counts. Touches
# nothing, and needs neither root nor network, when nothing is missing. Groups: build, lab (make demo), test, deploy, bench, vm.
# Exit: 0 all there, 1 something is missing and could not be installed, 2 usage.
set -u

# group, Debian package, and what must be there: cmd NAME, header FILE, lib FILE, file PATH
table()
{
	cat <<-END
	build gcc cmd gcc
	build libc6-dev header stdio.h
	build make cmd make
	build clang cmd clang
	build llvm cmd llvm-strip
	build bpftool cmd bpftool
	build linux-libc-dev header linux/bpf.h
	build libbpf-dev header bpf/libbpf.h
	build libelf-dev header libelf.h
	build zlib1g-dev header zlib.h
	build libmnl-dev header libmnl/libmnl.h
	build libjansson-dev header jansson.h
	build libinih-dev header ini.h
	build libmicrohttpd-dev header microhttpd.h
	build libsqlite3-dev header sqlite3.h
	build libsystemd-dev header systemd/sd-daemon.h
	lab iproute2 cmd ip
	lab procps cmd sysctl
	lab iputils-ping cmd ping
	lab nftables cmd nft
	lab tcpdump cmd tcpdump
	lab iperf3 cmd iperf3
	lab python3 cmd python3
	lab strongswan-charon file /usr/lib/ipsec/charon
	lab strongswan-swanctl cmd swanctl
	lab libstrongswan-standard-plugins file /usr/lib/ipsec/plugins/libstrongswan-gcm.so
	lab libcharon-extra-plugins file /usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so
	test libcmocka-dev header cmocka.h
	test libclang-rt-dev lib libclang_rt.fuzzer-$(uname -m).a
	test clang-format cmd clang-format
	test clang-tidy cmd clang-tidy
	test cppcheck cmd cppcheck
	test shellcheck cmd shellcheck
	test jq cmd jq
	test curl cmd curl
	test python3 cmd python3
	test libpcap-dev header pcap/pcap.h
	test prometheus cmd promtool
	test prometheus-alertmanager cmd amtool
	test systemd cmd systemd-analyze
	test lintian cmd lintian
	test dpkg-dev cmd dpkg-shlibdeps
	test python3-jsonschema file /usr/lib/python3/dist-packages/jsonschema/__init__.py
	test python3-yaml file /usr/lib/python3/dist-packages/yaml/__init__.py
	deploy zsh cmd zsh
	deploy fish cmd fish
	deploy python3-kubernetes file /usr/lib/python3/dist-packages/kubernetes/__init__.py
	deploy podman cmd podman
	deploy crun cmd crun
	deploy debootstrap cmd debootstrap
	vm qemu-system-x86 cmd qemu-system-x86_64
	vm qemu-system-common file /usr/lib/qemu/virtiofsd
	vm busybox-static cmd busybox
	vm ethtool cmd ethtool
	vm kmod cmd depmod
	vm zstd cmd zstd
	vm xz-utils cmd xz
	vm debian-archive-keyring file /usr/share/keyrings/debian-archive-keyring.gpg
	bench libpcap-dev header pcap/pcap.h
	bench tcpdump cmd tcpdump
	bench tshark cmd tshark
	END
}

say()
{
	printf 'deps: %s\n' "$*"
}

have()
{
	local kind=$1 what=$2 dir

	local PATH=$PATH:/usr/sbin:/sbin
	case $kind in
	cmd) command -v "$what" >/dev/null ;;
	file) [ -e "$what" ] ;;
	header)
		for dir in /usr/include /usr/local/include "/usr/include/$(uname -m)-linux-gnu"; do
			[ -e "$dir/$what" ] && return 0
		done
		return 1
		;;
	# clang's runtime lies in a directory named after clang's version; only clang knows which
	lib) [ -e "$(clang -print-file-name="$what" 2>/dev/null)" ] ;;
	esac
}

# The package of clang's runtime carries clang's version in its name: known when clang is there, so clang comes first.
package_name()
{
	local version

	if [ "$1" != libclang-rt-dev ]; then
		echo "$1"
	elif version=$(clang -dumpversion 2>/dev/null); then
		echo "libclang-rt-${version%%.*}-dev"
	else
		echo clang
	fi
}

missing_of()
{
	local group package kind what

	while read -r group package kind what; do
		[[ " $* " == *" $group "* ]] || continue
		have "$kind" "$what" || package_name "$package"
	done < <(table) | sort -u
}

# Some packages bring services: strongswan-starter would begin to negotiate on this host, prometheus to listen. Tests run their own
# in namespaces: services that are new stay stopped and disabled.
policy=/usr/sbin/policy-rc.d
hold_services()
{
	[ -e $policy ] && return 0
	printf '#!/bin/sh\n# espial deploy/deps.sh: nothing is started while it installs\nexit 101\n' | "${root[@]}" tee $policy >/dev/null
	"${root[@]}" chmod 755 $policy
	held=1
}
release_services()
{
	[ "${held:-}" ] || return 0
	"${root[@]}" rm -f $policy
	held=''
}

apt_get()
{
	"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 \
		-o Dpkg::Use-Pty=0 "$@" </dev/null
}

enabled_units()
{
	systemctl list-unit-files --state=enabled --no-legend 2>/dev/null | awk '{ print $1 }' | sort
}

install_packages()
{
	local log before after new status=0

	log=$(mktemp)
	before=$(enabled_units)
	trap release_services EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	hold_services
	# Without fresh lists first: when they are there, nothing needs to be fetched for this.
	if ! apt_get install --no-install-recommends "$@" >"$log" 2>&1; then
		say "the package lists are absent or old: apt-get update"
		apt_get update >"$log" 2>&1 && apt_get install --no-install-recommends "$@" >>"$log" 2>&1 || status=1
	fi
	release_services
	[ $status = 0 ] || cat "$log" >&2
	rm -f "$log"
	after=$(enabled_units)
	new=$(comm -13 <(echo "$before") <(echo "$after") | xargs)
	# shellcheck disable=SC2086 # a list
	if [ -n "$before" ] && [ -n "$new" ] && "${root[@]}" systemctl disable $new >/dev/null 2>&1; then
		say "came along and stay disabled: $new"
	fi
	return $status
}

[ $# -gt 0 ] || set -- build lab test
for group in "$@"; do
	case $group in
	build | lab | test | deploy | bench | vm) ;;
	*)
		echo "deps: unknown group '$group'; one of: build lab test deploy bench vm" >&2
		exit 2
		;;
	esac
done

mapfile -t missing < <(missing_of "$@")
if [ ${#missing[@]} = 0 ]; then
	say "$*: everything is there"
	exit 0
fi

if ! command -v apt-get >/dev/null; then
	say "missing, and there is no apt-get here. Install what these Debian packages contain: ${missing[*]}" >&2
	exit 1
fi
root=()
if [ "$(id -u)" != 0 ]; then
	if ! command -v sudo >/dev/null; then
		say "missing, and this is not root: as root, apt-get install ${missing[*]}" >&2
		exit 1
	fi
	root=(sudo)
fi
# Twice: see package_name().
for _ in 1 2; do
	say "$*: installing ${missing[*]}"
	if ! install_packages "${missing[@]}"; then
		say "could not install: ${missing[*]}" >&2
		exit 1
	fi
	mapfile -t missing < <(missing_of "$@")
	[ ${#missing[@]} = 0 ] && break
done
if [ ${#missing[@]} != 0 ]; then
	say "installed, but still not found: ${missing[*]}" >&2
	exit 1
fi
say "$*: done"
