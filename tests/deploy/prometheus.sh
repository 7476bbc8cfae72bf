#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 1800
#
# A real Prometheus asks real agents on two strongSwan gateways: every query of the dashboards is answered, loss is told from
# both ends, and an alert fires, reaches Alertmanager and its receiver, and clears when the fault is gone
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/../net/lib.sh"
# shellcheck source=tests/lab/lab.sh
. "$(dirname "$0")/../lab/lab.sh"
# shellcheck source=tests/lab/ipsec.sh
. "$(dirname "$0")/../lab/ipsec.sh"
# shellcheck source=tests/lab/impair.sh
. "$(dirname "$0")/../lab/impair.sh"
need_netns
need_cmd jq curl python3 prometheus promtool prometheus-alertmanager
missing=$(lab_ipsec_missing)
[ -z "$missing" ] || skip_all "$missing"

began=$(date +%s)
work=$TMPDIR/prometheus deploy=$ESPIAL_ROOT/deploy
mkdir "$work"

ask()
{
	ns isp curl -s --max-time 20 --noproxy '*' "$@"
}

# query EXPRESSION [PORT]: the result, JSON; 1 when Prometheus refuses it
query()
{
	ask -G "http://127.0.0.1:${2:-9090}/api/v1/query" --data-urlencode "query=$1" | jq -ce 'select(.status == "success") | .data.result'
}

# query_all EXPRESSION: as a panel asks, from the beginning of the test until now
query_all()
{
	ask -G http://127.0.0.1:9090/api/v1/query_range --data-urlencode "query=$1" -d "start=$began" -d "end=$(date +%s)" -d step=5 |
		jq -ce 'select(.status == "success") | .data.result'
}

# holds EXPRESSION [PORT]: has it any result?
# shellcheck disable=SC2317 # wait_for calls it
holds()
{
	query "$@" | jq -e 'length > 0'
}

lab_up || skip_all "the lab's namespaces do not come up"
lab_conn version=2
retransmit=$'retransmit_timeout = 0.5\n  retransmit_base = 1\n  retransmit_tries = 500'
if ! { lab_daemon_start left "$retransmit" && lab_daemon_start right && lab_load left && lab_load right; }; then
	not_ok "daemons" "do not start"
	finish
fi

# ---- started as deployed, but faster: the intervals and where the agents are

declare -A socket
for side in left right; do
	address=$LAB_LEFT device=l0
	[ $side = left ] || address=$LAB_RIGHT device=r0
	check "agent on $side" agent_start $side -i $device --listen "$address:9641" --vici "$LAB_DIR/$side/vici" || finish
	socket[$side]=$AGENT_SOCKET
