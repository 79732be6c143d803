# SPDX-License-Identifier: GPL-2.0-only
#
# What a kernel's log says is told apart: complaints from what every guest says.
. "$(dirname "$0")/../lib.sh"

log() { printf '%s\n' "$@" >log; }
quiet() { log "$@"; expect 1 "$TOP/tests/vm/complaints" log; }
told() { log "$@"; expect 0 "$TOP/tests/vm/complaints" log; }

quiet "weft: loading out-of-tree module taints kernel." \
	"weft: module verification failed: signature and/or required key missing - tainting kernel" \
	"perf: interrupt took too long (2503 > 2500), lowering kernel.perf_event_max_sample_rate" \
	"sysrq: Power Off"
while read -r line; do
	told "quite well" "[   12.345678] $line" "and on"
	says out "12.345678"
done <<'END'
WARNING: CPU: 1 PID: 218 at kmod/main.c:5 probe+0x49/0xff0 [weft]
BUG: kernel NULL pointer dereference, address: 0000000000000008
Oops: 0002 [#1] PREEMPT SMP NOPTI
watchdog: BUG: soft lockup - CPU#0 stuck for 123s! [weft:305]
INFO: task weft:305 blocked for more than 120 seconds.
WARNING: possible recursive locking detected
rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
BUG: sleeping function called from invalid context at mm/slab.h:494
BUG: scheduling while atomic: weft/305/0x00000002
general protection fault, probably for non-canonical address 0xdead000000000100
BUG: KASAN: use-after-free in ring_close+0x1/0x2
list_del corruption. prev->next should be ffff888004c70948
kernel BUG at kmod/ring.c:12!
Kernel panic - not syncing: Fatal exception
END

# Only what came after the last mark counts, and only then.
quiet "WARNING: of old" "weft-vm: test new"
told "weft-vm: test old" "WARNING: of now"
