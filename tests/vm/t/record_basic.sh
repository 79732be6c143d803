#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.1,6.12 smp=2 timeout=300
# A command recorded: the summary, the files, and an independent reader that counts the same events.
. "$(dirname "$0")/../../lib.sh"
load_module

cat >work <<'END'
for i in 1 2 3 4 5 6 7 8 9 10; do
	/bin/true
	sleep 0.01 | cat
done
END

for backend in kmod bpf; do
	dir=trace-$backend
	expect 0 "$WEFT" record -b $backend -o $dir bash work
	says err "^weft: recording 'bash work' with .* into $dir; its end or \^C ends it$" \
		"^weft: $dir: [0-9,]+ events \(0 lost\), .* in .*s$" '^weft: audit of [0-9]+ threads: equal'
	[ ! -s out ] || fail "$backend: something on standard output"
	events=$(sed -n "s/^weft: $dir: \([0-9,]*\) events.*/\1/p" err | tr -d ,)
	[ "$events" -gt 500 ] || fail "$backend: only $events events"

	babeltrace2 $dir >bt.out 2>bt.err || fail "$backend: babeltrace2 refuses the trace: $(cat bt.err)"
	[ ! -s bt.err ] || fail "$backend: babeltrace2 complains: $(head -n 5 bt.err)"
	[ "$(wc -l <bt.out)" = "$events" ] || fail "$backend: babeltrace2 sees $(wc -l <bt.out) of $events"
	[ "$("$WEFT" events $dir | wc -l)" -ge "$events" ] || fail "$backend: weft events sees fewer"

	# The witness's view of what happened: 10 true, sleep, cat each, the pipes' subshells among the forks.
	[ "$(grep -c ' sched_process_exec: .*filename = "true"' bt.out)" = 10 ] || fail "$backend: no 10 true"
	[ "$(grep -c ' task_newtask: ' bt.out)" = 30 ] || fail "$backend: not 30 forks"
	[ "$(grep -c ' sched_process_exit: ' bt.out)" = 31 ] || fail "$backend: not 31 exits"
	for entry in 'ended = 1' "backend = \"$backend\"" 'command = "bash work"' 'system_wide = 0' 'missed = 0'; do
		grep -qx "[[:space:]]*$entry;" $dir/kernel/metadata || fail "$backend: no $entry in the metadata"
	done
	# A program with units: a second stream, on the same clock, for the same reader.
	expect 0 "$WEFT" record -b $backend -o units-$backend "$WEFT" run coroutine switch
	says err '^weft: audit of [0-9]+ threads: equal'
	set -- $(sed -n 's/.*: \([0-9,]*\) events (0 lost), \([0-9,]*\) unit marks (0 lost).*/\1 \2/p' err | tr -d ,)
	[ "${2:-0}" -gt 1000 ] || fail "$backend: hardly any marks: $(cat err)"
	babeltrace2 units-$backend >bt.out 2>bt.err && [ ! -s bt.err ] || fail "$backend: babeltrace2: $(cat bt.err)"
	[ "$(wc -l <bt.out)" = $(($1 + $2)) ] || fail "$backend: babeltrace2 sees $(wc -l <bt.out) of $1 + $2"
	grep -q 'clock_error_ns = ' units-$backend/kernel/metadata || fail "$backend: no error of the units' clock"
	! grep -q 'clock_error_ns = ' $dir/kernel/metadata || fail "$backend: an error of no units' clock"
	[ "$(stat -c %a $dir)" = 700 ] || fail "$backend: the trace is open to others"
done

# An earlier trace is kept, quiet is quiet, groups select.
expect 0 "$WEFT" record -q -b kmod -o trace-kmod -e sched true
[ ! -s out ] && [ ! -s err ] || fail "-q is not quiet"
grep -q 'command = "bash work"' trace-kmod.old/kernel/metadata || fail "the earlier trace is not kept"
babeltrace2 trace-kmod >bt.out || fail "babeltrace2 refuses the trace of one group"
grep -q ' sched_switch: ' bt.out || fail "no sched_switch"
! grep -E ' (mmap|brk|page_fault|context_switch|tlb_flush): ' bt.out || fail "events of other groups"
