#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tests/vm/smoke.sh in a virtual machine with Debian's kernel 6.1, the oldest that we run on, emulated; timeout: 2400 s, of which an
# idle machine needs one minute. With CI=true what it needs is fetched: QEMU, and the kernel. Elsewhere it runs where that is
# there: `make test-kernels` fetches it, and does more.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need_root
kernel=6.1
run=$ESPIAL_ROOT/tests/vm/run

if [ "${CI:-}" = true ]; then
	timeout 900 "$ESPIAL_ROOT/deploy/deps.sh" vm >"$TMPDIR/deps" 2>&1 || skip_all "QEMU cannot be had: $(tail -n 1 "$TMPDIR/deps")"
	timeout 600 bash "$ESPIAL_ROOT/tests/vm/kernel.sh" $kernel >"$TMPDIR/kernel" 2>&1 ||
		skip_all "no kernel $kernel: $(tail -n 1 "$TMPDIR/kernel")"
elif [ ! -e "${ESPIAL_KERNELS:-$HOME/.cache/espial/kernels}/$kernel/ready" ]; then
	skip_all "no kernel $kernel here yet: make test-kernels fetches it"
fi
need_cmd qemu-system-x86_64
check "what runs in there builds" "${MAKE:-make}" -C "$ESPIAL_ROOT" --no-print-directory "BUILD=$BUILD" \
	"$BUILD/test/prog/test_golden" "$BUILD/test/vm/xfrm_watch" || finish

"$run" $kernel smoke 900 >"$TMPDIR/log" 2>&1
status=$?
# A machine that is too slow for it proves nothing, unless its kernel complained
if grep -q '^not ok .*ended without a status' "$TMPDIR/log" && ! grep -qE 'BUG:|WARNING:|Oops|general protection' "$TMPDIR/log"; then
	sed 's/^/# /' "$TMPDIR/log"
	skip_all "the virtual machine was not through in 900 s: $(grep -c '^ok ' "$TMPDIR/log") cases were"
fi
cat "$TMPDIR/log"
is "the job in the virtual machine ends well" $status 0
finish
