#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The container recipe and the DaemonSet: what they name is there and is what the program needs; the settings in the manifest are
# understood; the capabilities of all recipes are the same
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
dockerfile=$ESPIAL_ROOT/deploy/container/Dockerfile
manifest=$ESPIAL_ROOT/deploy/kubernetes/espial.yaml

# Libraries of the program are of packages that the image installs, or of its base
final=$(awk '/^FROM/ { text = "" } { text = text "\n" $0 } END { print text }' "$dockerfile")
while read -r name; do
	case $name in
	libgnutls.so.30) matches "$name is installed" "$final" libgnutls30 ;;
	libmnl.so.0) matches "$name is installed" "$final" libmnl0 ;;
	libsystemd.so.0) matches "$name is installed" "$final" libsystemd0 ;;
	*) matches "$name is of every image" "$name" '^(libc|libm)\.so\.6$|^ld-linux' ;;
	esac
done < <(objdump -p "$ESPIAL" | sed -n 's/^ *NEEDED *//p')
while read -r file; do
	check "COPY $file" test -e "$ESPIAL_ROOT/$file"
done < <(sed -nE 's/^COPY ([^-. ][^ ]*) .*/\1/p' "$dockerfile")
is "the configuration is where it is looked for" "$(grep -c 'COPY --from=build /out/etc/espial/espial.conf /etc/espial/espial.conf' "$dockerfile")" 1

capabilities='BPF NET_ADMIN PERFMON'
is "unit" "$(sed -n 's/^AmbientCapabilities=//p' "$ESPIAL_ROOT/deploy/systemd/espial.service" | sed 's/CAP_//g')" "$capabilities"
is "container" "$(grep -oE -- '--cap-add [A-Z_]+' "$ESPIAL_ROOT/deploy/docs/container.md" | head -n 3 | sed 's/.* //' | xargs)" "$capabilities"

if ! command -v jq >/dev/null || ! python3 -c 'import yaml' 2>/dev/null; then
	skip "the DaemonSet" "needs jq and python3-yaml"
	finish
fi
python3 -c 'import json, sys, yaml; json.dump(list(yaml.safe_load_all(open(sys.argv[1]))), sys.stdout)' "$manifest" >"$TMPDIR/k8s"
is_json "objects" "$TMPDIR/k8s" '[.[].kind]' '["Namespace","ConfigMap","DaemonSet"]'
set_='.[2].spec.template.spec'
is_json "capabilities" "$TMPDIR/k8s" "$set_.containers[0].securityContext.capabilities.add | join(\" \")" "$capabilities"
is_json "and no others" "$TMPDIR/k8s" "$set_.containers[0].securityContext | [.capabilities.drop, .privileged, .allowPrivilegeEscalation]" \
	'[["ALL"],false,false]'
is_json "the node's network" "$TMPDIR/k8s" "$set_.hostNetwork" true
is_json "the selector fits" "$TMPDIR/k8s" '.[2].spec | .selector.matchLabels == .template.metadata.labels' true
is_json "each mount has its volume" "$TMPDIR/k8s" "$set_ | ([.containers[].volumeMounts[].name] | sort) == ([.volumes[].name] | sort)" true
is_json "bpffs is the node's" "$TMPDIR/k8s" "[$set_.volumes[] | select(.name == \"bpffs\") | .hostPath.path]" '["/sys/fs/bpf"]'
is_json "one port" "$TMPDIR/k8s" "$set_.containers[0].ports[0].containerPort == (.[2].spec.template.metadata.annotations[\"prometheus.io/port\"] | tonumber)" true
jq -r '.[1].data["espial.conf"]' "$TMPDIR/k8s" >"$TMPDIR/conf"
is "its settings are understood" "$("$ESPIAL" run --config "$TMPDIR/conf" --xdp-mode fast 2>&1)" \
	"espial: --xdp-mode 'fast': must be auto, native, generic or off"
finish
