#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Recordings that can't be: one clear line, the right exit code, nothing left behind.
. "$(dirname "$0")/../lib.sh"

# usage PATTERN ARGUMENT...: wrong usage.
usage() {
	local pattern=$1
	shift
	expect 2 "$WEFT" record "$@"
	says err "^weft record: $pattern"
	[ "$(wc -l <err)" = 1 ] || fail "more than one line: $*"
	[ ! -e weft-trace ] || fail "a trace of wrong usage: $*"
}
usage 'it takes one of: a command, -p or -a$'
usage 'it takes one of: a command, -p or -a$' -a true
usage 'it takes one of: a command, -p or -a$' -a -p 1
usage "there is no backend 'perf'" -b perf true
usage "there is no group of events 'sched_switch'" -e mm,sched_switch true
usage "there is no group of events ''" -e '' true
usage "there is no clock 'sundial'" --clock sundial true
usage "--buffer-size: '0' is no size" --buffer-size 0 true
usage "--buffer-size: '-4096' is no size" --buffer-size=-4096 true
usage "--buffer-size: 'K' is no size" --buffer-size K true
usage "--buffer-size: '4T' is no size" --buffer-size 4T true
usage "--buffer-size: '99999999999999999999' is no size" --buffer-size 99999999999999999999 true
usage "--buffer-size: '17592186044416M' is no size" --buffer-size 17592186044416M true
usage "'self' is no process id" -p self
usage "'0' is no process id" -p 0
usage "'-1' is no process id" -p -1
usage "'' is no process id" -p 1,
usage "'4294967297' is no process id" -p 4294967297

# The command's own options are its own, even without "--".
expect 2 "$WEFT" record -b perf true --version
expect 2 "$WEFT" record --version

if [ ! -e /dev/weft ]; then
	expect 1 "$WEFT" record -b kmod true
	says err '^weft: the module is not loaded; as root: '
	[ "$(wc -l <err)" = 1 ] || fail "more than one line"
fi
# Not everybody may trace.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod 777 .
	expect 1 setpriv --reuid 65534 --regid 65534 --clear-groups "$WEFT" record true
	says err '^weft: nothing can be traced here: kmod: .*; bpf: '
	[ "$(wc -l <err)" = 1 ] || fail "more than one line"
	expect 1 setpriv --reuid 65534 --regid 65534 --clear-groups "$WEFT" doctor
	says out '^kmod +- ' '^bpf +- ' 'CAP_PERFMON +- '
fi
[ "$(find . -mindepth 1 ! -name out ! -name err)" = "" ] || fail "left behind: $(ls -A)"
