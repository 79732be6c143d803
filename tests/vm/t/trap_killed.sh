#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.1 smp=2 timeout=120
# The recorder of a command killed at any point, before and after the command has begun, while its units write their
# marks: the command goes on to its own end unharmed, what is whole in the trace can be read, and no session, no BPF
# program and no shared memory is left.
. "$(dirname "$0")/../../lib.sh"
load_module

shm=$(ls /dev/shm)
programs() { bpftool prog show | grep -c -w tracing; }
programs=$(programs)
finished=0 with_units=0
for backend in kmod bpf; do
	for round in 1 2 3 4; do
		rm -rf killed* "done" pid
		"$WEFT" record -q -b $backend -o killed --buffer-size 64K \
			sh -c "echo \$\$ >pid
				for i in 1 2 3 4 5 6; do '$WEFT' run coroutine switch --ops 300 >job.out || exit; done
				mv job.out done" & recorder=$!
		if [ $round -gt 2 ]; then
			wait_for 60 test -e killed/units/metadata
			sleep 0.$((RANDOM % 3))
		else
			sleep 0.$((RANDOM % 900 + 100))
		fi
		kill -KILL $recorder
		wait $recorder 2>/dev/null
		# If the command had begun, it ends well by itself; its recorder's child does not begin without it.
		[ ! -e pid ] || { wait_for 60 test -e "done"; finished=$((finished + 1)); }
		[ -e killed ] || continue
		babeltrace2 killed >bt.out 2>bt.err || fail "$backend, round $round: $(tail -n 5 bt.err)"
		grep -v -e 'discarded' -e '^$' bt.err >complaints && fail "$backend: $(cat complaints)"
		for view in events report 'report --by unit' audit; do
			"$WEFT" $view killed >view.out 2>view.err
			[ $? -le 1 ] && [ "$(wc -l <view.err)" -le 1 ] || fail "$backend: weft $view: $(cat view.err)"
		done
		grep -q ' unit_resume: ' bt.out && with_units=$((with_units + 1))
	done
done
[ $finished -ge 4 ] && [ $with_units -ge 2 ] || fail "$finished commands, $with_units traces with units: it tests nothing"
# What the dead have left is swept by the next recording.
expect 0 "$WEFT" record -q -b kmod -o last true
[ "$shm" = "$(ls /dev/shm)" ] || fail "left in /dev/shm: $(ls /dev/shm)"
rmmod weft || fail "the module is still held"
sleep 0.5
[ "$(programs)" = "$programs" ] || fail "BPF programs are left: $(bpftool prog show)"
