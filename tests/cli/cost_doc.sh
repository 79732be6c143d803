#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# docs/cost.md against the benches that it quotes: every figure has its kernel and its day, the rows are those that
# are measured, and none of the module's is more than the bench lets pass.
set -u
cd "$(dirname "$0")/../.." || exit 1
doc=docs/cost.md
bad=0

fail() {
	echo "$*"
	bad=1
}

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# The commands that repeat it.
for command in 'tests/bench/cost.sh 6.12' 'tests/bench/cost.sh 6.1' \
	'tests/vm/run --icount -- bash tests/bench/kmod_cost.sh'; do
	grep -qF "$command" $doc || fail "$doc does not name '$command'"
	for word in $command; do
		case $word in
		tests/*) [ -e "$word" ] || fail "$doc names $word, which is not there" ;;
		esac
	done
done

# Tables as printed: one after each heading with a release and a day, with the modes of the bench in its order.
sed -n 's/^modes="\(.*\)"$/\1/p' tests/bench/cost.sh | tr ' ' '\n' >"$tmp/modes"
[ -s "$tmp/modes" ] || fail "no modes in tests/bench/cost.sh"
awk -v out="$tmp/table" '
	BEGIN { rows = -2 }
	/^#/ { heading = $0 }
	/, instructions: / {
		n++
		if (heading !~ /Linux [0-9.]+[^ ]*, 20[0-9][0-9]-[0-9][0-9]-[0-9][0-9]/)
			print "no kernel and day over: " $0
		release = $1
		sub(/,$/, "", release)
		if (index(heading, release) == 0)
			print "the heading is not of " release
		rows = -1
	}
	/^```/ { rows = -2 }
	rows >= 0 { print $1 >out n }
	rows > -2 { rows++ }
	END { if (!n) print "no table as printed" }' $doc >"$tmp/complaints"
[ ! -s "$tmp/complaints" ] || fail "$doc: $(cat "$tmp/complaints")"
for table in "$tmp"/table*; do
	sed 1d "$table" | diff "$tmp/modes" - >"$tmp/diff" || {
		cat "$tmp/diff"
		fail "a table in $doc has other rows than tests/bench/cost.sh (<)"
	}
done

# The module's figures, and what the bench lets pass.
grep -qE '^## The module.*20[0-9]{2}-[0-9]{2}-[0-9]{2}' $doc || fail "$doc: the module's figures have no day"
sed -n "/<<'END'/,/^END/p" tests/bench/kmod_cost.sh | grep -E '^[a-z_]+ [0-9]+ [0-9]+$' >"$tmp/bounds"
sed -nE 's/^\| `([a-z_]+)` \|[^|]*\| (-?[0-9]+) \| (-?[0-9]+) \|.*/\1 \2 \3/p' $doc >"$tmp/figures"
awk 'NR == FNR { most_6_1[$1] = $2; most[$1] = $3; next }
	{
		seen[$1] = 1
		if (!($1 in most)) print $1 ": not in the bench"
		else if ($2 > most_6_1[$1] || $3 > most[$1]) print $1 ": more than the " most_6_1[$1] " and " most[$1] " of the bench"
	}
	END { for (name in most) if (!(name in seen)) print name ": not in the document" }' \
	"$tmp/bounds" "$tmp/figures" >"$tmp/complaints"
[ ! -s "$tmp/complaints" ] || fail "$doc: $(cat "$tmp/complaints")"
exit $bad
