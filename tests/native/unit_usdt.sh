#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The marks as USDT probes: listed with their semaphore, and bpftrace gets as
# many as the program makes, with their arguments.
. "$(dirname "$0")/../lib.sh"

cat >prog.c <<'END'
#include <weft/unit.h>
int main(void)
{
	uint64_t id = weft_unit_create(WEFT_UNIT_COROUTINE, "the unit", 77);
	int i;
	for (i = 0; i < 13; i++) {
		weft_unit_resume(id);
		weft_unit_suspend(WEFT_WAIT_LOCK, 0xabc);
	}
	for (i = 0; i < 7; i++)
		weft_unit_wake(id, 55);
	weft_unit_resume(id);
	weft_unit_exit();
	return 0;
}
END
gcc -O2 -I"$TOP/include" -o prog prog.c || fail "does not build"
readelf -n prog >notes
for probe in create resume suspend wake exit; do
	says notes "Name: unit_$probe\$"
done
grep -A 1 'Name: unit_' notes | grep -q 'Semaphore: 0x0*$' && fail "a probe without a semaphore"
gcc -O2 -DWEFT_NO_USDT -I"$TOP/include" -o without prog.c || fail "does not build without"
readelf -n without | grep -q stapsdt && fail "WEFT_NO_USDT leaves probes"

command -v bpftrace >/dev/null || skip "bpftrace is not installed"
[ "$(id -u)" = 0 ] || skip "bpftrace needs root"
timeout 60 bpftrace -c ./prog -e "
	usdt:./prog:weft:unit_create { printf(\"create %d %s %d\n\", arg1, str(arg2), arg3); }
	usdt:./prog:weft:unit_resume { @resume = count(); }
	usdt:./prog:weft:unit_suspend { @suspend[arg1, arg2] = count(); }
	usdt:./prog:weft:unit_wake { @wake[arg1] = count(); }
	usdt:./prog:weft:unit_exit { @exit = count(); }" >out 2>err ||
	skip "bpftrace can't trace user space here: $(tail -n 1 err)"
says out '^create 1 the unit 77$' '^@resume: 14$' '^@suspend\[3, 2748\]: 13$' '^@wake\[55\]: 7$' '^@exit: 1$'
exit 0
