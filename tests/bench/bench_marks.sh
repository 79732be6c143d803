#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Builds bench_marks.c in its forms and runs them; docs/units.md has a result.
cd "$(dirname "$0")/../.." || exit
dir=$(mktemp -d) || exit
trap 'rm -rf "$dir"' EXIT
make -s --no-print-directory build/libweft.a || exit
rings="build/libweft.a $(pkg-config --libs libbpf libelf libdw libzstd)"
flags="-O2 -Wall -D_GNU_SOURCE -Iinclude -Iuser tests/bench/bench_marks.c"
echo "$(uname -r), $(sed -n 's/^model name.*: //p;T;q' /proc/cpuinfo), $(${CC:-cc} --version | head -n 1)"
# shellcheck disable=SC2086
${CC:-cc} $flags -DWEFT_DISABLE -o "$dir/off" && "$dir/off"
# shellcheck disable=SC2086
${CC:-cc} $flags $rings -o "$dir/marks" && "$dir/marks"
