#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.12 smp=2 timeout=300
# The command's exit code is passed on; one that can't be executed leaves nothing, and the earlier trace alone.
. "$(dirname "$0")/../../lib.sh"
load_module

for backend in kmod bpf; do
	expect 3 "$WEFT" record -b $backend sh -c 'exit 3'
	says err "'sh' ended with exit code 3"
	expect 1 "$WEFT" record -b $backend no-such-command
	says err "^weft: cannot execute 'no-such-command': No such file or directory; it is in no directory of PATH"
	[ "$(wc -l <err)" = 1 ] || fail "$backend: more than one line"
	[ "$(ls -d weft-trace*)" = weft-trace ] || fail "$backend: a failed start left something: $(ls -A)"
	rm -r weft-trace
done

# What follows is the same with both.
expect 143 "$WEFT" record -b kmod sh -c 'kill $$'
says err "'sh' was ended by signal 15 \(Terminated\)"
expect 0 "$WEFT" record -b kmod -- sh -c 'exit 0' --version
# What it says and reads is its own.
echo woven | "$WEFT" record -q -b kmod cat >out 2>err || fail "cat failed"
[ "$(cat out)" = woven ] && [ ! -s err ] || fail "standard input or output went wrong"

before=$(ls -A; cat weft-trace/kernel/metadata weft-trace.old/kernel/metadata | cksum)
expect 1 "$WEFT" record -b kmod no-such-command
echo 'not a program' >text
expect 1 "$WEFT" record -b kmod ./text
says err "^weft: cannot execute './text': Permission denied"
rm text
[ "$before" = "$(ls -A; cat weft-trace/kernel/metadata weft-trace.old/kernel/metadata | cksum)" ] ||
	fail "a failed start changed something: $(ls -A)"

mkdir notes
touch notes/thought
expect 1 "$WEFT" record -b kmod -o notes true
says err "^weft: 'notes' exists and is no trace"
[ "$(ls -A notes)" = thought ] || fail "notes was touched"
expect 1 "$WEFT" record -b kmod -o no/such/place true
says err "^weft: cannot create the directory 'no/such/place': No such file"

# No process is left waiting to be released, and the module is free.
[ -z "$(ps -e -o comm= | grep '^weft$')" ] || fail "a process of weft is left: $(ps -ef | grep weft)"
rmmod weft || fail "the module is still held"
