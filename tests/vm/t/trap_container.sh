#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.12 smp=2 timeout=240
# PID namespaces, from outside and from inside: command and processes are found by the ids that the caller knows
# them by; in the trace, of the kernel's stream and of the units', are those of the initial one, each with a name.
. "$(dirname "$0")/../../lib.sh"
. "$TOP/tests/witness/lib.sh"
load_module

cat >run.sh <<-END
	'$WEFT' run task ring --units 10 --ops 10
	'$WEFT' run thread create --units 4
	readlink /proc/self
END
inside() { unshare -p -f --mount-proc "$@"; }

# initial_ids DIR: what the trace of run.sh in a namespace must say.
initial_ids() {
	local dir=$1
	[ "$(tail -n 1 out)" -lt 100 ] || fail "$dir: it did not run inside: $(cat out)"
	witness "$dir" books
	audit_equal "$dir" switches_voluntary switches_involuntary faults_minor faults_major forks exits \
		balance_units marks_order
	"$WEFT" report --json "$dir" >"$dir.json" || fail "$dir: weft report ended with $?"
	"$WEFT" events "$dir" >"$dir.events"
	! grep -E '[ =]\?/[0-9]+' "$dir.events" | head -n 3 | grep . || fail "$dir: ids without a name"
	# Ids inside begin at 1, and those outside are in the hundreds.
	[ "$(sed -nE 's/.* sched_process_exec: .*[{] tid = ([0-9]+),.*filename = "(weft|sh|readlink)".*/\1/p' "$dir.bt" |
		sort -n | head -n 1)" -gt 100 ] || fail "$dir: an id of the namespace in the kernel's stream"
	# Each mark is of a thread of a traced process, as the kernel's stream calls them.
	sed -nE 's/.* task_newtask: .*child_tid = ([0-9]+), child_tgid = ([0-9]+),.*/\2 \1/p' "$dir.bt" | sort -u >born
	sed -nE 's/.* unit_[a-z]+: [{] tgid = ([0-9]+),.*[{] tid = ([0-9]+),.*/\1 \2/p' "$dir.bt" | sort -u >marked
	[ -s marked ] || fail "$dir: no marks"
	[ -z "$(comm -13 born marked)" ] || fail "$dir: marks of who was never born: $(comm -13 born marked)"
	grep -qE ', [1-9][0-9,]* unit marks \(0 lost\)' err || fail "$dir: lost marks: $(cat err)"
	"$WEFT" report --by unit "$dir" | grep -qE '^ring +10 +task ' || fail "$dir: no ten units"
}

for backend in kmod bpf; do
	# A command that makes a namespace; and the recorder inside one, with programs there and further inside.
	expect 0 "$WEFT" record -b $backend -o $backend.out unshare -p -f --mount-proc sh run.sh
	initial_ids $backend.out
	expect 0 inside "$WEFT" record -b $backend -o $backend.in sh -c \
		"'$WEFT' run coroutine ring --units 3 --ops 10; unshare -p -f --mount-proc sh run.sh"
	initial_ids $backend.in
	"$WEFT" report --by unit $backend.in | grep -qE '^ring +3 +coroutine ' || fail "$backend: no three units"

	# Processes that run: by their ids outside, and by those inside.
	unshare -p -f --mount-proc sleep 1000 & outer=$!
	wait_for 10 pgrep -P $outer sleep
	sleeper=$(pgrep -P $outer sleep)
	"$WEFT" record -q -b $backend -o $backend.p -p "$sleeper" & recorder=$!
	wait_for 30 test -e $backend.p
	kill -KILL "$sleeper"
	wait $outer
	wait $recorder || fail "$backend: -p from outside ended with $?"
	says <("$WEFT" events $backend.p) "sleep/$sleeper .*sched_process_exit"
	expect 0 inside sh -c "sleep 1000 & pid=\$!
		'$WEFT' record -q -b $backend -o $backend.pin -p \$pid & recorder=\$!
		until [ -e $backend.pin ]; do sleep 0.1; done
		kill -KILL \$pid
		wait \$recorder"
	says <("$WEFT" events $backend.pin) "sleep/[0-9]{3,} .*sched_process_exit"
	expect 1 inside "$WEFT" record -b $backend -o $backend.none -p $sleeper
	says err 'cannot trace'
	# Of the ids that another /proc has, none is right.
	expect 1 unshare -p -f "$WEFT" record -b $backend -o $backend.none true
	says err '/proc is that of another PID namespace'
done
expect 0 inside sh -c "'$WEFT' record -q -a -b kmod -o all & recorder=\$!
	until [ -e all ]; do sleep 0.1; done
	kill -TERM \$recorder
	wait \$recorder"
expect 1 inside "$WEFT" record -a -b bpf -o none
says err 'record everything from the initial namespace'
