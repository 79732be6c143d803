#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.1,6.12 smp=2 timeout=60
#
# Records that find no room are counted, and the stream tells of as many, where they are missing.
. "$(dirname "$0")/../../lib.sh"
load_module
for clock in tsc mono; do
	expect 0 timeout 50 "$PROGS/kmod_reader" -c $clock -z -s 4096 -n 2 "$PROGS/kmod_load" pipe 1000
	says out '^lost [1-9]'
done
# A reader that is awake but has little room.
timeout 50 "$PROGS/kmod_reader" -s 4096 -n 2 "$PROGS/kmod_load" touch 5000 >out
grep BAD out | grep -v ' lost$' && fail "more is wrong than losses"
true
