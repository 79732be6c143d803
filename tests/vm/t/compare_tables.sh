#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.1,6.12 smp=2 timeout=600
# The comparison with both backends: no figure missing that the issue's table has, audits that hold, and what one
# backend counts the other counts too.
. "$(dirname "$0")/../../lib.sh"
load_module

holds() {
	jq -e "$1" out.json >/dev/null || fail "$job, $backend: not so: $1: $(jq -c "$2" out.json)"
}

# Small, and all models once: the CPUs are emulated, and the verifier takes its time on them.
options() {
	case $1 in
	create) echo --units 24;;
	switch) echo --ops 150;;
	touch) echo --units 4;;
	esac
	[ "$1$2" = createkmod ] || echo --models process,coroutine
}

# Switch by one backend only: recordings of it by both are in audit_jobs.
for job in create switch touch; do
	backends="kmod bpf"
	[ $job != switch ] || backends=kmod
	for backend in $backends; do
		expect 0 "$WEFT" compare $job -b $backend $(options $job $backend) --json
		cp out out.json
		cp out $job-$backend.json
		holds ".backend == \"$backend\" and .kernel == \"$(uname -r)\"" .
		holds '[.models[] | .error == null and .ops > 0 and .wall_ns > 0] | all' '[.models[].error]'
		# Every hook is there on these kernels.
		holds '[.models[].kernel | .switches_voluntary, .switches_involuntary, .mm_switches, .migrations,
			.wakeups, .runqueue_wait_ns, .oncpu_ns, .faults_minor, .faults_major, .fault_ns, .maps,
			.mapped_bytes, .forks | . != null] | all' '[.models[].kernel]'
		holds '[.models[].audit | .verdict != "unexplained" and .lost == 0 and
			.switches_recorded == .switches_counted and .switches_counted > 0 and
			.faults_recorded == .faults_counted and .faults_counted > 0] | all' '[.models[].audit]'
		holds '[.models[].memory | .pss_bytes_per_unit, .page_table_bytes_per_unit,
			.kernel_stack_bytes_per_unit | . != null] | all' '[.models[].memory]'
		# The cost of a switch, where there were any of the kind.
		holds '[.models[] | select(.kernel_units > 0) | .kernel | .switch_cost_same_mm_ns // .switch_cost_new_mm_ns > 0] | all' \
			'[.models[].kernel]'
		holds '[.models[] | select(.kernel_units == 0) | .units_account | .count > 0 and .oncpu_ns_p99 != null and
			.ready_ns_p50 != null and .suspended_ns_p50 != null] | all' '[.models[].units_account]'
		holds '[.models[] | select(.kernel_units > 0) | .units_account | .count > 0 and .oncpu_ns_p99 > 0 and .ready_ns_p50 == null] |
			all' '[.models[].units_account]'
	done
	[ $job != switch ] || continue
	# Two runs of a job are not the same run, but processes fork and map alike.
	for figure in .kernel.forks .kernel.maps .units .ops; do
		[ "$(jq ".models[0]$figure" $job-kmod.json)" = "$(jq ".models[0]$figure" $job-bpf.json)" ] ||
			fail "$job, processes: the backends differ in $figure"
	done
done

# The text, and that it says which kernel this is.
expect 0 "$WEFT" compare switch -b kmod --ops 150
grep -qF "Linux $(uname -r), kmod, clock tsc, 2 CPUs" out || fail "another machine: $(sed -n 2p out)"
says out '^  verdict +(equal|explained)'
! awk '/^  (switches|wake-ups|page faults, m|time in page|on-CPU)/' out | grep -q ' - ' ||
	fail "a figure is missing: $(cat out)"
