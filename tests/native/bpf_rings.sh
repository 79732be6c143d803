# SPDX-License-Identifier: GPL-2.0-only
# weft: timeout=240
#
# The BPF probes without the recorder: well-formed packets, time that never goes
# back, every switch of every thread, books that agree, losses that are told.
. "$(dirname "$0")/../lib.sh"

for job in pingpong threads touch map exec exit unit live lose; do
	timeout 60 "$PROGS/bpf_reader" "$job" >out 2>&1
	code=$?
	cat out
	[ $code != 4 ] || skip "$(tail -n 1 out)"
	[ $code = 0 ] || fail "$job: ended with $code"
done
