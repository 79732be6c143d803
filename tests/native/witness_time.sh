# SPDX-License-Identifier: GPL-2.0-only
# weft: timeout=240
# The time of an event against the program's own clock.
. "$(dirname "$0")/../lib.sh"

[ "$(id -u)" = 0 ] || skip "tracing takes root"
"$WEFT" doctor | grep -q '^bpf  *usable' || skip "no BPF here"
backends=bpf guest=no clock_slack_ns=2000
. "$TOP/tests/witness/time.sh"