done
cp "$deploy"/prometheus/*.yml "$work"
sed -i -E 's/_interval: 15s/_interval: 1s/; s/^( *- targets:) \[127.0.0.1:9641\]/\1 ["'"$LAB_LEFT:9641\", \"$LAB_RIGHT:9641"'"]/' "$work/prometheus.yml"
# A minute is long for a test
sed -i 's/offset 1m/offset 5s/; s/\[1m\]/[5s]/' "$work/espial-fleet.rules.yml"
sed 's/group_wait: 10s/group_wait: 1s/; s/group_interval: 1m/group_interval: 1s/' "$deploy/alertmanager/alertmanager.yml" >"$work/alertmanager.yaml"
sed -i 's/\[2m\] offset 1h/[2s] offset 1h/; s/interval: 1m/interval: 1s/' "$work/espial-fleet.rules.yml"
# The two blocks of the page: a central Prometheus to which the one here writes, and another one that asks it
yaml_of()
{
	awk -v head="$1" '/^```yaml/ { inside = 1; next } /^```/ { if (wanted) exit; inside = 0; next }
		inside && $0 ~ "^" head { wanted = 1 } wanted' "$deploy/prometheus/README.md"
}
yaml_of remote_write: | sed 's/central:9090/127.0.0.1:9091/' >>"$work/prometheus.yml"
{
	printf 'global: {scrape_interval: 1s}\n'
	yaml_of scrape_configs: | sed 's/site:9090/127.0.0.1:9090/'
} >"$work/central.yaml"
# What Alertmanager calls: keeps each alert as "status name finding tunnel"
cat >"$work/receiver.py" <<'END'
import http.server, json, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open(sys.argv[1], "a") as file:
            for alert in body["alerts"]:
                print(alert["status"], self.path, alert["labels"]["alertname"], alert["labels"]["instance"], file=file)
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", 9099), Handler).serve_forever()
END
: >"$work/received"
ns_spawn isp "$work/receiver.log" python3 "$work/receiver.py" "$work/received"
at_exit stop_process "$SPAWNED" KILL
ns_spawn isp "$work/alertmanager.log" prometheus-alertmanager --config.file="$work/alertmanager.yaml" \
	--storage.path="$work/am" --web.listen-address=127.0.0.1:9093 --cluster.listen-address=
at_exit stop_process "$SPAWNED" KILL
ns_spawn isp "$work/prometheus.log" prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/tsdb" \
	--web.listen-address=127.0.0.1:9090
at_exit stop_process "$SPAWNED" KILL
echo 'global: {}' >"$work/written.yaml"
ns_spawn isp "$work/written.log" prometheus --config.file="$work/written.yaml" --storage.tsdb.path="$work/written" \
	--web.listen-address=127.0.0.1:9091 --web.enable-remote-write-receiver
at_exit stop_process "$SPAWNED" KILL
ns_spawn isp "$work/central.log" prometheus --config.file="$work/central.yaml" --storage.tsdb.path="$work/central" \
	--web.listen-address=127.0.0.1:9092
at_exit stop_process "$SPAWNED" KILL
check "Prometheus answers" wait_for 60 ask -f http://127.0.0.1:9090/-/ready || { cat "$work/prometheus.log"; finish; }
check "Alertmanager answers" wait_for 60 ask -f http://127.0.0.1:9093/-/ready || cat "$work/alertmanager.log"
check "both agents are scraped" wait_for 60 holds 'sum(up{job="espial"}) == 2'

# ---- the fault: the peer cannot be reached

lab_block 500
lab_swanctl left --initiate --child c --timeout 1 >"$work/initiate" 2>&1
check "the finding is raised" wait_for 90 holds 'espial_finding{id="ike-no-response"} == 1' || "$ESPIAL" diagnose --socket "${socket[left]}"
check "the alert fires" wait_for 60 holds 'ALERTS{alertname="EspialIkeNoResponse",alertstate="firing"}'
check "and reaches the pager" wait_for 60 grep -q "^firing /pager EspialIkeNoResponse $LAB_LEFT:9641" "$work/received"
matches "which is told why" "$(ask http://127.0.0.1:9093/api/v2/alerts | jq -r '.[] | select(.labels.finding == "ike-no-response") | .annotations.summary')" \
	'^10\.[12]\.0\.2 answers no IKE request: it is down'
lab_clear
check "the tunnel comes up" wait_for 60 lab_is_up || finish
check "the finding clears" wait_for 120 holds 'espial_finding{id="ike-no-response"} == 0'
check "the pager hears that it is over" wait_for 90 grep -q "^resolved /pager EspialIkeNoResponse" "$work/received"

# ---- loss, told by the receiver and by both ends

lab_impair lose right 10
lab_ping left 300 >/dev/null
lost=$(lab_impaired lose right)
lab_clear
lab_ping left 20 >/dev/null
check "the IKE SA is rekeyed" lab_swanctl left --rekey --ike t
lab_rekey || not_ok "rekey" "failed"
lab_ping left 20 >/dev/null
check "the receiver's counter is the router's" wait_for 60 \
	holds "sum(espial_child_sa_missing_numbers{instance=\"$LAB_RIGHT:9641\",direction=\"in\"}) == $lost"
check "both ends together say the same, over a rekeying" wait_for 90 \
	holds "sum(espial:fleet_sa_lost:numbers{instance=\"$LAB_RIGHT:9641\"}) == $lost and count(espial:fleet_sa_lost:numbers{instance=\"$LAB_RIGHT:9641\"}) == 2"
check "and nothing the other way" holds "sum(espial:fleet_sa_lost:numbers{instance=\"$LAB_LEFT:9641\"}) == 0"

check "the agents know of the new IKE SA" wait_for 60 holds 'sum(espial_tunnel_ike_rekeys_total) > 0'

# Of numbers a minute ago, at both ends alike
check "and the ratio of it" wait_for 180 holds 'count(espial:fleet_tunnel_loss:ratio) > 0'

# ---- each query of each dashboard

empty=''
for board in "$deploy"/grafana/*.json; do
	count=0
	while read -r expression; do
		expression=${expression//\$gateway/.*}
		expression=${expression//\$tunnel/.*}
		count=$((count + 1))
		result=$(query_all "$expression") || not_ok "${board##*/}" "refused: $expression"
		[ "$result" != "[]" ] || empty+="$expression"$'\n'
	done < <(jq -r '[.panels[].targets[].expr, .annotations.list[].expr][]' "$board")
	check "${board##*/}: $count queries are answered" test "$count" -gt 8
done
# What there is nothing of where the kernel has no IPsec: it counts no errors
may_be_empty='^$'
[ -e /proc/net/xfrm_stat ] || may_be_empty='^rate\(espial_host_xfrm_errors'
is "with data, all of them" "$(grep -vE "$may_be_empty" <<<"$empty" | grep .)" ""

# ---- elsewhere: as the page says, by both ways

check "remote write brings the findings" wait_for 60 holds 'espial_finding{id="ike-no-response",job="espial"}' 9091
check "and what the rules record" wait_for 60 holds "espial:fleet_tunnel_loss:ratio{instance=\"$LAB_RIGHT:9641\"}" 9091
is "but no SAs one by one" "$(query 'count({__name__=~"espial_child_sa_.*|espial:fleet_sa_.*"})' 9091)" "[]"
check "federation brings the findings" wait_for 60 holds 'espial_finding{id="ike-no-response",job="espial"}' 9092
check "and what the rules record" wait_for 60 holds "espial:fleet_tunnel_loss:ratio{instance=\"$LAB_RIGHT:9641\"}" 9092

# ---- what is scraped

for side in left right; do
	ns $side curl -s --max-time 20 --unix-socket "${socket[$side]}" 'http://x/metrics?sas=1' >"$work/$side.metrics"
	is "promtool has nothing against $side's metrics" "$(promtool check metrics <"$work/$side.metrics" 2>&1)" ""
done
is "all of them are in the committed list, and the list has no others" \
	"$(sed -nE 's/^# TYPE ([^ ]+) (.*)/\1 \2/p' "$work/left.metrics" | sort)" "$(grep -v '^#' "$ESPIAL_ROOT/tests/golden/metrics.txt")"
ns left curl -s --max-time 20 --unix-socket "${socket[left]}" http://x/metrics >"$work/plain.metrics"
is "without sas=1 there is no SPI" "$(grep -c spi= "$work/plain.metrics")" 0
is "with it, two SAs of two rekeyings, each way" "$(grep -c '^espial_child_sa_received' "$work/left.metrics")" 4
is "Prometheus has no complaint" "$(grep -E 'level=(error|warn)' "$work/prometheus.log" | grep -vi 'notif\|Alertmanager')" ""
finish
