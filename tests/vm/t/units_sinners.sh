#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.1,6.12 smp=2 timeout=240
# Every cost on the unit that caused it: programs with one known sinner, by both backends.
. "$(dirname "$0")/../../lib.sh"
. "$TOP/tests/sinners.sh"
load_module
all_sinners kmod
all_sinners bpf
