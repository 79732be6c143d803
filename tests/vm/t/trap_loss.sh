#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.1 smp=2 timeout=240
# Losses are counted and told.
. "$(dirname "$0")/../../lib.sh"
load_module
backends="kmod bpf" seconds=1
. "$TOP/tests/witness/loss.sh"
