#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# espial compare: two files, what is said of them, and what is wrong with others
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need_cmd jq

# end NAME DIRECTION HIGHEST LOST [RESTARTS]: a state with one SA of tunnel t
end()
{
	jq -n --arg name "$1" --arg direction "$2" --argjson highest "$3" --argjson lost "$4" --argjson restarts "${5:-0}" '{
		espial: {version: "1", schema: 1},
		source: {kind: "live", name: $name, first: "2026-06-18T00:00:00.000000000Z", last: "2026-06-18T01:00:00.000000000Z"},
		self: {started: "2026-06-18T00:00:00.000000000Z"}, tunnels: [],
		sas: [{direction: $direction, protocol: "esp", source: "192.0.2.1", destination: "192.0.2.2", spi: "0x00001001",
			tunnel: "t", first: "2026-06-18T00:10:00.000000000Z",
			sequence: {first: 1, highest: $highest, received: ($highest - $lost), lost: $lost, pending: 0, too_old: 0, restarts: $restarts}}]}' \
		>"$TMPDIR/$1.json"
}
compare()
{
	"$ESPIAL" compare "$@" 2>&1
}
# fails NAME STATUS REGEX ARGUMENT...
fails()
{
	local name=$1 status=$2 regex=$3 output

	shift 3
	output=$(compare "$@")
	is "$name: status" $? "$status"
	matches "$name" "$output" "$regex"
}

cd "$TMPDIR" || exit
end left out 1000 0
end right in 1000 10
output=$(compare left.json right.json)
is "losses alone do not fail" $? 0
is "first line" "$(head -n 1 <<<"$output")" "10 of 1000 packets (1.00%) from left did not reach right, tunnel t."
matches "the table" "$output" "t  +left +1 SA +1000 +990 +10 +1\.00% +between left and right"
matches "each SA" "$(compare --sas left.json right.json)" "0x00001001"
compare --exit-code left.json right.json >/dev/null
is "with --exit-code they do" $? 1
compare --json left.json right.json >out.json
is_json "JSON: tunnel" out.json '.tunnels[0] | [.name, .from, .to, .sent, .arrived, .lost.least, .lost.most, .exact]' '["t","left","right",1000,990,10,10,true]'
is_json "JSON: SA" out.json '.sas[0] | [.spi, .protocol, .verdict, .first, .highest]' '["0x00001001","esp","exact",1,1000]'

end right in 900 0
output=$(compare --exit-code left.json right.json)
is "what was sent later is no loss" $? 0
is "and said so" "$(head -n 1 <<<"$output")" "No packet was lost between left and right."
matches "with its number" "$output" "100 packets more were sent after the last that arrived"
end right in 1000 10 1
matches "numbers that began anew" "$(compare left.json right.json)" "not comparable"
end right in 1000 0
jq '.sas[0].sequence |= (.received = 970 | .pending = 30)' right.json >recent.json
matches "what is missing may still come" "$(compare left.json recent.json)" "30 of the lost are so recent that they may still come"
compare --exit-code left.json recent.json >/dev/null
is "and is not lost for certain" $? 0
jq '.sas[0].sequence |= (.received = 969 | .lost = 1)' recent.json >more.json
compare --exit-code left.json more.json >/dev/null
is "as one more is" $? 1
jq '.sas[0].last = "2026-06-18T00:59:49.000000000Z"' recent.json >old.json
compare --exit-code left.json <(jq '.sas[0].last = "2026-06-18T00:59:49.000000000Z"' recent.json) >/dev/null
is "which they are later" $? 1
matches "but not after more than ten seconds" "$(compare left.json old.json)" "^30 of 1000 packets .* did not reach right"
is "and nothing may still come" "$(compare left.json old.json | grep -c recent)" 0
jq '.sas = []' right.json >none.json
matches "an end with itself" "$(compare left.json left.json)" "^The two are readings of the same end"
matches "nothing in common" "$(compare left.json none.json)" "^The two ends have no SA in common"
compare --exit-code left.json none.json >/dev/null
is "which is no all-clear with --exit-code" $? 3

fails "one end" 2 "two ends are needed" left.json
fails "three ends" 2 "only two ends" left.json left.json left.json
fails "no file" 3 "^espial: missing.json: No such file" left.json missing.json
echo nonsense >bad.json
fails "no JSON" 3 "^espial: bad.json: no JSON: line 1" bad.json left.json
echo '{}' >empty.json
fails "no state" 3 "^espial: empty.json: no state" empty.json left.json
fails "no URL" 3 "no such URL" left.json http://
fails "a URL with a path" 3 "no such URL" left.json http://127.0.0.1:1/api
fails "nobody there" 3 "no agent listens there" left.json 'http://[::1]:1'
# A damaged file is not one without losses
for odd in '1' 'null' '{}' '{"spi": 5, "sequence": []}'; do
	printf '{"sas": [%s]}' "$odd" >odd.json
	fails "no SA: $odd" 3 "^espial: odd.json: sas\[0\]: 'spi' is missing" left.json odd.json
done
for odd in '.highest = "x"' '.received = -5' '.lost = null' '.first = 1.5' 'del(.too_old)' '.pending = []'; do
	jq ".sas[0].sequence |= ($odd)" right.json >odd.json
	fails "no number: $odd" 3 "^espial: odd.json: sas\[0\]: '[a-z_]*' is missing, or is not what an SA has there: give" left.json odd.json
done
finish
