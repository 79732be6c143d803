#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.1 smp=2 timeout=300
# A full disk, and a limit on the size of files: one line, exit code 1, and what was recorded is kept.
. "$(dirname "$0")/../../lib.sh"
load_module

mkdir small
mount -t tmpfs -o size=512k none small || fail "cannot mount a small disk"
trap 'umount small' EXIT
for backend in kmod bpf; do
	expect 1 "$WEFT" record -b $backend -o small/trace -q sh -c 'while :; do /bin/true; done'
	says err "^weft: cannot write to 'small/trace/kernel/cpu[01]': No space left on device; what was"
	[ "$(wc -l <err)" = 1 ] || fail "$backend: more than one line"
	babeltrace2 small/trace >bt.out 2>bt.err || fail "$backend: babeltrace2: $(cat bt.err)"
	[ ! -s bt.err ] || fail "$backend: babeltrace2 complains: $(cat bt.err)"
	[ "$(wc -l <bt.out)" -gt 1000 ] || fail "$backend: only $(wc -l <bt.out) events were kept"
	"$WEFT" events small/trace >we.out || fail "$backend: weft events refuses it"
	rm -r small/trace
	[ $backend = kmod ] || continue # the files are the same

	expect 1 bash -c "ulimit -f 200; exec '$WEFT' record -b $backend -o limited -q sh -c 'while :; do /bin/true; done'"
	says err "^weft: cannot write to 'limited/kernel/cpu[01]': File too large"
	babeltrace2 limited >bt.out 2>bt.err || fail "$backend: babeltrace2: $(cat bt.err)"
	[ "$(wc -l <bt.out)" -gt 1000 ] || fail "$backend: only $(wc -l <bt.out) events were kept"
	rm -r limited
done
