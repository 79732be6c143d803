#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Instructions that the hooks add, against what they were made to cost; nothing where nobody records. docs/cost.md
# has the figures.
. "$(dirname "$0")/../lib.sh"
load_module
expect 0 "$PROGS/kmod_cost"
cat out
while read -r name most_6_1 most; do
	case $(uname -r) in 6.1.*) most=$most_6_1;; esac
	awk -v name="$name" -v most="$most" '$1 == name { found = 1; if ($2 > most) exit 1 }
		END { if (!found) exit 1 }' out || fail "$name is more than $most"
done <<'END'
switch 98 98
switch_unit 113 113
switch_cost 90 94
switch_outside 31 31
closed 1 1
sched 75 75
sched_unit 88 88
sched_outside 34 34
fault 590 190
fault_outside 290 70
map 400 400
END
