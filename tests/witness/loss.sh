# SPDX-License-Identifier: GPL-2.0-only
# The smallest buffers, and a recorder that stands still while a storm goes on: the losses are counted, told in
# the stream where they belong, told by babeltrace2 and by the audit, and nobody calls such a trace equal.
. "$TOP/tests/witness/lib.sh"

for backend in $backends; do
	"$PROGS/witness_attach" >$backend.out &
	target=$!
	wait_for 20 grep -q ready $backend.out
	env --default-signal=INT "$WEFT" record -b $backend --buffer-size 8K -o $backend -p $target 2>$backend.err &
	recorder=$!
	wait_for 60 grep -q '^weft: recording' $backend.err
	sleep 0.3
	kill -STOP $recorder
	sleep "$seconds"
	kill -CONT $recorder
	sleep 0.3
	kill -INT $recorder
	wait $recorder || fail "$backend: the recorder ended with $?: $(cat $backend.err)"
	kill -TERM $target
	wait $target || fail "$backend: the target has been harmed: it ended with $?"

	lost=$(sed -n "s/^weft: $backend: [0-9,]* events (\([0-9,]*\) lost).*/\1/p" $backend.err | tr -d ,)
	[ "${lost:-0}" -gt 0 ] || fail "$backend: no losses: $(cat $backend.err)"
	says $backend.err 'events were lost; a larger --buffer-size'
	babeltrace2 --clock-cycles $backend >$backend.bt 2>$backend.bt.err || fail "$backend: babeltrace2 refuses it"
	perl "$TOP/tests/witness/witness.pl" types:$backend.types loss:$lost,$backend.missing <$backend.bt >$backend.loss ||
		fail "$backend: $(cat $backend.loss)"
	cat $backend.loss
	# babeltrace2 warns of each gap that a later packet tells, by the packets' own counts.
	grep -v -e 'racer discarded [0-9]* event' -e '^$' $backend.bt.err >$backend.rest && fail "$backend: $(head -n 3 $backend.rest)"
	told=$(sed -nE 's/.*racer discarded ([0-9]+) event.*/\1/p' $backend.bt.err | awk '{ n += $1 } END { print n + 0 }')
	[ "$told" = "$lost" ] || fail "$backend: $lost lost, of which the packets tell babeltrace2 $told"
	"$WEFT" audit $backend >$backend.audit && fail "$backend: the audit finds nothing: $(cat $backend.audit)"
	says $backend.audit "; lost 0*$(echo "$lost" | sed -E ':a; s/([0-9])([0-9]{3})(,|$)/\1,\2\3/; ta'), "
	grep -q '^switches_.* unexplained ' $backend.audit && ! grep -q 'equal, event for event$' $backend.audit ||
		fail "$backend: the audit calls it equal: $(cat $backend.audit)"
	"$WEFT" report $backend >/dev/null || fail "$backend: weft report refuses it"
done
