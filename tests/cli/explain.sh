#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# espial explain: each log of tests/logs says what it must, and the same in seven other orders and shapes
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need_cmd jq gzip shuf
export TZ=UTC
logs=$ESPIAL_ROOT/tests/logs
cd "$TMPDIR" || exit 1

# explain VARIANT FILE...: adds the document. Lines without a year or a day are measured by the time of their file.
explain()
{
	touch -d '2026-03-10 12:00' "${@:2}"
	printf '{"variant": "%s"}\n' "$1" >>documents
	"$ESPIAL" explain --json "${@:2}" >>documents
}

# Lines that have nothing to do with it, in other prefixes, of other times, with bytes that are no text
foreign()
{
	cat <<-END
	Feb 28 23:59:59 gw sshd[4711]: Failed password for root from 192.0.2.66 port 22 ssh2: received DELETE for IKE_SA hq[1]
	2026-03-01T15:07:20.000+00:00 gw kernel: device eth0 entered promiscuous mode
	-- Boot 0123456789abcdef0123456789abcdef --

	$(printf '\xff\xfe\x1b[2J\x07')
	2026-03-01T04:12:01.003+00:00 gw systemd[1]: Started Session 4 of User root.
	END
}

while read -r name wanted; do
	rm -rf ./*
	cp "$logs/$name.log" "$name.log"
	lines=$(wc -l <"$name.log")
	explain plain "$name.log"
	gzip -c "$name.log" >"$name.log.gz"
	explain compressed "$name.log.gz"
	sed 's/$/\r/' "$name.log" >"$name.crlf.log"
	mv "$name.crlf.log" crlf && mkdir c && mv crlf "c/$name.log"
	explain crlf "c/$name.log"
	{ foreign | head -2; cat "c/$name.log"; foreign | tail -4; } >mixed && mv mixed "c/$name.log"
	explain mixed "c/$name.log"
	sed 'a\Mar  1 00:00:00 gw cron[7]: (root) CMD (true)' "$name.log" >"c/$name.log"
	explain between "c/$name.log"
	# These need a time in each line
	if [ "$(grep -cE '[0-9]{2}:[0-9]{2}:[0-9]{2}|REALTIME' "$name.log")" = "$lines" ]; then
		tail -n +$((lines / 2 + 1)) "$name.log" >"$name.log.0"
		head -n $((lines / 2)) "$name.log" >"$name.log.1"
		explain "two files" "$name.log.0" "$name.log.1"
		cat "$name.log.0" "$name.log.1" >"c/$name.log"
		explain halves "c/$name.log"
		for seed in 1 2; do
			shuf --random-source=<(yes $seed) "$name.log" >"c/$name.log"
			explain "shuffled $seed" "c/$name.log"
		done
	fi
	# Of two messages of one millisecond, nobody knows the later one when the order is lost: hence not its name
	result=$(jq -s -r '
		def said: [.findings[] | [.id, .severity, .confidence, .shape, .subject, .since, .until, .meaning, .action,
			.last_good.at, (.remedies | length)]];
		(.[1] | [.findings[] | "\(.id)/\(.severity)/\(.confidence)/\(.shape)/\(.subject.peer)"] | join(" ")),
		((.[1] | said) as $plain | range(0; length; 2) as $i | .[$i].variant as $variant | (.[$i + 1] | said) |
			select(. != $plain) | "\($variant): \(.)")' documents)
	is "$name" "$(head -n 1 <<<"$result")" "$wanted"
	is "$name: in other orders and shapes" "$(tail -n +2 <<<"$result")" ""
done <"$logs/expected"
is "each log is expected" "$(cut -d' ' -f1 "$logs/expected" | sort)" "$(find "$logs" -name '*.log' -printf '%f\n' | sed 's/\.log$//' | sort)"

finish
