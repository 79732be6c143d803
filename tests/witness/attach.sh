# SPDX-License-Identifier: GPL-2.0-only
# A running program of several threads that keep creating threads and children is attached to and let go: its
# account is right from the first moment, and it does not notice.
. "$TOP/tests/witness/lib.sh"

for backend in $backends; do
	"$PROGS/witness_attach" >$backend.out &
	target=$!
	wait_for 20 grep -q ready $backend.out
	env --default-signal=INT "$WEFT" record -b $backend -o $backend -p $target 2>$backend.err &
	recorder=$!
	wait_for 60 grep -q '^weft: recording' $backend.err
	sleep "$seconds"
	kill -INT $recorder
	wait $recorder || fail "$backend: the recorder ended with $?: $(cat $backend.err)"
	sleep 0.2
	kill -0 $target || fail "$backend: the target is gone"
	kill -TERM $target
	wait $target || fail "$backend: the target has been harmed: it ended with $?"
	witness $backend books
	audit_equal $backend switches_voluntary switches_involuntary
	# Threads created while it was traced, and the four that were there before.
	[ "$(grep -c ' task_newtask: ' $backend.bt)" -gt 50 ] || fail "$backend: hardly a thread was created"
	[ "$(grep -cE " thread_stat: .*when = 1," $backend.bt)" -ge 4 ] || fail "$backend: not all threads have opening books"
done
