#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.1,6.12 smp=2 timeout=240
# Both backends give the same accounts of units for the same kind of run, within the spread of repeated runs.
. "$(dirname "$0")/../../lib.sh"
load_module

cat >programs <<'END'
"$PROGS/unit_alike" &&
"$WEFT" run coroutine touch -n 4 -b 64K &&
"$WEFT" run coroutine share -n 4 -o 20 &&
"$WEFT" run task share -w 1 -n 4 -o 20
END
for run in 1 2 3 4; do
	for backend in kmod bpf; do
		expect 0 "$WEFT" record -q -b $backend -o t -- sh programs
		expect 0 "$WEFT" audit --json t
		jq -e '[.checks | .balance_threads, .balance_units, .balance_processes, .marks_order | .verdict == "equal"] |
			all' out >/dev/null || fail "$backend: out of balance: $("$WEFT" audit t)"
		expect 0 "$WEFT" report --by unit --json t
		cp out $backend-$run.json
	done
done
perl "$TOP/tests/alike.pl" kmod-*.json bpf-*.json >alike 2>&1
code=$?
cat alike
exit $code
