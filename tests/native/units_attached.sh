#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Units of a program that runs already, by BPF on this machine's own kernel.
. "$(dirname "$0")/../lib.sh"
command -v jq >/dev/null || skip "jq is missing"
"$WEFT" doctor --json | jq -e '.backends[] | select(.backend == "bpf") | .usable' >/dev/null ||
	skip "BPF can't be used here: $("$WEFT" doctor | grep '^bpf')"
. "$TOP/tests/sinners.sh"
. "$TOP/tests/attached.sh"
all_attached bpf
