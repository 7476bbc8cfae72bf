#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kernel.sh KERNEL - Debian's kernel of that series, fetched once and made ready to boot; prints its directory
#
# KERNEL: 5.10, 6.1, 6.12 (the kernels of Debian 11, 12 and 13) or new (the newest in sid). Kept in ESPIAL_KERNELS
# (~/.cache/espial/kernels). With apt state of its own: the machine's apt is not touched. Exit: 0, 1 with the reason on
# stderr, 2 usage.
set -eu
root=${ESPIAL_KERNELS:-$HOME/.cache/espial/kernels}
flavour=cloud-amd64 # the smallest; it has no 9p, but virtiofs

fail()
{
	echo "kernel.sh: $*" >&2
	exit 1
}

case ${1:-} in
5.10) archive='debian-security bullseye-security' ;;
6.1) archive='debian-security bookworm-security' ;;
6.12) archive='debian-security trixie-security' ;;
new) archive='debian sid' ;;
*)
	echo 'usage: kernel.sh 5.10|6.1|6.12|new' >&2
	exit 2
	;;
esac
dir=$root/$1
if [ -e "$dir/ready" ]; then
	echo "$dir"
	exit 0
fi
[ "$(uname -m)" = x86_64 ] || fail "only amd64 kernels are known here"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
for need in apt-get dpkg depmod modprobe busybox; do
	command -v $need >/dev/null || fail "$need is missing: deploy/deps.sh vm"
done
[ -e $keyring ] || fail "$keyring is missing: deploy/deps.sh vm"

mkdir -p "$root"
exec 9>"$root/lock"
flock 9
if [ -e "$dir/ready" ]; then # another one was at it
	echo "$dir"
	exit 0
fi
rm -rf "$dir"
mkdir -p "$dir"
log=$dir/fetch.log

# ---- the package, by apt with state of its own, from the mirror that this machine uses

mirror=$(sed -n 's/^URIs: *//p; s/^deb \(\[[^]]*\] \)\?\([^ ]*\) .*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/* \
	2>/dev/null | grep -E '/debian/?$' | head -n 1) || true
mirror=${mirror%/}
mirror=${mirror%/debian}
apt=$dir/apt
mkdir -p "$apt"/etc/apt.conf.d "$apt"/etc/preferences.d "$apt"/etc/sources.list.d "$apt"/state/lists/partial \
	"$apt"/cache/archives/partial "$apt"/log
: >"$apt/state/status"
echo "deb [signed-by=$keyring] ${mirror:-http://deb.debian.org}/$archive main" >"$apt/etc/sources.list"
cat >"$apt/apt.conf" <<END
Dir::Etc "$apt/etc/"; Dir::State "$apt/state/"; Dir::State::status "$apt/state/status"; Dir::Cache "$apt/cache/";
Dir::Log "$apt/log"; APT::Architecture "amd64"; APT::Sandbox::User "root"; Acquire::Check-Valid-Until "false";
Acquire::Languages "none"; Acquire::Retries "3";
END
export APT_CONFIG=$apt/apt.conf
apt-get update -qq >"$log" 2>&1 || fail "apt-get update of $archive: $(tail -n 1 "$log")"
version=$(apt-cache show linux-image-$flavour | sed -n 's/^Depends:.*linux-image-\([0-9][^ ,]*\).*/\1/p' | head -n 1)
[ -n "$version" ] || fail "no linux-image-$flavour in $archive"
packages=linux-image-$version
if apt-cache show "linux-modules-$version" >/dev/null 2>&1; then
	packages="linux-binary-$version linux-modules-$version" # in parts since 7.0
fi
for package in $packages; do
	(cd "$dir" && apt-get download -qq "$package") >>"$log" 2>&1 || fail "downloading $package: $(tail -n 1 "$log")"
	dpkg -x "$dir/${package}"_*.deb "$dir/tree"
	rm -f "$dir/${package}"_*.deb
done
unset APT_CONFIG
rm -rf "$apt"
tree=$dir/tree
[ -e "$tree/lib" ] || ln -s usr/lib "$tree/lib"
depmod -b "$tree" "$version"
for image in "$tree/boot/vmlinuz-$version" "$tree/lib/modules/$version/vmlinuz" "$tree/lib/modules/$version/vmlinuz.unsigned"; do
	[ -e "$image" ] && cp "$image" "$dir/vmlinuz"
done
[ -e "$dir/vmlinuz" ] || fail "$packages: no kernel image found in there"

# ---- the first root: mounts the host's / read-only below an overlay in memory, and runs the job in there

initrd=$(mktemp -d)
trap 'rm -rf "$initrd"' EXIT
mkdir -p "$initrd"/{bin,dev,proc,sys,mnt,low,modules,tmp}
cp "$(command -v busybox)" "$initrd/bin/busybox"
: >"$initrd/modules/order"
for module in virtio_pci virtiofs overlay; do
	modprobe -d "$tree" -S "$version" --show-depends "$module" | sed -n 's/^insmod \([^ ]*\).*/\1/p' | while read -r file; do
		name=$(basename "$file" | sed 's/\.[xz]*z$//; s/\.zst$//')
		grep -qx "$name" "$initrd/modules/order" && continue
		echo "$name" >>"$initrd/modules/order"
		case $file in
		*.xz) xz -dc "$file" ;;
		*.zst) zstd -qdc "$file" ;;
		*) cat "$file" ;;
		esac >"$initrd/modules/$name"
	done
done
cat >"$initrd/init" <<'END'
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules/order); do insmod /modules/$module; done
mount -t virtiofs host /low && mount -t tmpfs tmp /tmp && mkdir /tmp/upper /tmp/work &&
	mount -t overlay -o lowerdir=/low,upperdir=/tmp/upper,workdir=/tmp/work overlay /mnt || poweroff -f
mount -t proc proc /mnt/proc
mount -t sysfs sys /mnt/sys
mount -t devtmpfs dev /mnt/dev
mkdir -p /mnt/dev/pts /mnt/dev/shm /mnt/run /mnt/out
mount -t devpts pts /mnt/dev/pts
mount -t tmpfs shm /mnt/dev/shm
mount -t tmpfs run /mnt/run
tree=$(sed -n 's/.*espial_tree=\([^ ]*\).*/\1/p' /proc/cmdline)
version=$(uname -r)
mkdir -p /mnt/usr/lib/modules/$version
mount --bind /low$tree/lib/modules/$version /mnt/usr/lib/modules/$version
mount -t virtiofs out /mnt/out || poweroff -f
mount -t bpf bpf /mnt/sys/fs/bpf
mount -t tracefs trace /mnt/sys/kernel/tracing 2>/dev/null
echo "booted $version after $(cut -d' ' -f1 /proc/uptime) s"
exec chroot /mnt /bin/bash -c 'export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
	bash /out/job >/out/log 2>&1; echo $? >/out/status; sync; busybox poweroff -f'
END
chmod +x "$initrd/init"
(cd "$initrd" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$dir/initrd"
echo "$version" >"$dir/ready"
echo "$dir"
