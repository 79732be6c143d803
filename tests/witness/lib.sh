# SPDX-License-Identifier: GPL-2.0-only
#
# What the tests share that hold weft against witnesses we did not write. The scripts beside this one are such
# tests, run natively (tests/native) and in guests (tests/vm/t) with other $backends. babeltrace2's text of a trace
# DIR is kept in DIR.bt, and witness.pl reads that.

# witness DIR CHECK...: babeltrace2 reads all of DIR and has nothing to complain about, and what it has read stands
# up to these checks of witness.pl.
witness() {
	local dir=$1
	shift
	babeltrace2 --clock-cycles "$dir" >"$dir.bt" 2>"$dir.bt.err" </dev/null ||
		fail "babeltrace2 refuses $dir: $(tail -n 3 "$dir.bt.err")"
	[ ! -s "$dir.bt.err" ] || fail "babeltrace2 complains about $dir: $(head -n 3 "$dir.bt.err")"
	perl "$TOP/tests/witness/witness.pl" "types:$dir.types" "$@" <"$dir.bt" >"$dir.witness" 2>&1 || {
		tail -n 30 "$dir.witness"
		fail "$dir is not what others saw"
	}
}

# same_counts DIR ERR: babeltrace2, `weft events` and the recorder's last line count the same events. After witness.
same_counts() {
	local told
	"$WEFT" events "$1" >"$1.events" || fail "weft events refuses $1"
	sed -E 's/^ *[0-9.]+ \[[-0-9]+\] .*[^ ] +[-?0-9]+ +([a-z_]+)( [a-z_]+=.*)?$/\1/' "$1.events" | sort | uniq -c |
		awk '{ print $1, $2 }' | diff "$1.types" - >"$1.diff" || {
		cat "$1.diff"
		fail "$1: babeltrace2 (<) and weft events (>) count differently"
	}
	awk '{ print $1 }' "$1.events" | sort -c -n || fail "$1: weft events goes back in time"
	told=$(sed -n 's/^weft: .*: \([0-9,]*\) events (0 lost).*/\1/p' "$2" | tr -d ,)
	[ "$told" = "$(wc -l <"$1.bt")" ] || fail "$1: the recorder told '$told', babeltrace2 has $(wc -l <"$1.bt")"
}

# audit_equal DIR CHECK...: `weft audit` finds nothing unexplained and nothing lost, and these checks equal,
# number for number.
audit_equal() {
	local dir=$1 check
	shift
	"$WEFT" audit "$dir" >"$dir.audit" || { cat "$dir.audit"; fail "$dir: there is what nothing explains"; }
	for check; do
		grep -qE "^$check +([0-9,]+) +\\1 +0 +equal" "$dir.audit" ||
			{ cat "$dir.audit"; fail "$dir: $check is not equal"; }
	done
	grep -q '; lost 0, lost marks 0$' "$dir.audit" || fail "$dir: records were lost: $(tail -n 2 "$dir.audit")"
}
