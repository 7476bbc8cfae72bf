# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lab/record.sh - for the scripts that record captures: the laboratory, what their scenarios have in common, and the loop over them
#
#   . "$here/../lab/record.sh"
#   scenario_NAME() { … }                        what is to be seen
#   record() { … }                               one scenario, with what is around it: writes $out/$1.pcap and $out/$1.txt
#   record_scenarios "$here" "$@"                [DIRECTORY [SCENARIO...]], all of them into $here when nothing is said
_lab_here=${BASH_SOURCE[0]%/*}
# shellcheck source=tests/lib.sh
. "$_lab_here/../lib.sh"
# shellcheck source=tests/lab/lab.sh
. "$_lab_here/lab.sh"
# shellcheck source=tests/lab/impair.sh
. "$_lab_here/impair.sh"
# shellcheck source=tests/lab/ipsec.sh
. "$_lab_here/ipsec.sh"

# shellcheck disable=SC2034 # for the scripts
quick='retransmit_timeout = 0.4
retransmit_tries = 3'

# begin LINES: both daemons, with LINES in their charon { }
begin()
{
	lab_daemon_start left "$1" && lab_daemon_start right "$1" && lab_load left && lab_load right
}

# up LINES [KEY=VALUE]...: and a tunnel
up()
{
	lab_conn "${@:2}" && begin "$1" && lab_initiate
}

# logged TEXT [N]: the left log has it N times
logged()
{
	[ "$(grep -c "$1" "$LAB_DIR/left/charon.log")" -ge "${2:-1}" ]
}

# Public keys instead of the secret, with certificates of some 4000 bytes: 150 names in each
certificates()
{
	local name names

	names=$(printf ',DNS:gateway-%03d.example.org' {1..150})
	(
		cd "$LAB_DIR" || exit
		openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=ca -keyout ca.key -out ca.pem
		for name in left right; do
			openssl req -newkey rsa:2048 -nodes -subj "/CN=$name" -keyout "$name/private/$name.pem" -out "$name.req"
			openssl x509 -req -in "$name.req" -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -out "$name/x509/$name.pem" \
				-extfile <(echo "subjectAltName=DNS:$name$names")
			cp ca.pem "$name/x509ca/"
			sed -i -e 's/auth = psk/auth = pubkey/' -e "0,/auth = pubkey/s//&\ncerts = $name.pem/" "$name/swanctl.conf"
		done
	) 2>/dev/null
}

# record_log SIDE NAME: the lines of that charon's log that tell of messages, retransmissions and states
record_log()
{
	grep -E "(received )?retransmit (of|[0-9]+ of) request|giving up|timed out|(generating|parsed) [A-Z_0-9]+ (request|response)|IKE_SA .*established|IKE_SA deleted|behind NAT" \
		"$LAB_DIR/$1/charon.log" | sed -E "s/^([^ ]{12}) ?[0-9]*(\[[A-Z]+\])? ?/\1 /; s/ \[.*//; s/ between.*//" >"$out/$2.txt"
}

# record_scenarios DEFAULT [DIRECTORY [SCENARIO...]]: ends the script
record_scenarios()
{
	local name missing

	need_netns
	missing=$(lab_ipsec_missing)
	[ -z "$missing" ] || skip_all "$missing"
	mkdir -p "${2:-$1}"
	out=$(readlink -f "${2:-$1}")
	shift $(($# < 2 ? 1 : 2))
	# shellcheck disable=SC2046 # names without blanks
	[ $# -gt 0 ] || set -- $(declare -F | sed -n 's/^declare -f scenario_//p')
	for name; do
		# A subshell each: its traps take its laboratory down
		(
			_at_exit=()
			trap _run_at_exit EXIT
			record "$name"
		) || not_ok "$name" "was not recorded"
		echo "$name: $(stat -c %s "$out/$name.pcap") bytes"
	done
	finish
}
