#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.1,6.12 smp=2 timeout=120
#
# Several sessions at once do not disturb each other, and none sees another recorder's work.
. "$(dirname "$0")/../../lib.sh"
load_module
"$PROGS/kmod_reader" -n 64 "$PROGS/kmod_load" pipe 2000 >one &
one=$!
"$PROGS/kmod_reader" -n 64 -c mono "$PROGS/kmod_load" threads 500 >two &
two=$!
"$PROGS/kmod_reader" -n 64 -g 6 "$PROGS/kmod_load" forks 100 >three &
three=$!
wait $one || fail "one: $(cat one)"
wait $two || fail "two: $(cat two)"
wait $three || fail "three: $(cat three)"
says one '^exits 2$'
says two '^exits 505$'
says three '^exits 101$'

# A recorder inside a recording of everything is taken out of it as it opens its session.
"$PROGS/kmod_reader" -a -n 64 "$PROGS/kmod_reader" "$PROGS/kmod_load" pipe 300 >outer ||
	fail "outer: $(cat outer)"
says outer '^excluded 1$'
