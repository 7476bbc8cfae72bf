#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The promise of design.md: the model, the exporters and the readers of captures build and link without libbpf. All of their
# objects are linked whole, so that each symbol that one of them asks for must come from elsewhere.
. "$(dirname "$0")/../lib.sh"
cd "$ESPIAL_ROOT" || exit

variable()
{
	make --no-print-directory -s BUILD="${BUILD:-build}" "print-$1"
}

read -ra core <<<"$(variable CORE_OBJ)"
read -ra with_bpf <<<"$(variable LIBBPF_OBJ)"
read -ra libraries <<<"$(variable CORE_LIBS)"

# link OBJECT...: into a program that only links
link()
{
	echo 'int main(void) { return 0; }' | cc -x c -o "$TMPDIR/linked" - -x none "$@" "${libraries[@]}"
}

check "the ${#core[@]} objects of the core link without libbpf" link "${core[@]}"

headers=$(grep -l '/bpf/\(libbpf\|bpf\|btf\)\.h' "${core[@]/%.o/.d}" 2>/dev/null)
is "none of them includes a header of libbpf" "$headers" ""

# That the first test can fail: what does use libbpf does not link in this way
users=()
for object in "${with_bpf[@]}"; do
	[ "${object##*/}" = main.o ] || users+=("$object")
done
if link "${core[@]}" "${users[@]}" 2>"$TMPDIR/errors"; then
	not_ok "the rest of the agent does not" "it linked"
else
	matches "the rest of the agent does not" "$(cat "$TMPDIR/errors")" "undefined reference to .bpf_"
fi
finish
