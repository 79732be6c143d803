# SPDX-License-Identifier: GPL-2.0-only
# weft: timeout=240
# A known number of things, against perf, rusage and babeltrace2.
. "$(dirname "$0")/../lib.sh"

[ "$(id -u)" = 0 ] || skip "tracing takes root"
"$WEFT" doctor | grep -q '^bpf  *usable' || skip "no BPF here"
backends=bpf guest=no
. "$TOP/tests/witness/counts.sh"
