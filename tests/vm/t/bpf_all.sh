# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.1,6.12 smp=2 icount=no timeout=240
#
# Everything but the recorder is traced: threads that were there before, kernel
# threads, new processes; the books agree, and the recorder is nowhere traced.
. "$(dirname "$0")/../../lib.sh"

"$WEFT" record -b bpf -a -o t >out 2>err &
recorder=$!
wait_for 60 grep -q '^weft: recording' err
for i in 1 2 3 4 5 6 7 8; do ls / >/dev/null; done
kill -INT $recorder
wait $recorder || { cat out err; fail "record -a ended with $?"; }
cat err
"$WEFT" events t >events || fail "events"
says events sched_switch task_newtask 'sched_process_exec.*ls' 'thread .*kthread'
[ "$(grep -c 'sched_process_exec.*ls' events)" = 8 ] || fail "not 8 times ls"
! grep -E "/$recorder  .*(page_fault|mmap|munmap|brk|thread_stat) " events || fail "the recorder is traced"
"$WEFT" audit t >audit 2>&1 || { cat audit; fail "audit"; }
cat audit
