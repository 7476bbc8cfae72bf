#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# quick
#
# A real Alertmanager with the generated configuration: of each pair of cause and consequence the consequence is inhibited,
# about the same tunnel, about the same peer, and when the cause is the whole gateway's; not about another, not elsewhere
# shellcheck disable=SC2016 # jq's variables
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need_netns
need_cmd jq curl prometheus-alertmanager
rules=$ESPIAL_ROOT/user/diagnose/rules.def

ns_add am || skip_all "no network namespace"
# Nobody is to be called
sed 's/^ *- url: .*/      - url: http:\/\/127.0.0.1:1\//; s/group_wait: .*/group_wait: 1h/' \
	"$ESPIAL_ROOT/deploy/alertmanager/alertmanager.yml" >"$TMPDIR/alertmanager.yaml"
ns_spawn am "$TMPDIR/alertmanager.log" prometheus-alertmanager --config.file="$TMPDIR/alertmanager.yaml" \
	--storage.path="$TMPDIR/am" --web.listen-address=127.0.0.1:9093 --cluster.listen-address=
at_exit stop_process "$SPAWNED" KILL

# ask PATH OPTIONS...
ask()
{
	local path=$1

	shift
	ns am curl -sf --max-time 30 --noproxy '*' "$@" "http://127.0.0.1:9093$path"
}
check "Alertmanager answers" wait_for 120 ask /-/ready || {
	cat "$TMPDIR/alertmanager.log"
	finish
}

# Each pair on gateways of its own: five cases, of which the last three must not be inhibited
sed -nE 's/^CAUSE\(([A-Z0-9_]+), ([A-Z0-9_]+)\).*/\1 \2/p' "$rules" | tr 'A-Z_' 'a-z-' >"$TMPDIR/pairs"
check "there are pairs" test "$(wc -l <"$TMPDIR/pairs")" -gt 20
jq -Rn '
	def alert(finding; instance; tunnel; peer; expect): {
		labels: ({alertname: finding, finding: finding, severity: "warning", instance: instance, tunnel: tunnel, peer: peer} |
			with_entries(select(.value != ""))), annotations: {expect: expect}};
	[inputs | split(" ") | . as [$cause, $consequence] | "\($cause) \($consequence)" as $pair |
		alert($cause; "tunnel \($pair)"; "t"; ""; "cause"), alert($consequence; "tunnel \($pair)"; "t"; "p"; "inhibited"),
		alert($cause; "peer \($pair)"; ""; "p"; "cause"), alert($consequence; "peer \($pair)"; "t"; "p"; "inhibited"),
		alert($cause; "host \($pair)"; ""; ""; "cause"), alert($consequence; "host \($pair)"; "t"; "p"; "inhibited"),
		alert($cause; "other \($pair)"; "t"; "p"; "cause"), alert($consequence; "other \($pair)"; "t2"; "p2"; "active"),
		alert($consequence; "elsewhere \($pair)"; "t"; "p"; "active")]' "$TMPDIR/pairs" >"$TMPDIR/alerts.json"
# And the bare facts of the rules, with a finding that says why beside them, and without one
jq -n '[{finding: "ike-auth-failed", severity: "critical"}, {finding: "path-loss", severity: "warning"},
	{finding: "tunnel-flapping", severity: "warning"}, {}] | to_entries | map(.key as $i | .value as $f |
	({labels: ({alertname: "Espial", tunnel: "t", instance: "bare \($i)"} + $f), annotations: {expect: "cause"}} | select($f != {})),
	(["EspialTunnelDown", "EspialTunnelLoss", "EspialTunnelFlapping", "EspialTunnelOneWay"][] |
	{labels: {alertname: ., tunnel: "t", instance: "bare \($i)", severity: "critical"}, annotations: {expect:
		(if $i == 0 and . != "EspialTunnelFlapping" or $i == 1 and . == "EspialTunnelLoss" or $i == 2 and . == "EspialTunnelFlapping"
		 then "inhibited" else "active" end)}}))' >"$TMPDIR/bare.json"
jq -s '.[0] + .[1]' "$TMPDIR/alerts.json" "$TMPDIR/bare.json" >"$TMPDIR/all.json"
check "alerts are taken" ask /api/v2/alerts -H 'Content-Type: application/json' --data-binary "@$TMPDIR/all.json"

# all_known: Alertmanager decides of each when it is asked; it takes what is sent at once, but in its own time
# shellcheck disable=SC2317 # wait_for calls it
all_known()
{
	ask /api/v2/alerts >"$TMPDIR/answer.json" &&
		[ "$(jq length "$TMPDIR/answer.json")" = "$(jq length "$TMPDIR/all.json")" ]
}
check "all of them" wait_for 60 all_known
wrong()
{
	jq -r --arg expect "$1" '.[] | select(.annotations.expect == $expect) |
		select((.status.inhibitedBy | length > 0) != ($expect == "inhibited")) | "\(.labels.alertname) on \(.labels.instance)"' "$TMPDIR/answer.json"
}
# shellcheck disable=SC2317 # wait_for calls it
none_wrong()
{
	all_known && [ -z "$(wrong inhibited)" ]
}
wait_for 60 none_wrong
is "consequences are inhibited: $(jq '[.[] | select(.annotations.expect == "inhibited")] | length' "$TMPDIR/all.json") of them" "$(wrong inhibited)" ""
is "of another tunnel, elsewhere, or without a cause they are not" "$(wrong active)" ""
finish
