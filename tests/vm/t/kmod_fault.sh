#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.12 smp=2 timeout=180
#
# Page faults, whose function the module replaces for one session and hooks otherwise for the next: both see all
# of them. A thread may sleep in one when the recording has ended, and the module stays until it has woken up.
. "$(dirname "$0")/../../lib.sh"
load_module
is_recording() { grep -q '^weft: recording' "$1"; }

# Two sessions on the same process, the second one without what the first one has.
mkfifo go
sh -c "read line <go; exec '$PROGS/kmod_load' touch 4000" & load=$!
for name in one two; do
	"$WEFT" record -b kmod -o $name -p $load 2>$name.err &
	eval "$name=$!"
	wait_for 60 is_recording $name.err
	grep '^handle_mm_fault ' /sys/kernel/tracing/enabled_functions >$name.hook ||
		fail "$name: no hook on handle_mm_fault"
done
grep -q ' I' one.hook || fail "the first session did not replace the function: $(cat one.hook)"
grep -q ' R' two.hook || fail "the second session has no probe of its own: $(cat two.hook)"
echo >go
for name in one two; do
	wait ${!name} || fail "$name: $(cat $name.err)"
	expect 0 "$WEFT" audit $name
	says out '^faults_minor +([0-9,]+) +\1 +0 +equal'
	[ "$("$WEFT" events $name | grep -c ' page_fault ')" -ge 4000 ] || fail "$name: faults are missing"
done

# The recording ends while a thread sleeps in a fault that it was to see.
mkfifo lines
"$PROGS/fault_asleep" <lines >asleep & load=$!
exec 3>lines
wait_for 60 grep -q ready asleep
"$WEFT" record -b kmod -o asleep.trace -p $load 2>asleep.err & rec=$!
wait_for 60 is_recording asleep.err
echo >&3
wait_for 60 grep -q asleep asleep
kill -TERM $rec
wait $rec || fail "the recorder did not end: $(cat asleep.err)"
rmmod weft 2>err && fail "the module was removed under a thread that sleeps in it"
says err 'in use'
# While it sleeps there another session has to do without.
expect 0 "$WEFT" record -b kmod -o meanwhile -- "$PROGS/kmod_load" touch 500
expect 0 "$WEFT" audit meanwhile
says out '^faults_minor +([0-9,]+) +\1 +0 +equal'
echo >&3
wait $load || fail "the sleeper ended with $?"
wait_for 20 rmmod weft
load_module
