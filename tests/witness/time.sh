# SPDX-License-Identifier: GPL-2.0-only
# The absolute time of an event, as babeltrace2 makes it from the trace, against what the program read from
# CLOCK_REALTIME just before and just after; for both clocks of a trace.
. "$TOP/tests/witness/lib.sh"

for backend in $backends; do
	for clock in tsc monotonic; do
		dir=$backend-$clock
		"$WEFT" record -b $backend --clock $clock -o $dir "$PROGS/witness_time" >$dir.out 2>$dir.err || {
			grep -q "can't use the clock $clock" $dir.err && continue
			fail "$dir: $(cat $dir.err)"
		}
		babeltrace2 --clock-seconds $dir >$dir.bt 2>&1 || fail "$dir: $(tail -n 3 $dir.bt)"
		perl "$TOP/tests/witness/witness.pl" time:$dir.out,$clock_slack_ns <$dir.bt >$dir.time ||
			fail "$dir: events are not where the program saw them: $(cat $dir.time)"
		cat $dir.time
	done
	[ -e $backend-monotonic ] || fail "$backend: not even the monotonic clock"
done
