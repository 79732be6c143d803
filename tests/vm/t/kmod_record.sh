#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.1,6.12 smp=2 timeout=240
#
# The module's records of many kinds of work are well-formed and agree with the kernel's own books of every
# thread, event for event.
. "$(dirname "$0")/../../lib.sh"
load_module

# record OPTIONS -- KIND N: the reader must find nothing wrong.
record() {
	local options=()
	while [ "$1" != -- ]; do options+=("$1"); shift; done
	shift
	expect 0 timeout 60 "$PROGS/kmod_reader" "${options[@]}" "$PROGS/kmod_load" "$@"
}
# has NAME LEAST: the count of that name in the last recording.
has() {
	local n
	n=$(sed -n "s/^$1 //p" out)
	[ "${n:-0}" -ge "$2" ] || { cat out; fail "$1: $n, not $2 at least"; }
}

record -- threads 2000
has exits 2001
has task_newtask 2000
record -- forks 300
has exits 301
has sched_process_exec 38
record -- pipe 1000
has sched_switch 2000
has sched_waking 1000
has context_switch 2000
record -- touch 3000
has page_fault 3000
record -- map 300
for call in mmap munmap mprotect mremap madvise; do has $call 300; done
has brk 600
record -- exec 30
has exits 31
has sched_process_exec 31
record -- kill 20
has signal_deliver 20
record -- spin 300
record -a -- forks 100
has stops 20
record -c mono -- pipe 500
record -c mono -a -- threads 200
record -g 0 -- threads 200		# the life of threads alone
has exits 201
has sched_switch 0
record -g 8 -- pipe 200			# the cost of switches alone
has context_switch 400
record -l -- spin 1000000			# filtered while it runs
has thread_stat 4
