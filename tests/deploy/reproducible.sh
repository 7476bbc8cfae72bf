#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 1800
#
# The sources built twice from nothing, in two directories, in other places, at other times, with another umask, locale, number
# of jobs and user's environment: the program, the Debian package and the archive are the same to the byte
# shellcheck source=tests/lib.sh disable=SC2317
. "$(dirname "$0")/../lib.sh"
need_cmd dpkg-deb dpkg-shlibdeps sha256sum
export SOURCE_DATE_EPOCH=1700000000

# copy DIRECTORY: what is not built
copy()
{
	mkdir -p "$1"
	tar -C "$ESPIAL_ROOT" --exclude=./.git --exclude=./build -cf - . | tar -C "$1" -xf -
}
# build TREE BUILD JOBS
build()
{
	make -s -C "$1" BUILD="$2" -j"$3" deb tarball
}
first=$TMPDIR/a second=$TMPDIR/a/rather/longer/name
copy "$first/tree"
copy "$second/tree"
# The second is later, and its files are of another time
find "$second/tree" -type f -exec touch -d 2001-02-03 {} +
check "built" build "$first/tree" "$first/tree/build" 1 || finish
(
	umask 077
	export TZ=Asia/Tokyo LC_ALL=C HOME=/nonexistent USER=nobody DEB_BUILD_OPTIONS=nocheck
	build "$second/tree" "$second/made" 3 >"$TMPDIR/log" 2>&1
)
check "built elsewhere" test -e "$second/made/espial" || {
	cat "$TMPDIR/log"
	finish
}
digests()
{
	(cd "$1" && sha256sum espial package/*.deb package/*.tar.gz)
}
is "program, package and archive" "$(digests "$first/tree/build" | wc -l)" 3
is "are the same" "$(digests "$second/made")" "$(digests "$first/tree/build")"
# Neither tells where it was built
for file in "$first/tree/build/espial" "$second/made/espial"; do
	is "no path of the build directory" "$(grep -c "$TMPDIR" "$file")" 0
done
finish
