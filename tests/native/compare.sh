#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The comparison on this machine's own kernel: every job, its figures against what they must be.
# weft: timeout=300
. "$(dirname "$0")/../lib.sh"
command -v jq >/dev/null || skip "jq is missing"
"$WEFT" doctor --json | jq -e '.backends[] | select(.backend == "bpf") | .usable' >/dev/null ||
	skip "BPF can't be used here: $("$WEFT" doctor | grep '^bpf')"

holds() {
	jq -e "$1" out.json >/dev/null || fail "$job: not so: $1: $(jq -c "$2" out.json)"
}

for job in create switch ring compute sleep share touch; do
	expect 0 "$WEFT" compare $job -b bpf --json
	cp out out.json
	holds ".job == \"$job\" and .backend == \"bpf\" and .kernel == \"$(uname -r)\" and .cpus >= 1" .
	holds '[.models[].model] == ["process", "thread", "task", "coroutine"]' '[.models[].model]'
	holds '[.models[] | .error == null and .ops > 0 and .wall_ns > 0 and .units > 0] | all' '[.models[].error]'
	# Equal, event for event.
	holds '[.models[].audit | .switches_recorded == .switches_counted and .switches_recorded > 0 and .lost == 0
		and .verdict != "unexplained"] | all' '[.models[].audit]'
	# What is not checked is null, not 0: processes have no units of their own.
	holds '.models[0].audit.checks.balance_units | .verdict == "not checked" and .recorded == null and
		.counted == null and .explained == null' '.models[0].audit.checks'
	# What the kernel made is what user space says that it did; a pool's workers come on top.
	holds '[.models[] | select(.model == "process" or .model == "thread") | .kernel.forks == .units and
		.user_units == 0 and .kernel_units == .units] | all' '[.models[] | [.kernel.forks, .units]]'
	holds '[.models[] | select(.model == "task" or .model == "coroutine") | .kernel_units == 0 and
		.units_account.count == .units and .kernel.forks <= .workers] | all' \
		'[.models[] | [.kernel_units, .units_account.count, .kernel.forks]]'
	# A process each needs its own page tables, a thread its own kernel stack, a coroutine neither.
	holds '.models[0].memory.kernel_stack_bytes_per_unit >= 8192 and
		.models[3].memory.kernel_stack_bytes_per_unit < 1024' '[.models[].memory]'
done

# The table of the same; a model alone; repeated, with the traces kept.
job=switch
expect 0 "$WEFT" compare switch -b bpf
says out '^switch: ' '^Linux .*, bpf, clock .* CPU' ' process +thread +task +coroutine$' \
	'^wall time per operation +[0-9]' '^  switches, voluntary +[0-9]' '^  verdict +(equal|explained)'
awk 'length > 120 && !/explained|one operation/ { bad = 1 } END { exit bad }' out ||
	fail "the table has more than 120 columns"
expect 0 "$WEFT" compare switch -b bpf --models thread,coroutine --repeat 3 --ops 500 -o kept --json
cp out out.json
holds '.repeat == 3 and [.models[].model] == ["thread", "coroutine"]' .repeat
holds '.models[0] | .ops == 1000 and .spread.wall_ns.min <= .wall_ns and .wall_ns <= .spread.wall_ns.max' \
	'.models[0].spread'
[ "$(echo kept/*)" = 'kept/coroutine-1 kept/coroutine-2 kept/coroutine-3 kept/thread-1 kept/thread-2 kept/thread-3' ] ||
	fail "kept: $(echo kept/*)"
expect 0 "$WEFT" report --by unit kept/coroutine-2
says out '^[a-z]+ .*coroutine'

# What has been asked for but can't be.
expect 1 "$WEFT" compare create -b kmod
says err '^weft: cannot compare create: '
expect 2 "$WEFT" compare create -b bpf --ops 5
says err 'create has no number of operations'
"$WEFT" compare create -b bpf --units 3 >/dev/full 2>err && fail "a full disk went unnoticed"
says err 'No space left on device'
# One model fails, the others are shown, and the exit code says it.
units=$(($(cat /proc/sys/kernel/pid_max) + 1))
[ $units -le 100000 ] || exit 0
expect 1 "$WEFT" compare create -b bpf --models process,task --units $units
says out '^process failed: cannot have ' '^wall time per operation +- +[0-9]'
