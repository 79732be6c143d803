#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.1,6.12 smp=2 timeout=240
# The time of an event against the program's own clock.
. "$(dirname "$0")/../../lib.sh"
load_module
backends="kmod bpf" clock_slack_ns=2000
. "$TOP/tests/witness/time.sh"
