#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Report, events, timeline and blame of real recordings: what one of them says, the others say too.
. "$(dirname "$0")/../lib.sh"
command -v jq >/dev/null || skip "jq is missing"
"$WEFT" doctor --json | jq -e '.backends[] | select(.backend == "bpf") | .usable' >/dev/null ||
	skip "BPF can't be used here: $("$WEFT" doctor | grep '^bpf')"

cat >work <<'END'
for i in 1 2 3 4 5; do
	sleep 0.01
done
dd if=/dev/zero bs=1000 count=50 2>/dev/null | cat >/dev/null
END
expect 0 "$WEFT" record -q -b bpf -o t bash work
expect 0 "$WEFT" record -q -b bpf -o u "$WEFT" run coroutine switch

# ---- events: the same number however they are asked for, and filters that add up
"$WEFT" events t >all || fail "weft events"
[ "$(wc -l <all)" -gt 500 ] || fail "only $(wc -l <all) events"
[ "$("$WEFT" events --raw t | wc -l)" = "$(wc -l <all)" ] || fail "--raw shows others"
switches=$(grep -c ' sched_switch ' all)
[ "$("$WEFT" events -e sched_switch t | wc -l)" = "$switches" ] || fail "-e sched_switch"
first=$("$WEFT" events --to 0.02 t | wc -l)
rest=$("$WEFT" events --from 0.020000001 t | wc -l)
[ $((first + rest)) = "$(wc -l <all)" ] || fail "--from and --to do not add up: $first + $rest"
LC_ALL=C sort -c -k1,1n all || fail "events are not in order of time"
! grep -vqE '^ *[0-9]+\.[0-9]{9} \[[0-9]+\] .{20,} [a-z_]+ ' all || fail "a line of another form"
"$WEFT" events -e unit_suspend u | grep -q ' unit_suspend object=.* reason=' || fail "no suspends of units"
tid=$(sed -n 's,.*sched_process_exec .*filename="dd".*,&,p' all | sed 's,^[^/]*/\([0-9]*\) .*,\1,')
"$WEFT" events -t "$tid" t >one || fail "events of a thread"
[ "$(wc -l <one)" = "$(grep -cE "/$tid( |\$)" all)" ] || fail "-t shows other events than those that name it"

# ---- report: text and JSON, and the books of the events
expect 0 "$WEFT" report t
says out '^Linux .*, bpf, clock ' '^TIME$' '^SWITCHES$' '^MEMORY$' '^dd +[0-9]+'
awk 'length > 120 { bad = 1 } END { exit bad }' out || fail "lines of more than 120 columns"
expect 0 "$WEFT" report --json t
cp out report.json
[ "$(jq '[.processes[] | .switches_voluntary + .switches_involuntary] | add' report.json)" -gt 10 ] ||
	fail "hardly any switches"
jq -e '[.processes[] | .life_ns - .unknown_ns - .oncpu_ns - .runqueue_wait_ns - .blocked_ns | . >= 0 and . < 5] | all' \
	report.json >/dev/null || fail "states do not add up to life"
[ "$(jq '[.processes[].forks] | add' report.json)" = "$(grep -c ' task_newtask ' all)" ] || fail "forks"
# On a busy machine one may have slept enough before it came to block.
jq -e '[.processes[] | select(.comm == "sleep")] | length == 5 and
	([.[] | select(.blocked[0].in == "clock_nanosleep")] | length >= 3)' report.json >/dev/null ||
	fail "five sleeps, blocked in clock_nanosleep: $(jq -c '[.processes[] | [.comm, .blocked]]' report.json)"
# What this kernel has no hook for is null and '-', not 0.
"$WEFT" doctor --json | jq -e '.backends[] | select(.backend == "bpf") | .hooks.page_fault.present' >/dev/null ||
	jq -e '.processes[0] | .faults_minor == null and .faults_unclassified > 0' report.json >/dev/null ||
	fail "faults that are not told apart are not null"
expect 0 "$WEFT" report --by unit --json u
jq -e '[.unit_groups[] | select(.kind == "coroutine") | .units] | add == 2' out >/dev/null || fail "no two coroutines"
expect 0 "$WEFT" report --by unit --all u
expect 0 "$WEFT" report --by thread --sort blocked --top 1 t
says out '^[0-9]+ more, with --all$'
expect 1 "$WEFT" report --by unit t
says err 'no unit is in this trace'

# ---- timeline and blame
expect 0 "$WEFT" timeline t
says out '^CPU 0 ' '^a .*[#+WBb]'
awk 'length > 120 { bad = 1 } END { exit bad }' out || fail "lanes of more than 120 columns"
expect 0 "$WEFT" timeline --width 200 --from 0.001 --to 0.01 --by unit,thread u
[ "$(grep -c '^CPU' out)" = 0 ] || fail "lanes of CPUs that were not asked for"
expect 1 "$WEFT" timeline --from 999 t
expect 0 "$WEFT" blame u
says out '^unit [0-9]+ .*coroutine of .*resumed [0-9,]+ times' ' executing$' ' suspended: '
expect 1 "$WEFT" blame nobody u
says err "no unit has the id or name 'nobody'"

# ---- output that nobody takes
for view in 'report t' 'events t' 'timeline t' 'blame u'; do
	"$WEFT" $view >/dev/full 2>err && fail "$view: a full disk went unnoticed"
	[ "$(grep -c 'No space left' err)" = 1 ] || fail "$view: $(cat err)"
	[ "$(wc -l <err)" = 1 ] || fail "$view: more than a line: $(cat err)"
done
"$WEFT" events t 2>err | head -n 1 >/dev/null
[ ! -s err ] || fail "a closed pipe is complained about: $(cat err)"
(trap '' PIPE; "$WEFT" events t 2>err; echo $? >code) | head -n 1 >/dev/null
[ ! -s err ] || fail "a closed pipe is complained about: $(cat err)"

# ---- an empty trace: metadata only
mkdir -p hollow/kernel
cp t/kernel/metadata hollow/kernel/
for view in report events timeline 'blame nobody'; do
	expect 1 "$WEFT" $view hollow
	says err '^weft: hollow: nothing was recorded'
done
exit 0
