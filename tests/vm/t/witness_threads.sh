#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.1,6.12 smp=2 timeout=240
# Thousands of threads, hundreds of processes.
. "$(dirname "$0")/../../lib.sh"
load_module
backends="kmod bpf" guest=yes threads=2000 processes=140
. "$TOP/tests/witness/threads.sh"
