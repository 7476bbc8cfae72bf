#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# quick
#
# What is deployed for Prometheus: made of the catalogue as it is, accepted by the tools, and the rules do what they say.
# Dashboards are well formed, and ask only for metrics that there are.
# shellcheck disable=SC2016 # jq's variables
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need_cmd jq python3 promtool amtool
cd "$ESPIAL_ROOT/deploy" || exit 1
names=$(grep -v '^#' ../tests/golden/metrics.txt | cut -d' ' -f1)

check "generated files are those of the sources" prometheus/generate --check
is "each finding that is not mere information has an alert" \
	"$(sed -nE 's/^FINDING\([A-Z0-9_]+, "([^"]*)", .*, (WARNING|CRITICAL).*/\1/p' ../user/diagnose/catalogue.def | sort)" \
	"$(sed -nE 's/^ *expr: espial_finding\{id="(.*)"\} == 1/\1/p' prometheus/espial-findings.rules.yml | sort)"
check "promtool: configuration" promtool check config prometheus/prometheus.yml
check "promtool: tests of the rules" promtool test rules prometheus/rules_test.yml
check "amtool: configuration" amtool check-config alertmanager/alertmanager.yml
is "each cause inhibits" "$(grep -c '^CAUSE(' ../user/diagnose/rules.def)" \
	"$(sed -nE '/peer!=""/{n;s/.*finding=~?"(.*)".*/\1/p}' alertmanager/alertmanager.yml | tr '|' '\n' | grep -c .)"
# The committed list is the table's, in types and names
is "committed names are the table's" "$(awk -F'"' '/^\t\{"espial_/ { suffix = /COUNTER/ ? "_total" : /INFO/ ? "_info" : ""; print $2 suffix }' \
	../user/export/metrics_table.c | sort)" "$(grep -v '^espial_child_sa_' <<<"$names")"

known=$names$'\n'$(sed -nE 's/^ *- record: //p' prometheus/*.rules.yml)$'\nespial_ike_request_duration_seconds_bucket'
# schema FILE: what is wrong with a dashboard
schema()
{
	/usr/bin/python3 -c '
import json, sys, jsonschema
schema, board = (json.load(open(name)) for name in sys.argv[1:])
jsonschema.Draft7Validator.check_schema(schema)
for error in jsonschema.Draft7Validator(schema).iter_errors(board):
    print("/".join(map(str, error.absolute_path)), error.message[:200])' "$ESPIAL_ROOT/tests/deploy/dashboard.schema.json" "$1" 2>&1
}
if /usr/bin/python3 -c 'import jsonschema' 2>/dev/null; then
	for board in grafana/*.json; do
		is "${board##*/}: by the schema" "$(schema "$board")" ""
	done
	jq 'del(.panels[0].gridPos)' grafana/tunnel.json >"$TMPDIR/board.json"
	is "which finds what is missing" "$(schema "$TMPDIR/board.json")" "panels/0 'gridPos' is a required property"
else
	skip "dashboards by the schema" "needs python3-jsonschema"
fi
for board in grafana/*.json; do
	name=${board##*/}
	is_json "$name: panels are whole" "$board" '[.panels[] | select((.id | type) != "number" or (.title | length) == 0 or
		(.gridPos | (.x + .w > 24 or .w < 1 or .h < 1)) or (.targets | length) == 0 or .fieldConfig.defaults.unit == null)] | length' 0
	is_json "$name: ids differ, and no panel lies on another" "$board" '(.panels | map(.id) | length == (unique | length)) and
		([.panels[] | .gridPos | range(.x; .x + .w) as $x | range(.y; .y + .h) as $y | [$x, $y]] | length == (unique | length))' true
	is_json "$name: a data source that can be chosen, and none fixed" "$board" '[.. | .datasource? | objects | .uid] | unique | join(" ")' "\${datasource}"
	is "$name: only metrics that there are" "$(jq -r '[.panels[].targets[].expr, .annotations.list[].expr][]' "$board" |
		grep -oE 'espial[_:][a-z0-9_:]+' | sort -u | grep -vxF "$known")" ""
done
is "rules: only metrics that there are" "$(grep -ohE 'espial[_:][a-z0-9_:]+' <(sed 's/#.*//' prometheus/*.rules.yml | grep -v 'record:\|summary\|runbook\|action') |
	sort -u | grep -vxF "$known")" ""
finish
