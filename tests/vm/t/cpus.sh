#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.12 smp=4 timeout=240
# Four CPUs, of which one goes away and comes back while threads and units run: every CPU's stream is whole, the
# books are equal, and a recording may begin while a CPU is off.
. "$(dirname "$0")/../../lib.sh"
. "$TOP/tests/witness/lib.sh"
load_module

cpu2=/sys/devices/system/cpu/cpu2/online
[ -w $cpu2 ] || fail "this guest has no third CPU to take away"
cat >work <<END
'$WEFT' run thread ring --units 8 --ops 80 & '$WEFT' run process switch --ops 80 &
'$WEFT' run task share --units 8 --ops 50 & '$WEFT' run coroutine ring --units 50 --ops 50 &
for turn in 1 2 3; do
	echo \$1 >$cpu2
	sleep 0.05
	echo \$2 >$cpu2
	sleep 0.05
done
wait
END

for backend in kmod bpf; do
	expect 0 "$WEFT" record -b $backend -o $backend bash work 0 1
	witness $backend books
	audit_equal $backend switches_voluntary switches_involuntary faults_minor faults_major forks exits \
		balance_threads balance_units balance_processes arrivals marks_order
	[ "$(sed -n 's/.*cpu_id = \([0-9]*\).*/\1/p' $backend.bt | sort -u | wc -l)" = 4 ] || fail "$backend: not all CPUs ran it"
	echo 0 >$cpu2
	expect 0 "$WEFT" record -b $backend -o $backend-off bash work 1 0
	echo 1 >$cpu2
	audit_equal $backend-off switches_voluntary switches_involuntary
done
