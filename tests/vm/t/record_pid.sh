#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.1,6.12 smp=2 timeout=300
# Processes that run already, and everything: until they end, or until a signal.
. "$(dirname "$0")/../../lib.sh"
load_module

is_recording() { grep -q '^weft: recording' rec.err; }

for backend in kmod bpf; do
	# The recording ends with the last of them.
	touch go
	sh -c 'while [ -e go ]; do sleep 0.05; done' & one=$!
	sh -c 'while [ -e go ]; do sleep 0.05; done' & two=$!
	"$WEFT" record -b $backend -o pids -p $one,$two 2>rec.err &
	rec=$!
	wait_for 60 is_recording
	sleep 0.5
	rm go
	wait $rec || fail "$backend: -p ended with $?: $(cat rec.err)"
	wait $one $two
	babeltrace2 pids >bt.out 2>bt.err && [ ! -s bt.err ] || fail "$backend: babeltrace2: $(cat bt.err)"
	for pid in $one $two; do
		grep -q " sched_process_exit: .*tid = $pid," bt.out || fail "$backend: no exit of $pid"
	done
	grep -q 'filename = "sleep"' bt.out || fail "$backend: what they create is not traced"
	expect 1 "$WEFT" record -b $backend -o gone -p $one
	says err "^weft: cannot trace $one: No such process"
	[ ! -e gone ] || fail "$backend: a trace of nothing"

	# Signals end it in order.
	for sig in $([ $backend = kmod ] && echo TERM HUP) INT; do
		: >rec.err
		sh -c 'while :; do sleep 0.01; done' & busy=$!
		# Background jobs of a script ignore SIGINT; env gives it back.
		env --default-signal=INT "$WEFT" record -b $backend -o all -a 2>rec.err &
		rec=$!
		wait_for 60 is_recording
		sleep 0.5
		kill -$sig $rec
		wait $rec || fail "$backend: -a ended with $? on SIG$sig: $(cat rec.err)"
		kill $busy
		wait $busy
		says rec.err '^weft: all: [0-9,]+ events'
		grep -q 'ended = 1;' all/kernel/metadata || fail "$backend: not ended in order on SIG$sig"
	done
	babeltrace2 all >bt.out 2>bt.err && [ ! -s bt.err ] || fail "$backend: babeltrace2: $(cat bt.err)"
	grep -q 'filename = "sleep"' bt.out || fail "$backend: -a does not see the neighbours"
	# Nor does it see itself at work, but where a traced thread takes its place.
	! grep -E " (page_fault|mmap|munmap|brk|madvise): .*[{] tid = $rec," bt.out >self ||
		fail "$backend: the recorder traces itself: $(head -n 3 self)"
	! grep -E " sched_switch: .*[{] tid = $rec,.* next_tid = 0," bt.out >self ||
		fail "$backend: the recorder's sleep is recorded: $(head -n 3 self)"

	# A signal for the recorder alone ends its command, too.
	: >rec.err
	"$WEFT" record -b $backend -o stopped sleep 60 2>rec.err &
	rec=$!
	wait_for 60 is_recording
	kill -TERM $rec
	wait $rec
	[ $? = 143 ] || fail "$backend: the command was not ended: $(cat rec.err)"
	says rec.err "'sleep' was ended by signal 15"
done
