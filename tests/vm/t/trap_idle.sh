#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.1,6.12 smp=2 timeout=240
# Everything on several CPUs, mostly idle, by two recorders at once, one of each backend. The idle task is nobody's
# preempted thread and in no account; no recorder sees itself at work; no number has wrapped below zero.
. "$(dirname "$0")/../../lib.sh"
. "$TOP/tests/witness/lib.sh"
load_module

begin=$(awk '$1 == "ctxt" { print $2 }' /proc/stat)
for backend in kmod bpf; do
	env --default-signal=INT "$WEFT" record -b $backend -a -o $backend --buffer-size 16M 2>$backend.err &
	eval "$backend=$!"
	wait_for 60 grep -q '^weft: recording' $backend.err
done
for round in 1 2 3; do
	sleep 0.2
	/bin/true | cat
done
kill -INT "$kmod" "$bpf"
wait "$kmod" || fail "kmod: ended with $?: $(cat kmod.err)"
wait "$bpf" || fail "bpf: ended with $?: $(cat bpf.err)"
end=$(awk '$1 == "ctxt" { print $2 }' /proc/stat)

for backend in kmod bpf; do
	recorder=${!backend}
	# The module leaves out whoever records, not only its own recorder.
	witness $backend books idle:"$kmod,$bpf" absent:"$recorder"
	audit_equal $backend switches_voluntary switches_involuntary faults_minor faults_major arrivals
	# The kernel counts all switches since the boot.
	switches=$(awk '$2 == "sched_switch" { print $1 }' $backend.types)
	[ "$switches" -le $((end - begin)) ] || fail "$backend: $switches switches, the kernel had $((end - begin))"
	"$WEFT" report --json $backend >$backend.json || fail "weft report refuses $backend"
	jq -e '.duration_ns as $d | .cpus as $c | [.processes[].threads[]] |
		all(.tid > 0 and .life_ns <= $d) and (map(.oncpu_ns // 0) | add) <= $d * $c and
		(map(.tid) | index('"$recorder"') == null)' $backend.json >jq.out ||
		fail "$backend: impossible figures in the report"
	jq -e '[.. | numbers] | all(. >= 0 and . < 9e18)' $backend.json >jq.out || fail "$backend: a number has wrapped"
done
