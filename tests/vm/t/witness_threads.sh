#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.1,6.12 smp=2 timeout=240
# Hundreds of threads, dozens of processes: an emulated CPU takes its time to read what was recorded.
. "$(dirname "$0")/../../lib.sh"
load_module
backends="kmod bpf" guest=yes threads=200 processes=21
. "$TOP/tests/witness/threads.sh"
