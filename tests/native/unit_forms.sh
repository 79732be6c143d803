#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The annotation header in every kind of program: it compiles without a warning,
# its parts share one word, and the tracer finds that word, in the file and in
# the running process, stripped or not.
. "$(dirname "$0")/../lib.sh"
probe=$PROGS/unit_word_probe
[ -x "$probe" ] || fail "unit_word_probe is not built"
warnings="-Wall -Wextra -Wshadow -Werror -I$TOP/include"

# A program that tells where its word is, and the same of a library if it has
# one; then waits. With any argument it loads ./libpart.so itself.
cat >main.c <<'END'
#ifdef UNITS
#include <weft/unit.h>
#endif
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#ifdef __cplusplus
extern "C"
#endif
long part(uint64_t id);
int main(int argc, char **argv)
{
	long mine = 0, its = 0;
	(void)argc, (void)argv;
#ifdef UNITS
	uint64_t id = weft_unit_create(WEFT_UNIT_TASK, "main", 0);
	weft_unit_resume(id);
	mine = weft_unit_tp_offset_();
#else
	uint64_t id = 1;
#endif
#ifdef PART
	its = part(id);
#else
	if (argc > 1) {
		void *lib = dlopen("./libpart.so", RTLD_NOW);
		long (*its_part)(uint64_t);
		if (!lib)
			return 1;
		*(void **)&its_part = dlsym(lib, "part");
		its = its_part(id);
	}
#endif
	printf("%ld %ld\n", mine, its);
	fflush(stdout);
	pause();
}
END
cat >part.c <<'END'
#include <weft/unit.h>
#ifdef __cplusplus
extern "C"
#endif
long part(uint64_t id)
{
	if (weft_unit_current() != id)
		weft_unit_resume(id);
	weft_unit_suspend(WEFT_WAIT_YIELD, 0);
	weft_unit_wake(id, 0);
	weft_unit_resume(id);
	weft_unit_exit();
	return weft_unit_tp_offset_();
}
END
cat >off.c <<'END'
#ifdef NONE
#include <stdint.h>
#else
#include <weft/unit.h>
#endif
uint64_t off(uint64_t by);
uint64_t off(uint64_t by)
{
#ifdef NONE
	return by + 0;
#else
	uint64_t id = weft_unit_create(WEFT_UNIT_TASK, "a name", by);
	weft_unit_resume(id);
	weft_unit_suspend(WEFT_WAIT_IO, 3);
	weft_unit_wake(id, by);
	weft_unit_exit();
	return by + weft_unit_current();
#endif
}
END
cp main.c main.cc
cp part.c part.cc

# start ARGUMENT...: runs ./prog; $mine and $its are what it says.
start() {
	rm -f said
	./prog "$@" >said &
	pid=$!
	wait_for 10 test -s said
	read -r mine its <said
}
stop() {
	kill $pid
	wait $pid 2>/dev/null
}

# form COMPILER FLAGS...: main and part linked into one program.
form() {
	local cc=$1 suffix=c
	shift
	case $cc in *++) suffix=cc;; esac
	command -v "$cc" >/dev/null || return 0
	# shellcheck disable=SC2086
	$cc $warnings -DUNITS -DPART "$@" -o prog main.$suffix part.$suffix -ldl 2>err ||
		fail "$cc $*: does not build: $(head -n 5 err)"
	strip prog
	start
	[ "$mine" = "$its" ] || fail "$cc $*: two words, $mine and $its"
	[ "$("$probe" exe prog)" = "$mine 1" ] || fail "$cc $*: $("$probe" exe prog) instead of $mine"
	[ "$("$probe" pid $pid)" = "$mine 1" ] || fail "$cc $*: $("$probe" pid $pid) in the process, not $mine"
	stop
	forms=$((forms + 1))
}

