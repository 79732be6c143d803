#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.1,6.12 smp=2 timeout=180
#
# Bad calls have their error numbers; random ones harm nobody; who has not the right can't open.
. "$(dirname "$0")/../../lib.sh"
load_module
[ "$(stat -c %a:%u /dev/weft)" = 600:0 ] || fail "the device is $(stat -c %a:%u /dev/weft)"
expect 0 "$PROGS/kmod_ioctl" table
chmod 666 /dev/weft
setpriv --reuid 65534 --clear-groups --inh-caps=-all "$PROGS/kmod_ioctl" table >out 2>&1 &&
	fail "opened without a capability"
says out 'Permission denied'
chmod 600 /dev/weft
expect 0 timeout 150 "$PROGS/kmod_ioctl" fuzz 3000
expect 0 timeout 60 "$PROGS/kmod_reader" "$PROGS/kmod_load" pipe 100
