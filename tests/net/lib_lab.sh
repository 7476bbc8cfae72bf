# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# net/lib_lab.sh - for network tests between the gateways of tests/lab: its functions, and what they need of the machine
#
# Sourced, after lib.sh (or lib_probe.sh).
# shellcheck source=tests/lab/lab.sh
. "$ESPIAL_ROOT/tests/lab/lab.sh"
# shellcheck source=tests/lab/ipsec.sh
. "$ESPIAL_ROOT/tests/lab/ipsec.sh"
# shellcheck source=tests/lab/impair.sh
. "$ESPIAL_ROOT/tests/lab/impair.sh"

# need_lab [COMMAND...]: namespaces, strongSwan, jq, and these
# shellcheck disable=SC2120 # tests pass it
need_lab()
{
	local missing

	need_netns
	need_cmd jq "$@"
	missing=$(lab_ipsec_missing)
	[ -z "$missing" ] || skip_all "$missing"
}
