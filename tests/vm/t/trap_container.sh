#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.1,6.12 smp=2 timeout=240
# PID namespaces: the kernel's stream has the ids of the initial one, each with a name; the marks of units that run
# inside are counted as lost.
. "$(dirname "$0")/../../lib.sh"
. "$TOP/tests/witness/lib.sh"
load_module

for backend in kmod bpf; do
	# From outside. Ids inside begin at 1, and 1 is init outside.
	expect 0 "$WEFT" record -b $backend -o $backend unshare -p -f --mount-proc \
		sh -c "'$WEFT' run coroutine ring --units 10 --ops 50; '$WEFT' run thread create --units 20; readlink /proc/self"
	cp err $backend.err
	[ "$(tail -n 1 out)" -lt 100 ] || fail "$backend: it did not run inside: $(cat out)"
	witness $backend books
	audit_equal $backend switches_voluntary switches_involuntary faults_minor faults_major forks exits
	"$WEFT" report --json $backend >$backend.json || fail "$backend: weft report ended with $?"
	"$WEFT" events $backend >$backend.events
	! grep -E '[ =]\?/[0-9]+' $backend.events | head -n 3 | grep . || fail "$backend: ids without a name"
	[ "$(sed -nE 's/.* sched_process_exec: .*[{] tid = ([0-9]+),.*filename = "(weft|sh|readlink)".*/\1/p' $backend.bt |
		sort -n | head -n 1)" -gt 100 ] || fail "$backend: an id of the namespace in the kernel's stream"
	# The marks of units inside carry ids of the inside; they are refused, and that is told.
	grep -qE 'unit marks \([1-9][0-9,]* lost\)' $backend.err || fail "$backend: marks went missing without a word: $(cat $backend.err)"

done
