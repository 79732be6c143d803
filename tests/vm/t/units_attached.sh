#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.1,6.12 smp=2 timeout=120
# Units of a program that runs already, by both backends.
. "$(dirname "$0")/../../lib.sh"
. "$TOP/tests/sinners.sh"
. "$TOP/tests/attached.sh"
load_module
for backend in kmod bpf; do
	all_attached $backend
	# In a fault a thread runs no other unit: that time is the toucher's for certain, nearly all of it. (But for
	# the beginning of a fault in which the thread then slept.)
	attached $backend unit_fault
	jq -e --argjson n "$(its toucher faults_minor)" '.units[] | select(.id == 1) |
		.faults_minor >= $n and .oncpu_fault_ns > 0 and
		.oncpu_ns - .oncpu_by_word_ns >= .oncpu_fault_ns * 9 / 10' report.json >/dev/null ||
		fail "$backend: the toucher's faults: $(jq -c '.units[] | select(.id == 1)' report.json)"
done
