#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.1,6.12 smp=2 timeout=240
# Attaching to a program that keeps creating threads.
. "$(dirname "$0")/../../lib.sh"
load_module
backends="kmod bpf" guest=yes seconds=0.1
. "$TOP/tests/witness/attach.sh"
