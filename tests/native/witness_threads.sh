# SPDX-License-Identifier: GPL-2.0-only
# weft: timeout=240
# Thousands of threads, hundreds of processes.
. "$(dirname "$0")/../lib.sh"

[ "$(id -u)" = 0 ] || skip "tracing takes root"
"$WEFT" doctor | grep -q '^bpf  *usable' || skip "no BPF here"
backends=bpf guest=no threads=5000 processes=350
. "$TOP/tests/witness/threads.sh"
