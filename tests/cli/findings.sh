#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The catalogue of findings: each has a test that raises it and a near miss (tests/findings), and remedies for Linux or strongSwan, Cisco
# and Huawei where these can have it
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
tests=$ESPIAL_ROOT/tests
catalogue=$ESPIAL_ROOT/user/diagnose/catalogue.def

# ---- tests

# captures_of EXPECTED ID: the captures of tests/cli/diagnose_captures.sh with that finding
declare -A expected=()
while read -r scenario findings; do
	expected[$scenario]=" $findings "
done < <(sed -n "/cat <<'END'/,/^END/p" "$tests/cli/diagnose_captures.sh" | grep -v END)

# knows ID raised|near TEST: or says what is wrong
knows()
{
	local id=$1 how=$2 kind=${3%%/*} name=${3#*/} symbol

	symbol=FINDING_$(tr a-z- A-Z_ <<<"$id")
	case $kind in
	net | vm) grep -qw -- "$id" "$tests/$kind/$name.sh" || echo "tests/$kind/$name.sh does not know $id" ;;
	unit) grep -qw -- "$symbol" "$tests/unit/$name.c" || echo "tests/unit/$name.c does not know $symbol" ;;
	log) grep -q -- "^$name.* $id/" "$tests/logs/expected" || echo "tests/logs/expected has no $name with $id" ;;
	cap)
		[ -n "${expected[$name]:-}" ] || echo "no capture $name in diagnose_captures.sh"
		if [ "$how" = raised ]; then
			[[ "${expected[$name]:-}" == *" $id "* ]] || echo "$id is not expected of $name"
		else
			[[ "${expected[$name]:-}" != *" $id "* ]] || echo "$id is expected of $name"
		fi
		;;
	*) echo "no kind of test '$kind'" ;;
	esac
}

declare -A rows=()
only_unit=''
while read -r id raised near rest; do
	rows[$id]=1
	wrong=''
	for test in ${raised//,/ }; do wrong+=$(knows "$id" raised "$test"); done
	for test in ${near//,/ }; do wrong+=$(knows "$id" near "$test"); done
	[ -n "$near" ] || wrong+="no near miss"
	is "$id: a test that raises it, and a near miss" "$wrong$rest" ""
	[[ "$raised" == *net/* || "$raised" == *vm/* || "$raised" == *cap/* ]] || only_unit+=" $id"
done < <(grep -v '^#' "$tests/findings" | grep .)
ids=$(sed -nE 's/^FINDING\([A-Z0-9_]+, "([a-z0-9-]+)".*/\1/p' "$catalogue")
is "every finding of the catalogue is in tests/findings, and nothing else" "$(printf '%s\n' "${!rows[@]}" | sort)" "$(sort <<<"$ids")"
echo "# raised by written facts only:$only_unit"

# ---- remedies

# These are about the gateway that espial runs on, or are nobody's but the provider's.
here='observation-gap sequence-reused duplicate-packets path-changed'
lacking=$(awk -v here="$here" '
	BEGIN { split(here, list); for (i in list) is_here[list[i]] = 1 }
	function done() {
		if (id == "")
			return
		if (!own) print id " linux"
		if (!(id in is_here) && !cisco) print id " cisco"
		if (!(id in is_here) && !huawei) print id " huawei"
	}
	/^FINDING\(/ { done(); split($0, part, "\""); id = part[2]; own = cisco = huawei = 0 }
	/^\t[LSI]\("/ { own = 1 }
	/^\tC\("/ { cisco = 1 }
	/^\tH\("/ { huawei = 1 }
	END { done() }' "$catalogue")
is "remedies for Linux or strongSwan, Cisco and Huawei: none lacks where there can be one" "$lacking" ""
finish
