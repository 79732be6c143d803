#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What a mark costs, counted in instructions, which repeat exactly: unrecorded a
# store and a test, recorded no system call and no loop, built off nothing.
. "$(dirname "$0")/../lib.sh"
bash "$TOP/tests/bench/bench_marks.sh" >figures 2>&1 || fail "$(tail -n 5 figures)"
cat figures
grep -q instructions figures || skip "programs can't be single-stepped here"
# of LINE: its instructions.
of() {
	sed -n "s/^$1  .* ns *\([0-9.]*\) instructions\$/\1/p" figures
}
# at_most LINE NUMBER: so many instructions.
at_most() {
	n=$(of "$1")
	[ -n "$n" ] || fail "no line '$1'"
	[ "${n%.*}" -le "$2" ] || fail "$1: $n instructions, not $2"
}
at_most "built off: resume + suspend, the pair" 0
at_most "built off: create" 0
at_most "unrecorded: resume + suspend, the pair" 20
at_most "unrecorded: wake" 10
at_most "unrecorded: create" 16
at_most "recorded, TSC: resume or suspend, each" 90
at_most "recorded, TSC: create" 200
# A million live units record like sixteen.
few=$(of "recorded, TSC, 16 live: resume or suspend, each")
many=$(of "recorded, TSC, 1048576 live: resume or suspend, each")
[ -n "$few" ] && [ "$few" = "$many" ] || fail "a mark takes $few instructions with 16 live units, $many with a million"
exit 0
