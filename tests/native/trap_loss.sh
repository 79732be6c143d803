# SPDX-License-Identifier: GPL-2.0-only
# weft: timeout=120
# Losses are counted and told.
. "$(dirname "$0")/../lib.sh"

[ "$(id -u)" = 0 ] || skip "tracing takes root"
"$WEFT" doctor | grep -q '^bpf  *usable' || skip "no BPF here"
backends=bpf seconds=0.5
. "$TOP/tests/witness/loss.sh"
