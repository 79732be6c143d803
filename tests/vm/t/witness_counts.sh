#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.1,6.12 smp=2 timeout=240
# A known number of things, against perf, rusage and babeltrace2.
. "$(dirname "$0")/../../lib.sh"
load_module
backends="kmod bpf" guest=yes
. "$TOP/tests/witness/counts.sh"
