# SPDX-License-Identifier: GPL-2.0-only
# Many threads and processes that end in every way there is; then the same while ids come
# back soon, if they can be made scarce here. Every thread has its own account, equal to the kernel's, event for event.
. "$TOP/tests/witness/lib.sh"

# storm BACKEND NAME THREADS PROCESSES
storm() {
	local dir=$1-$2
	expect 0 "$WEFT" record -b "$1" -o $dir --buffer-size 32M "$PROGS/witness_threads" "$3" "$4"
	mv out $dir.out
	mv err $dir.err
	witness $dir books storm:$dir.out
	if grep -q 'not to be had here:.* page_fault' $dir.err; then
		audit_equal $dir switches_voluntary switches_involuntary forks exits
	else
		audit_equal $dir switches_voluntary switches_involuntary faults_minor faults_major forks exits
	fi
	# The same of the tool's own account: a thread's name and its mappings belong together.
	"$WEFT" report --json $dir >$dir.json || fail "weft report refuses $dir"
	jq -r '.processes[].threads[] | select(.comm | test("^n[0-9]+$")) | "\(.comm[1:]) \(.maps)"' $dir.json |
		awk '$1 % 13 != $2 { print "n" $1 " has " $2 " maps"; bad++ } END { exit bad || NR != '"$3"' }' >$dir.wrong ||
		{ head $dir.wrong; fail "$dir: the report has the mappings of another thread"; }
}

for backend in $backends; do
	storm $backend many $threads $processes
done
[ "$guest" = yes ] || exit 0
# Ids are given out in turn; with this few they come back every hundred or so.
trap 'echo '"$(cat /proc/sys/kernel/pid_max)"' >/proc/sys/kernel/pid_max' EXIT
echo 400 >/proc/sys/kernel/pid_max || fail "ids can't be made scarce"
for backend in $backends; do
	storm $backend scarce 180 21
	[ "$(sed -nE 's/.* task_newtask: .*child_tid = ([0-9]+),.*/\1/p' $backend-scarce.bt | sort | uniq -d | wc -l)" -gt 50 ] ||
		fail "no id came again: the test tests nothing"
done
