# SPDX-License-Identifier: GPL-2.0-only
# weft: timeout=120
# Two recorders at once do not disturb each other, and nothing of their own work is in either trace.
. "$(dirname "$0")/../lib.sh"
. "$TOP/tests/witness/lib.sh"

[ "$(id -u)" = 0 ] || skip "tracing takes root"
"$WEFT" doctor | grep -q '^bpf  *usable' || skip "no BPF here"
for name in one two; do
	"$WEFT" record -b bpf -o $name "$PROGS/witness_threads" 1000 70 >$name.out 2>$name.err &
	eval "$name=$!"
done
for name in one two; do
	wait ${!name} || fail "$name ended with $?: $(cat $name.err)"
	witness $name books storm:$name.out absent:$one,$two
	audit_equal $name switches_voluntary switches_involuntary forks exits
done
