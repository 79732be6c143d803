#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The commands that show things, asked for what can't be: one clear line, the right exit code.
. "$(dirname "$0")/../lib.sh"

# failed PATTERN ARGUMENT...: it can't be done, and the only line says so.
failed() {
	local pattern=$1
	shift
	expect 1 "$WEFT" "$@"
	says err "^weft: $pattern"
	[ "$(wc -l <err)" = 1 ] || fail "more than one line: $*"
	[ ! -s out ] || fail "something on standard output: $*"
}

# usage PATTERN COMMAND ARGUMENT...: wrong usage, found before any trace is looked for.
usage() {
	local pattern=$1
	shift
	expect 2 "$WEFT" "$@"
	says err "^weft $1: $pattern"
	[ "$(wc -l <err)" = 1 ] || fail "more than one line: $*"
	[ ! -s out ] || fail "something on standard output: $*"
}

mkdir empty
for view in report events timeline 'blame reader'; do
	failed 'nothing is no trace' $view nothing
	failed 'empty is no trace' $view empty
	usage "(one trace at a time: )?'more' is one (argument )?too many" $view dir more third
done

usage "--by: 'cpu' is none of process, thread, unit" report --by cpu
usage "--sort: there is no key 'size'" report --sort size
usage "--top: '0' is no number from 1" report --top 0
usage "--top: '-1' is no number from 1" report --top=-1
usage "--event: there is no event 'sched_yield'" events -e sched_switch,sched_yield
usage "--event: there is no event ''" events -e ''
usage "--tid: 'x' is no number" events -t 1,x
usage "--tid: '' is no number" events -t ''
usage "--from: '1e3' is no number of seconds" events --from 1e3
usage "--from: '' is no number of seconds" events --from ''
usage "--from: '.' is no number of seconds" events --from .
usage "--from: '18446744074' is no number of seconds" events --from 18446744074
usage "option requires an argument -- 'f'" events -f
usage "--to: '-1' is no number of seconds" timeline --to=-1
usage '--to is not behind --from' timeline --from 2 --to 1.5
usage "--width: '10' is no number from 60 to 1000" timeline --width 10
usage "--by: 'process' is none of cpu, thread, unit" timeline --by cpu,process
usage "--by: '' is none of cpu, thread, unit" timeline --by ''
usage "--top: '101' is no number from 1 to 100" blame --top 101

usage 'which job\?' compare
usage "there is no job 'sort'; there are create, switch" compare sort
usage "one job at a time: 'switch' is one too many" compare create switch
usage "there is no model 'fiber'" compare create --models thread,fiber
usage "there is no model ''" compare create --models ''
usage "there is no model ''" compare create --models task,
usage "there is no backend 'perf'" compare create -b perf
usage "--repeat: '0' is no number from 1" compare create --repeat 0
usage "--units: '0' is no number from 1" compare create --units 0
usage "--units: '-5' is no number from 1" compare create --units=-5
usage "--units: '99999999999' is no number" compare create --units 99999999999
usage "--bytes: '99999999999G' is no size" compare touch --bytes 99999999999G
usage "--ops: '1x' is no number" compare switch --ops 1x
