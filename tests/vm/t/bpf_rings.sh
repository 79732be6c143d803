# SPDX-License-Identifier: GPL-2.0-only
# weft: kernels=6.1,6.12 smp=2 icount=no timeout=400
#
# The BPF probes without the recorder, where functions can be hooked too: page
# faults are equal event for event, the end of each context switch is seen. Thread
# ids are few, so that they are soon used again.
. "$(dirname "$0")/../../lib.sh"

reader() {
	timeout 100 "$PROGS/bpf_reader" "$1" >out 2>&1 || { cat out; fail "$1"; }
	cat out
}

# Where the program goes on when the recording ends, each CPU may be in the middle of a switch then.
for job in pingpong touch map exec unit live lose; do
	reader $job
	[ $job = lose ] && continue
	amid=0
	[ $job = live ] && amid=$(nproc)
	switches=$(sed -n 's/.* switches=\([0-9]*\).*/\1/p' out)
	arrivals=$(sed -n 's/.* arrivals=\([0-9]*\).*/\1/p' out)
	[ $((switches - arrivals)) -ge 0 ] && [ $((switches - arrivals)) -le "$amid" ] ||
		fail "$job: not every switch has its arrival"
done
trap 'echo '"$(cat /proc/sys/kernel/pid_max)"' >/proc/sys/kernel/pid_max' EXIT
echo 400 >/proc/sys/kernel/pid_max
for job in threads exit; do
	reader $job
done
