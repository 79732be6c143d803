#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What a mark costs, counted in instructions, which repeat exactly: unrecorded a
# store and a test, recorded no system call and no loop, built off nothing.
. "$(dirname "$0")/../lib.sh"
bash "$TOP/tests/bench/bench_marks.sh" >figures 2>&1 || fail "$(tail -n 5 figures)"
cat figures
grep -q instructions figures || skip "programs can't be single-stepped here"
# at_most LINE NUMBER: so many instructions.
at_most() {
	n=$(sed -n "s/^$1  .* ns *\([0-9.]*\) instructions\$/\1/p" figures)
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
exit 0
