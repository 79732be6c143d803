#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Traces that are cut off, corrupt or of a newer version: what can be read is read, one clear line says the
# rest, and the exit code is right.
. "$(dirname "$0")/../lib.sh"

# make_trace DIR: thread 100 on CPU 0, renamed 40 times, in packets of ten records.
make_trace() {
	rm -rf "$1"
	mkdir -p "$1/kernel"
	cat >"$1/kernel/metadata" <<-'END'
		/* CTF 1.8 */

		env {
			kernel_release = "6.1.0";
			backend = "bpf";
			command = "prog";
			nr_cpus = 1;
			groups = 127;
			hooks = 2097151;
			abi_version = 1;
			abi_compat = 1;
			clock = "monotonic";
			clock_freq = 1000000000;
			ended = 1;
			size_2 = 64;
			size_7 = 48;
		};
	END
	perl -e '
		sub packet {
			my ($seq, @recs) = @_;
			my $bytes = join "", map { $_->[1] } @recs;
			my $len = 80 + length $bytes;
			return pack("LC16L Q6 LL", 0xC1FC1FC1, (0) x 16, 0, $recs[0][0], $recs[-1][0], 8 * $len, 8 * 1024,
				    $seq, 0, 0, 0) . $bytes . "\0" x (1024 - $len);
		}
		my $thread = pack "QLLQ LLQLL a16", 1000, 2, 100, 0, 100, 1, 0, 1, 0, "prog";
		for my $seq (0 .. 3) {
			my @recs = map { my $at = 1000 + 100 * $seq + $_;
				[$at, pack "QLLQ LL a16", $at, 7, 100, 0, 100, 0, "name$_"] } 0 .. 9;
			unshift @recs, [1000, $thread] unless $seq;
			print packet($seq, @recs);
		}' >"$1/kernel/cpu0"
}

# change DIR OFFSET BYTES: in the stream, BYTES as printf has them.
change() { printf "$3" | dd of="$1/kernel/cpu0" bs=1 seek="$2" conv=notrunc status=none; }

make_trace good
expect 0 "$WEFT" events good
[ "$(grep -c task_rename out)" = 40 ] || fail 'a whole trace is not read whole'
expect 0 "$WEFT" report good

# A recorder that was killed: up to the last whole packet, and no complaint that ends it.
for size in 1100 3072 3080 4095; do
	make_trace cut
	truncate -s $size cut/kernel/cpu0
	expect 0 "$WEFT" events cut
	[ "$(grep -c task_rename out)" = $((size / 1024 * 10)) ] || fail "cut at $size: $(grep -c task_rename out) records"
done
make_trace cut
truncate -s 10 cut/kernel/cpu0
expect 1 "$WEFT" events cut
says err '^weft: cut: nothing was recorded'
make_trace zero
dd if=/dev/zero of=zero/kernel/cpu0 bs=1024 seek=3 count=1 conv=notrunc status=none
expect 0 "$WEFT" events zero
[ "$(grep -c task_rename out)" = 30 ] || fail 'a last packet of zeros'

# Corrupt: all that stands before, then one line with the place.
corrupt() {
	make_trace bad
	change bad "$1" "$2"
	expect 1 "$WEFT" events bad
	[ "$(grep -c task_rename out)" = "$3" ] || fail "corrupt at $1: $(grep -c task_rename out) records, not $3"
	says err "^weft: bad/kernel/cpu0 is corrupt at byte [0-9]+: $4"
	[ "$(wc -l <err)" = 1 ] || fail 'more than one line'
	for view in report audit timeline blame; do
		expect 1 "$WEFT" $view bad
		says err "^weft: .*bad/kernel/cpu0 is corrupt at byte"
		[ ! -s out ] || fail "$view says something all the same"
	done
}
corrupt 2048 '\x00' 20 'no packet begins here'
corrupt 2088 '\xff\xff\xff\xff\xff\xff\xff\xff' 20 'a packet of impossible size'
corrupt 2104 '\x09' 20 'packet 9 stands where 2 belongs'
corrupt 2136 '\xff\xff' 20 'a record of an event that the metadata does not know'
corrupt 2176 '\x00\x00' 21 'time goes back'

# Another version, or nothing of ours.
refused() {
	for view in events report audit timeline blame; do
		expect 1 "$WEFT" $view bad
		says err "^weft: .*$1"
		[ "$(wc -l <err)" = 1 ] || fail 'more than one line'
	done
}
make_trace bad
sed -i 's/abi_version = 1/abi_version = 7/' bad/kernel/metadata
expect 0 "$WEFT" events bad
sed -i 's/abi_compat = 1/abi_compat = 6/' bad/kernel/metadata
refused 'the trace is of version 7, this weft reads up to 1; use a newer weft'
make_trace bad
sed -i '/clock_freq/d' bad/kernel/metadata
refused 'is no metadata of a weft trace, or it is cut off'
make_trace bad
truncate -s 200 bad/kernel/metadata
refused 'is no metadata of a weft trace, or it is cut off'
make_trace bad
truncate -s 0 bad/kernel/metadata
refused 'is no metadata of a CTF 1.8 trace'
make_trace bad
rm bad/kernel/metadata
refused 'bad is no trace'
make_trace bad
rm bad/kernel/cpu0
mkdir bad/kernel/cpu0
refused 'cannot read .*bad/kernel/cpu0'
