# SPDX-License-Identifier: GPL-2.0-only
# weft: timeout=240
#
# The runner of the guests passes on what a command says and how it ended, and
# takes nothing for success that is none: silence, a death, a complaint, delay.
. "$(dirname "$0")/../lib.sh"

command -v qemu-system-x86_64 >/dev/null || skip "no qemu-system-x86_64"
"$TOP/tests/vm/kernel" 6.12 >/dev/null || skip "no kernel for the guest"

guest() { expected_code=$1; shift; expect "$expected_code" "$TOP/tests/vm/run" --timeout 60 "$@"; }

guest 7 --share "$TMP/back" -- sh -c 'pwd; cat /sys/devices/system/clocksource/*/current_clocksource
	uname -r >/mnt/out/release; seq 1 20000; echo on stderr >&2; exit 7'
says out "^$TMP\$" '^tsc$' '^20000$' '^on stderr$'
says back/release '^6\.12\.'

guest 125 -- sh -c 'echo "<4>WARNING: made up" >/dev/kmsg'
says err 'the kernel complained: .*made up'

guest 125 -- sh -c 'echo c >/proc/sysrq-trigger'
says err 'died without a word' 'sysrq triggered crash'

expect 124 "$TOP/tests/vm/run" --timeout 15 -- sleep 1000
says err 'timed out after 15 s'
[ -z "$(ls -d "$TMP"/weft-vm.* 2>/dev/null)" ] || fail "the runner left files behind"
