#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# quick
# timeout: 900
#
# deploy/docs: the commands of the pages for the Debian package, the archive and the unit are executed, under a systemd in namespaces,
# with what `make deb` and `make tarball` build; nothing is left behind
# shellcheck source=tests/deploy/lib_deploy.sh disable=SC2317
. "$(dirname "$0")/lib_deploy.sh"
docs=$ESPIAL_ROOT/deploy/docs
need_cmd dpkg-deb dpkg-shlibdeps

while read -r path; do
	check "README: there is $path" test -e "$ESPIAL_ROOT/deploy/$path"
done < <(grep -oE '\]\([^)h#][^)]*\)' "$ESPIAL_ROOT/deploy/README.md" | tr -d ']()' | sort -u)
is "README: each page" "$(grep -oE 'docs/[a-z]+\.md' "$ESPIAL_ROOT/deploy/README.md" | sort -u | xargs)" \
	"$(cd "$ESPIAL_ROOT/deploy" && echo docs/*.md)"

# ---- the packages (that they are the same when built elsewhere is tests/deploy/reproducible.sh's)
version=$("$ESPIAL" --version)
version=${version#espial }
# The program that is tested goes in, whatever happened to its sources meanwhile
build()
{
	make -s -C "$ESPIAL_ROOT" -o "$ESPIAL_BUILD/espial" BUILD="$ESPIAL_BUILD" ESPIAL_VERSION="$version" PACKAGE="$1" deb tarball
}
export SOURCE_DATE_EPOCH=1700000000
check "make deb tarball" build "$TMPDIR/one" || finish
deb=$(echo "$TMPDIR"/one/*.deb)
matches "the configuration is a conffile" "$(dpkg-deb --ctrl-tarfile "$deb" | tar -xO ./conffiles)" '^/etc/espial/espial.conf$'
is "man pages" "$(dpkg-deb -c "$deb" | sed -nE 's,.*/man1/(.*)\.gz,\1,p' | sort | xargs)" \
	"$(cd "$ESPIAL_ROOT/deploy/man" && printf '%s\n' *.1 | sort | xargs)"
if command -v lintian >/dev/null; then
	is "lintian finds no errors" "$(TMPDIR=/tmp lintian --fail-on none --allow-root "$deb" 2>/dev/null | grep '^E:')" ""
else
	skip "lintian" "needs lintian"
fi

need_box
box_systemd "the pages"
# The agent's interface, with a default route as a gateway has one
box ip link add v0 type veth peer name v1
box ip link set v0 up
box ip link set v1 up
box ip addr add 192.0.2.1/24 dev v0
box ip route add default via 192.0.2.2
box_put "$deb" "/root/deploy/$(basename "$deb")"
tarball=$(echo "$TMPDIR"/one/*.tar.gz)
box_put "$tarball" "/root/deploy/$(basename "$tarball")"

# files: what is there of espial; of directories that others have too, only ours. State that systemd keeps is not.
files()
{
	box sh -c 'find /etc /usr/bin /usr/local /usr/lib/systemd /usr/lib/sysusers.d /usr/lib/tmpfiles.d /usr/share/man \
		/usr/share/doc /usr/share/lintian /usr/share/bash-completion /usr/share/zsh /usr/share/fish /var/lib /run /sys/fs/bpf -name "*espial*" -not -path "/usr/src/*" -not -path "/var/lib/systemd/*" \
		-not -path "/run/systemd/*" -not -path "/run/credentials/*"; getent passwd espial; getent group espial' | sort
}
before=$(files)

# run_page PAGE [N]: its blocks of kind sh, or only the Nth
run_page()
{
	local block='' inside='' line count=0

	while IFS= read -r line; do
		case $inside$line in
		'```sh') inside=1 block='' ;;
		'1```')
			inside='' count=$((count + 1))
			if [ -z "${2:-}" ] || [ "$2" = $count ]; then
				check "$1: block $count" box bash -euo pipefail -c "cd /root/deploy
$block"
			fi
			;;
		1*) block+=$line$'\n' ;;
		esac
	done <"$docs/${1/prometheus/..\/prometheus\/README}.md"
}
attached()
{
	box ip -d -j link show v0 | jq -c '.[0].xdp.prog.id'
}

run_page debian 1
is "installing attaches nothing" "$(attached)" null
run_page debian 2
program=$(attached)
matches "starting does" "$program" '^[0-9]+$'
run_page systemd
is "a change is in effect" "$(box systemctl show -P WatchdogUSec espial)" 1min
box rm -r /etc/systemd/system/espial.service.d
run_page debian 3

# The page of Prometheus, where its packages are: it scrapes the agent here
if box sh -c 'command -v prometheus && command -v prometheus-alertmanager' >/dev/null; then
	box sed -i 's/^#listen = .*/listen = 127.0.0.1:9641/' /etc/espial/espial.conf
	box systemctl reload espial
	for path in prometheus alertmanager grafana; do
		box mkdir -p "/root/deploy/deploy/$path"
		for file in "$ESPIAL_ROOT/deploy/$path"/*.*; do
			box_put "$file" "/root/deploy/deploy/$path/${file##*/}"
		done
	done
	run_page prometheus
	scraped()
	{
		box curl -sG --max-time 10 http://127.0.0.1:9090/api/v1/query --data-urlencode 'query=up{job="espial"}' |
			jq -e '.data.result[0].value[1] == "1"'
	}
	check "Prometheus asks the agent" wait_for 120 scraped
	told()
	{
		box curl -s --max-time 10 http://127.0.0.1:9090/api/v1/alertmanagers | jq -e '.data.activeAlertmanagers | length == 1'
	}
	check "and knows Alertmanager" wait_for 60 told
	is "three dashboards" "$(box sh -c 'ls /var/lib/grafana/dashboards/espial' | xargs)" "gateway.json overview.json tunnel.json"
	box systemctl stop prometheus prometheus-alertmanager
	box sh -c 'rm -rf /etc/prometheus/espial-* /var/lib/grafana /etc/grafana /root/deploy/deploy'
	box sed -i 's/^listen = .*/#listen = 9641/' /etc/espial/espial.conf
else
	skip "the page of Prometheus" "needs prometheus and prometheus-alertmanager"
fi
box sh -c 'echo "# mine" >>/etc/espial/espial.conf'
run_page debian 4
is "an upgrade keeps the program" "$(attached)" "$program"
check "and the configuration" box grep -q '^# mine' /etc/espial/espial.conf
is "and the agent" "$(box systemctl is-active espial)" active
run_page debian 5
is "removal takes the program away" "$(attached)" null
is "and nothing is left" "$(files)" "$before"

run_page tarball 1
is "unpacking attaches nothing" "$(attached)" null
run_page tarball 2
matches "starting does" "$(attached)" '^[0-9]+$'
run_page tarball 3
run_page tarball 4
is "removal takes it away" "$(attached)" null
is "and nothing is left" "$(files)" "$before"
finish
