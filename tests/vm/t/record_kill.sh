#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.12 smp=2 timeout=300
# The recorder killed at any point: the trace is good up to its last whole packet, for babeltrace2 too, what
# was traced goes on, and the kernel is rid of the session.
. "$(dirname "$0")/../../lib.sh"
load_module

# A session of its own, so that it can be held still with all its children while a trace is looked at.
setsid sh -c 'while :; do /bin/true | :; done' &
load=$!
trap 'kill -KILL -- -$load' EXIT
with_events=0
# Loading the probes takes long under emulation: fewer rounds.
for backend in kmod bpf; do
	for round in $([ $backend = kmod ] && seq 4 || seq 1); do
		"$WEFT" record -q -b $backend -o killed --buffer-size 64K -a & rec=$!
		wait_for 90 test -e killed/kernel/metadata
		sleep 0.$((RANDOM % 200 + 100))
		kill -KILL $rec
		wait $rec 2>/dev/null
		kill -STOP -- -$load
		babeltrace2 -o dummy killed >bt.out 2>bt.err || fail "$backend, round $round: $(tail -n 5 bt.err)"
		# That records were lost is told, as it should be with such a small buffer.
		grep -v -e 'discarded' -e '^$' bt.err >complaints && fail "$backend: $(cat complaints)"
		grep -q 'ended = 0;' killed/kernel/metadata || fail "$backend: it claims to have ended in order"
		if [ -e killed/kernel/cpu0 ] || [ -e killed/kernel/cpu1 ]; then
			"$WEFT" events killed >we.out 2>we.err || fail "$backend, round $round: $(cat we.err)"
			with_events=$((with_events + 1))
		fi
		rm -r killed
		kill -CONT -- -$load
	done
done
[ $with_events -ge 3 ] || fail "only $with_events of 5 traces had events"
kill -0 $load || fail "what was traced has been harmed"
# Nothing of the dead recorders is left.
rmmod weft || fail "the module is still held"
! bpftool prog show 2>/dev/null | grep -w weft || fail "BPF programs are left"
