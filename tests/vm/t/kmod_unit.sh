#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.1,6.12 smp=2 timeout=60
#
# The current-unit word is in the records of a thread: its value, 0 if there are no units, unknown as long as
# nothing has been told, and unknown again after an exec.
. "$(dirname "$0")/../../lib.sh"
load_module
offset=$("$PROGS/kmod_load" offset 0)
unit() { expect 0 timeout 50 "$PROGS/kmod_reader" "$@" "$PROGS/kmod_load" unit 100; }

unit -u "$offset" -w 4711
says out '^units [12][0-9][0-9]$'
unit -u none -w 0
says out '^units [12][0-9][0-9]$'
unit -w 0xffffffffffffffff
says out '^units [12][0-9][0-9]$'
# A place that can't be read, and one that is not the word.
unit -u $((1 << 30)) -w 0xffffffffffffffff
says out '^units [12][0-9][0-9]$'
