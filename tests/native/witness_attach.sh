# SPDX-License-Identifier: GPL-2.0-only
# weft: timeout=240
# Attaching to a program that keeps creating threads.
. "$(dirname "$0")/../lib.sh"

[ "$(id -u)" = 0 ] || skip "tracing takes root"
"$WEFT" doctor | grep -q '^bpf  *usable' || skip "no BPF here"
backends=bpf guest=no seconds=1
. "$TOP/tests/witness/attach.sh"
