#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.1,6.12 smp=2 timeout=120
#
# Thread ids that are used again and again: every thread has its end, and is in from its first switch.
. "$(dirname "$0")/../../lib.sh"
load_module
trap 'echo '"$(cat /proc/sys/kernel/pid_max)"' >/proc/sys/kernel/pid_max' EXIT
echo 500 >/proc/sys/kernel/pid_max
expect 0 timeout 100 "$PROGS/kmod_reader" -n 64 -g 2 "$PROGS/kmod_load" threads 4000
says out '^exits 4001$'
