#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.1,6.12 smp=2 timeout=300
# Every job of weft compare, under each of the models one after the other, recorded by both backends: nothing is lost,
# every account balances to the tick, thread by thread the kernel's own books agree. Prints the audit's figures:
#	tests/vm/run -- bash tests/vm/t/audit_jobs.sh
. "$(dirname "$0")/../../lib.sh"
load_module

# Small: what matters is that each is there, and CPUs are emulated.
options() {
	case $1 in
	create) echo --units 8;;
	switch) echo --ops 50;;
	ring) echo --units 4 --ops 5;;
	compute) echo --units 4 --ops 20;;
	sleep) echo --units 4 --ops 3;;
	share) echo --units 2 --ops 50;;
	touch) echo --units 4 --bytes 64K;;
	*) fail "no options for the job $1";;
	esac
}

# A line for the recording: what was recorded / what the kernel counted, times as their difference.
figures() {
	jq -r --arg b "$1" --arg j "$2" '.checks as $c |
		def both(f): "\($c[f].recorded)/\($c[f].counted)";
		[$b, $j, .events, .threads, both("switches_voluntary"), both("switches_involuntary"),
		 both("faults_minor"), both("arrivals"), ($c | .oncpu_ns, .runqueue_wait_ns | .recorded - .counted),
		 ($c | .balance_threads, .balance_units, .balance_processes | .verdict), .verdict] | map(tostring) | join(" ")' \
		audit.json
}

# agrees WHAT FILTER: what must hold of the audit.
agrees() {
	jq -e "$2" audit.json >/dev/null || fail "$1: not so: $2: $("$WEFT" audit t)"
}

jobs=$("$WEFT" run --help | sed -n '/^JOB is one of/,$s/^  \([a-z]*\)  .*/\1/p')
[ "$(echo "$jobs" | wc -l)" -ge 7 ] || fail "jobs: $jobs"
cat >models <<'END'
job=$1
shift
for model in process thread task coroutine; do
	"$WEFT" run "$@" $model $job || exit
done
END
columns="%-7s %-7s %6s %7s %11s %11s %11s %11s %11s %11s  %-7s %-5s %-9s %s\n"
# shellcheck disable=SC2059
printf "$columns" backend job events threads voluntary involuntary faults arrivals on-CPU-ns queue-ns \
	threads units processes verdict
for backend in kmod bpf; do
	for job in $jobs; do
		what="$backend, $job"
		# shellcheck disable=SC2046
		"$WEFT" record -q -b $backend -o t -- sh models "$job" $(options "$job") >out 2>err ||
			fail "$what: ended with $?: $(cat err out)"
		[ "$(grep -c '^  operations' out)" = 4 ] || fail "$what: not four models ran: $(cat out)"
		"$WEFT" audit --json t >audit.json || fail "$what: $("$WEFT" audit t)"
		# shellcheck disable=SC2059,SC2046
		printf "$columns" $(figures $backend "$job")
		agrees "$what" '.ended and .lost == 0 and .units_lost == 0 and .threads > 8 and .threads_unequal == 0'
		agrees "$what" '[.checks | .balance_threads, .balance_units, .balance_processes, .marks_order |
			.verdict == "equal"] | all'
		agrees "$what" '[.checks | .switches_voluntary, .switches_involuntary, .faults_minor, .faults_major |
			.recorded == .counted] | all'
		rm -rf t
	done
done
exit 0
