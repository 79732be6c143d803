#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.1,6.12 smp=2 timeout=120
#
# Loading and removing; removing is refused while a session is open; a reader that is killed leaves nothing.
. "$(dirname "$0")/../../lib.sh"
for i in 1 2 3 4 5; do
	load_module
	[ -c /dev/weft ] || fail "no /dev/weft"
	rmmod weft || fail "cannot be removed the ${i}th time"
	[ ! -e /dev/weft ] || fail "/dev/weft is still there"
done
load_module
for i in 1 2 3; do
	"$PROGS/kmod_load" threads 100000 &
	load=$!
	"$PROGS/kmod_ioctl" hold >hold &
	holder=$!
	wait_for 20 grep -q recording hold
	rmmod weft 2>err && fail "removed while a session is open"
	says err 'in use'
	kill -KILL $holder
	wait $holder 2>/dev/null
	wait_for 10 rmmod weft
	kill -KILL $load
	wait $load 2>/dev/null
	load_module
done
# Where ftrace is off the end of switches can not be hooked: that is said, and not recorded as nothing.
echo 0 >/proc/sys/kernel/ftrace_enabled
expect 1 "$WEFT" record -b kmod true
says err 'kernel.ftrace_enabled=1'
expect 0 "$WEFT" record -b kmod -e sched true
echo 1 >/proc/sys/kernel/ftrace_enabled
expect 0 "$WEFT" record -b kmod true
grep -q '\[weft\]' /sys/kernel/debug/kprobes/list /sys/kernel/tracing/enabled_functions &&
	fail "hooks are left: $(cat /sys/kernel/debug/kprobes/list)"
true