forms=0
for cc in gcc clang; do
	form $cc -O0
	form $cc -O2 -no-pie -fno-pie
	form $cc -O2 -pie -fPIE
	form $cc -O2 -static -Wno-unused-command-line-argument
	form $cc -O2 -static-pie -fPIE -Wno-unused-command-line-argument
	form $cc -O2 -flto
	form $cc -O2 -ffunction-sections -Wl,--gc-sections
	form $cc -std=c99 -D_POSIX_C_SOURCE=200809L
	form $cc -std=c11 -Wpedantic -Wno-overlength-strings -D_GNU_SOURCE
	form $cc -O2 -fvisibility=hidden -fno-common
	form $cc -O2 -DWEFT_NO_USDT
	form $cc -O1 -fsanitize=address
	for ld in gold lld; do
		command -v ld.$ld >/dev/null && form $cc -O2 -fuse-ld=$ld
	done
done
for cc in g++ clang++; do
	form $cc -std=c++11
	form $cc -O2 -std=c++20
done

for cc in gcc clang; do
	command -v $cc >/dev/null || continue
	# A library that was linked: one word with the program's ...
	# shellcheck disable=SC2086
	$cc $warnings -O2 -shared -fPIC -o libpart.so part.c &&
	$cc $warnings -O2 -DUNITS -DPART -o prog main.c ./libpart.so || fail "$cc: library"
	strip prog libpart.so
	start
	[ "$mine" = "$its" ] || fail "$cc, library: two words, $mine and $its"
	# (the linker may leave it to the dynamic one which of both that is)
	case $("$probe" exe prog) in "$mine 1"|EAGAIN) ;; *) fail "$cc, library: $("$probe" exe prog)";; esac
	[ "$("$probe" pid $pid)" = "$mine 1" ] || fail "$cc, library: $("$probe" pid $pid), not $mine"
	stop
	# ... or the only one ...
	# shellcheck disable=SC2086
	$cc $warnings -O2 -DPART -o prog main.c ./libpart.so || fail "$cc: library"
	start
	[ "$("$probe" exe prog)" = ENOENT ] || fail "$cc: a word in a program that has none"
	[ "$("$probe" exe libpart.so)" = EAGAIN ] || fail "$cc: library's file: $("$probe" exe libpart.so)"
	[ "$("$probe" pid $pid)" = "$its 1" ] || fail "$cc, only library: $("$probe" pid $pid), not $its"
	# ... even if its file is gone.
	rm libpart.so
	[ "$("$probe" pid $pid)" = "$its 1" ] || fail "$cc, deleted: $("$probe" pid $pid), not $its"
	stop
	# A library loaded later by a program that has none, and by one that has.
	# shellcheck disable=SC2086
	$cc $warnings -O2 -shared -fPIC -o libpart.so part.c && $cc $warnings -O2 -o prog main.c -ldl
	start load
	[ "$("$probe" pid $pid)" = "$its 1" ] || fail "$cc, dlopen: $("$probe" pid $pid), not $its"
	stop
	# shellcheck disable=SC2086
	$cc $warnings -O2 -DUNITS -o prog main.c -ldl
	start load
	[ "$mine" != "$its" ] && want="$mine 2" || want="$mine 1"
	[ "$("$probe" pid $pid)" = "$want" ] || fail "$cc, both: $("$probe" pid $pid), not $want"
	stop
	# Built off: no trace of it, and optimized nothing but what is there without.
	for o in -O0 -O2; do
		# shellcheck disable=SC2086
		$cc $warnings $o -DWEFT_DISABLE -c -o off.o off.c && $cc $warnings $o -DNONE -c -o none.o off.c ||
			fail "$cc $o: WEFT_DISABLE does not build"
		nm off.o | grep -i weft && fail "$cc $o: WEFT_DISABLE leaves symbols"
		objdump -h off.o | grep -E 'weft|probes|stapsdt|tbss|tdata' &&
			fail "$cc $o: WEFT_DISABLE leaves sections"
	done
	[ "$(size -A off.o | tail -n +3)" = "$(size -A none.o | tail -n +3)" ] ||
		fail "$cc: WEFT_DISABLE leaves something: $(size -A off.o none.o)"
done
[ $forms -ge 10 ] || fail "only $forms forms were built"
echo "$forms forms of programs"
exit 0
