#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# weft run: every job under every model, and what it is asked for in vain.
. "$(dirname "$0")/../lib.sh"

models="process thread task coroutine"
jobs=$("$WEFT" help run | sed -n '/^JOB is one of/,$s/^  \([a-z]*\) .*/\1/p')
[ "$(echo $jobs | wc -w)" = 7 ] || fail "not seven jobs in the help: $jobs"

# The checksum is the same for every model.
for job in $jobs; do
	for model in $models; do
		expect 0 "$WEFT" run $model $job --json
		sed -n 's/.*"check": "\([0-9a-f]*\)".*/\1/p' out
	done | sort | uniq -c | grep -q '^ *4 [0-9a-f]\{16\}$' || fail "$job: the models disagree"
done
expect 0 "$WEFT" run coroutine switch -n 2 -o 100
says out '^switch as coroutine' 'units +2, created in user space' 'operations +200 ' 'carried by +1 thread$'
expect 0 "$WEFT" run task touch --bytes 64K --units 3 --workers 2
says out 'operations +48 ' 'carried by +2 threads$'

# refused CODE PATTERN ARGUMENTS...: one line that says why.
refused() {
	code=$1 pattern=$2
	shift 2
	expect $code "$WEFT" run "$@"
	says err "$pattern"
	[ ! -s out ] || fail "run $*: something on standard output"
	[ "$(wc -l <err)" = 1 ] || fail "run $*: more than one line: $(cat err)"
}
refused 2 "--units: '0' is no number from 1" thread create -n 0
refused 2 "--units: '-1' is no number" thread create --units=-1
refused 2 "--units: '1e3' is no number" thread create --units=1e3
refused 2 "--units: '99999999999999999999' is no number" thread create -n 99999999999999999999
refused 2 "--ops: '0' is no number" thread ring -o 0
refused 2 "--bytes: '1X' is no size" thread touch --bytes 1X
refused 2 "--bytes: 'K' is no size" thread touch --bytes K
refused 2 "--workers: '0' is no number" task create -w 0
refused 2 "no model 'fiber'" fiber create
refused 2 "no job 'knit'" thread knit
refused 2 'a model and a job are needed' thread
refused 2 'a model and a job are needed'
refused 2 "'ring' is one too many" thread create ring
refused 2 'switch takes 2 units, not 3' thread switch -n 3
refused 2 'share takes pairs of units, and 3 is odd' coroutine share -n 3
refused 2 'share takes messages of whole 8 bytes, not 9' process share --bytes 9
refused 2 'create has no number of operations' process create -o 2
refused 2 'ring has no number of bytes' process ring --bytes 8
refused 2 'only tasks have 2 workers or more' coroutine ring -w 2
for model in $models; do
	refused 1 "cannot have 1000000000000 units of model $model: .*; try fewer" $model create -n 1000000000000
	refused 1 "cannot have 32 units of model $model: .*; try fewer" $model touch --bytes 1000000G
done

# More descriptors, memory or processes than this shell may have.
limited() {
	limit=$1
	shift
	(eval "ulimit $limit" && refused 1 "$@") || exit 1
}
limited '-n 40' 'cannot make pipes for 100 units: Too many open files; .*ulimit -n' process ring -n 100
# AddressSanitizer reserves terabytes: under such a limit only the plain tool can run.
WEFT=$TOP/build/weft
limited '-v 4000000' 'cannot make the stack of coroutine .*: Cannot allocate memory; try fewer' \
	coroutine create -n 100000
limited '-v 4000000' 'cannot start thread .*: Resource temporarily unavailable; try fewer' thread ring -n 3000
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	WEFT="setpriv --reuid 64002 --clear-groups $WEFT"
	# The tool itself may lie where that user can't go.
	if $WEFT --version >/dev/null 2>&1; then
		for job in create ring touch; do
			(
				ulimit -u 50
				$WEFT run process $job -n 200 >out 2>err
				[ $? = 1 ] || fail "200 processes of 50: no failure"
				says err 'cannot start process [0-9]+ of 200: Resource temporarily unavailable; .*ulimit -u'
			) || exit 1
		done
		ps -u 64002 | grep -q weft && fail "processes are left behind"
	fi
fi
exit 0
