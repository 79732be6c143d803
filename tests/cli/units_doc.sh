#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The programs in docs/units.md compile without a warning and run; the man page
# has the functions as the header declares them.
. "$(dirname "$0")/../lib.sh"

# Code blocks, one file each: c1.c, c2.cc ...
awk '/^```c$/ { n++; file = "c" n ".c"; next } /^```cpp$/ { n++; file = "c" n ".cc"; next }
	/^```/ { file = ""; next } file { print >file }' "$TOP/docs/units.md"
[ "$(ls c*.c c*.cc | wc -l)" -ge 2 ] || fail "no programs in docs/units.md"
flags="-Wall -Wshadow -Werror -O2 -I$TOP/include"
for f in c*.c; do
	# shellcheck disable=SC2086
	gcc $flags -o prog "$f" || fail "$f of docs/units.md does not compile"
	expect 0 ./prog
done
says out '^unit 3, round 2$'
for f in c*.cc; do
	# shellcheck disable=SC2086
	g++ $flags -o prog "$f" || fail "$f of docs/units.md does not compile"
	expect 0 ./prog
done

for name in create resume suspend wake exit current; do
	declared=$(sed -n "s/^static inline \(.*weft_unit_$name(.*)\)\$/\1/p" "$TOP/include/weft/unit.h" | tail -n 1)
	page=$(grep "^\.BI \".*weft_unit_$name(" "$TOP/docs/man/weft-unit.3" | sed 's/^\.BI //; s/"//g; s/;$//; s/  */ /g; s/ \([,)]\)/\1/g; s/\* /*/g')
	[ "$declared" = "$page" ] || fail "weft-unit.3 says '$page', the header '$declared'"
done
exit 0
