#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# tests/bench/cost.sh [KERNEL]: what tracing costs, in instructions, with each tracer's reader at work: a guest of one
# CPU whose clock counts instructions runs the same work untraced and under weft, perf, trace-cmd and bpftrace,
# interleaved, with their data in memory. Prints what each adds to an operation, the median of $REPEAT turns (3), and
# of how much data. docs/cost.md has the figures and says how to read them.
here=$(cd "$(dirname "$0")" && pwd)
top=${here%/tests/bench}

if [ "${1:-}" != guest ]; then
	make -s -C "$top" all build/tests/progs/cost_work || exit
	# A copied byte counts as an instruction where the kernel copies with "rep movsb", which no hardware takes
	# for one. Without that feature it copies words.
	exec "$top/tests/vm/run" --kernel "${1:-6.12}" --icount --append clearcpuid=erms,fsrm --timeout 1500 -- \
		"$here/cost.sh" guest "${REPEAT:-3}"
fi

repeat=$2
PATH=$PATH:/usr/sbin:/sbin
mkdir /dev/shm/cost && cd /dev/shm/cost || exit
cp "$top/build/weft" "$top/build/tests/progs/cost_work" .
events=(sched:sched_switch sched:sched_waking sched:sched_wakeup sched:sched_wakeup_new sched:sched_migrate_task
	exceptions:page_fault_user exceptions:page_fault_kernel task:task_newtask sched:sched_process_exit
	syscalls:sys_{enter,exit}_{mmap,munmap})
perf_events=$(IFS=,; echo "${events[*]}")
switches='sched:sched_switch,sched:sched_waking,sched:sched_wakeup'
trace_events=() trace_switches=()
for event in "${events[@]}"; do trace_events+=(-e "$event"); done
for event in ${switches//,/ }; do trace_switches+=(-e "$event"); done
sleep 100000 &
neighbour=$!

recorded() { ./weft record -o trace "$@" ./cost_work; }
outside() {
	./weft record -o trace -b kmod -p $neighbour 2>recorder & recorder=$!
	until grep -q recording recorder; do sleep 1; done
	./cost_work
	kill -TERM $recorder
	wait $recorder
}
run() {
	case $1 in
	untraced)	./cost_work;;
	loaded)		./cost_work;;
	kmod)		recorded -b kmod;;
	kmod_sched)	recorded -b kmod -e sched;;
	outside)	outside;;
	bpf)		recorded -b bpf;;
	bpf_sched)	recorded -b bpf -e sched;;
	perf)		perf record -q -a -o perf.data -e "$perf_events" ./cost_work;;
	perf_sched)	perf record -q -a -o perf.data -e "$switches" ./cost_work;;
	trace_cmd)	trace-cmd record -q -o trace.dat "${trace_events[@]}" ./cost_work;;
	trace_cmd_sched) trace-cmd record -q -o trace.dat "${trace_switches[@]}" ./cost_work;;
	bpftrace_count)	bpftrace -o counts -c ./cost_work -e 'tracepoint:sched:sched_switch { @[pid] = count(); }
				tracepoint:exceptions:page_fault_user { @[pid] = count(); }';;
	esac
}
# lost: as each tracer tells it; one that loses is cheap for no merit of its own.
lost() {
	case $1 in
	kmod*|outside|bpf|bpf_sched) sed -n 's/.*events (\([0-9,]*\) lost).*/\1/p' err recorder | tr -d ,;;
	perf*)	perf report --stats -i perf.data 2>&1 | awk '/ LOST.* events:/ { n += $3 } END { print n + 0 }';;
	trace_cmd*) trace-cmd report --stat trace.dat 2>&1 | awk '/overrun:|dropped/ { n += $NF } END { print n + 0 }';;
	esac
}
modes="untraced loaded kmod kmod_sched outside bpf bpf_sched perf perf_sched trace_cmd trace_cmd_sched bpftrace_count"
for _ in $(seq "$repeat"); do
	for mode in $modes; do
		grep -q '^weft ' /proc/modules && rmmod weft
		case $mode in loaded|kmod*|outside) insmod "$top/build/$(uname -r)/weft.ko";; esac
		: >recorder
		run "$mode" >out 2>err || { echo "$mode: $(tail -n 1 err)"; continue; }
		# What a tracer says itself goes to the same place.
		awk -v mode="$mode" '/^(round|touch|map|fork) [0-9.]+$/ { print mode, $1, $2 }' out >>all
		case $mode in
		kmod*|bpf|bpf_sched|perf*|trace_cmd*)
			du -sbc trace perf.data trace.dat 2>/dev/null |
				awk -v mode="$mode" 'END { print mode, "KiB", $1 / 1024 }' >>all
			echo "$mode lost $(lost "$mode")" >>all;;
		esac
		rm -rf trace trace.old perf.data* trace.dat*
	done
done
kill $neighbour
echo "$(uname -r), instructions: $(nproc) CPU, median of $repeat; untraced as they are, then what each adds"
sort -k 1,2 -k 3,3n all | awk -v modes="$modes" '
	{ key = $1 " " $2; n[key]++; value[key, n[key]] = $3 }
	END {
		split("round touch map fork KiB lost", columns); count = split(modes, names)
		printf "%-16s %10s %10s %12s %10s %8s %6s\n", "", "pipe round", "page touch", "mmap+munmap",
			"fork+exit", "KiB", "lost"
		for (i = 1; i <= count; i++) {
			printf "%-16s", names[i]
			for (j = 1; j <= 6; j++) {
				key = names[i] " " columns[j]
				v = n[key] ? value[key, int((n[key] + 1) / 2)] : "-"
				if (i == 1) base[j] = v
				else if (v != "-" && j <= 4) v -= base[j]
				split("10 10 12 10 8 6", width)
				printf v == "-" ? " %*s" : " %*.0f", width[j], v
			}
			print ""
		}
	}'
