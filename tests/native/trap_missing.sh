# SPDX-License-Identifier: GPL-2.0-only
# weft: timeout=120
# What this kernel has no hook for, or what was not asked for, is missing ('-', null) and never 0.
. "$(dirname "$0")/../lib.sh"

[ "$(id -u)" = 0 ] || skip "tracing takes root"
"$WEFT" doctor | grep -q '^bpf  *usable' || skip "no BPF here"

# Groups that were not asked for.
expect 0 "$WEFT" record -b bpf -e sched -o sched sh -c '/bin/true | cat'
expect 0 "$WEFT" report --json sched
jq -e '[.processes[], .processes[].threads[] | .faults_minor, .faults_major, .fault_ns, .maps, .map_calls, .mapped_bytes,
	.tlb_flushes, .switch_cost_same_mm_ns.mean, .switch_cost_new_mm_ns.mean] | all(. == null)' out >null ||
	fail "figures of groups that were not recorded: $(jq -c '.processes[0] | del(.threads)' out)"
jq -e '[.processes[] | .switches_voluntary, .oncpu_ns] | all(. != null)' out >null || fail "what was recorded is missing"
expect 0 "$WEFT" record -b bpf -e mm -o mm sh -c '/bin/true | cat'
expect 0 "$WEFT" report --json mm
jq -e '[.processes[], .processes[].threads[] | .switches_voluntary, .switches_involuntary, .preemptions, .mm_switches,
	.migrations, .wakeups, .oncpu_ns, .runqueue_wait_ns, .blocked_ns] | all(. == null)' out >null ||
	fail "figures of groups that were not recorded: $(jq -c '.processes[0] | del(.threads)' out)"
expect 0 "$WEFT" audit mm
says out '^switches_voluntary +- +- +- +not checked' '^oncpu_ns +- +- +- +not checked' '^faults_minor +- +- +- +not checked'

# Hooks that are not there.
"$WEFT" doctor --json | jq -e '.backends[] | select(.backend == "bpf") | .hooks.context_switch.present' >/dev/null &&
	skip "this kernel lacks no hook"
expect 0 "$WEFT" record -b bpf -o all sh -c '/bin/true | cat'
says err 'not to be had here: .*context_switch'
expect 0 "$WEFT" report --json all
jq -e '[.processes[], .processes[].threads[] | .switch_cost_same_mm_ns, .switch_cost_new_mm_ns | .mean, .count] |
	all(. == null)' out >null || fail "a cost of switches that was never measured"
expect 0 "$WEFT" compare create -b bpf --units 10 --models thread --json
jq -e '.models[0].kernel | .switch_cost_same_mm_ns == null and .switch_cost_new_mm_ns == null' out >null ||
	fail "compare: a cost of switches that was never measured: $(jq -c '.models[0].kernel' out)"
expect 0 "$WEFT" compare create -b bpf --units 10 --models thread
says out 'switch.*same address space +-$|same address space +-$'
