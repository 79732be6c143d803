#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every cost on the unit that caused it: programs with one known sinner, by BPF on this machine.
. "$(dirname "$0")/../lib.sh"
. "$TOP/tests/sinners.sh"
"$WEFT" doctor --json 2>/dev/null | jq -e '.backends[] | select(.backend == "bpf") | .usable' >/dev/null || skip "BPF is not usable here"
all_sinners bpf
