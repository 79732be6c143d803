# SPDX-License-Identifier: GPL-2.0-only
# weft: timeout=300
#
# What is installed is where it belongs, and uninstalling leaves nothing.
. "$(dirname "$0")/../lib.sh"

root=$TMP/root
run_make() { expect 0 make -C "$TOP" --no-print-directory "$@" DESTDIR="$root" PREFIX=/opt/weft; }
listed() { (cd "$root" && find . ! -type d | sort); }

run_make install
listed >list
says list '^\./opt/weft/bin/weft$' '^\./opt/weft/include/weft/unit\.h$'
for headers in /lib/modules/*/build/Makefile; do
	[ -e "$headers" ] || continue
	release=${headers#/lib/modules/} release=${release%%/*}
	grep -qxF "./lib/modules/$release/extra/weft.ko" list || fail "no module for $release"
done
for page in "$TOP"/docs/man/*.[158]; do
	[ ! -e "$page" ] ||
		grep -qxF "./opt/weft/share/man/man${page##*.}/${page##*/}" list || fail "no $page"
done
printf '#include <weft/unit.h>\nint main(void) { return (int)weft_unit_current(); }\n' >unit.c
gcc -I"$root/opt/weft/include" -o unit unit.c && ./unit || fail "the installed header can not be used alone"
"$root/opt/weft/bin/weft" --version >version || fail "the installed tool does not start"

run_make uninstall
[ -z "$(listed)" ] || fail "left behind: $(listed)"
