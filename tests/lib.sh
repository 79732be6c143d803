# SPDX-License-Identifier: GPL-2.0-only
#
# What test scripts have in common. A test begins with
#	. "$(dirname "$0")/../lib.sh"		(tests/vm/t: ../../lib.sh)
# and ends with 0 if it passed, by skip if it can't run here, else it failed.
# It finds the tool in $WEFT, the programs to trace in $PROGS, the module in
# $MODULE and in $TMP an empty directory of its own; it is the current one.
# Run by hand it makes these itself.

if [ -z "${TOP:-}" ]; then
	TOP=$(cd "$(dirname "$0")" && while [ ! -e tests/lib.sh ] && [ "$PWD" != / ]; do cd ..; done; pwd)
	TMP=$(mktemp -d)
	trap 'cd /; rm -rf "$TMP"' EXIT
	cd "$TMP" || exit
fi
WEFT=${WEFT:-$TOP/build/weft}
PROGS=$TOP/build/tests/progs
MODULE=$TOP/build/$(uname -r)/weft.ko
PATH=$PATH:/usr/sbin:/sbin
export TOP TMP WEFT PROGS MODULE PATH

fail() { echo "$*"; exit 1; }
skip() { echo "$*"; exit 4; }

# expect CODE COMMAND...: the command must end with that code; what it says is
# left in ./out and ./err.
expect() {
	expected=$1
	shift
	"$@" >out 2>err </dev/null
	got=$?
	[ "$got" = "$expected" ] && return
	echo "$*: ended with $got, not $expected"
	sed 's/^/out: /' out | tail -n 30
	sed 's/^/err: /' err | tail -n 30
	exit 1
}

# says FILE PATTERN...: each pattern (of grep -E) is in a line of the file.
says() {
	file=$1
	shift
	for pattern; do
		grep -qE -e "$pattern" "$file" && continue
		echo "no line with '$pattern' in $file:"
		tail -n 40 "$file"
		exit 1
	done
}

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for() {
	limit=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$limit" ] || fail "waited in vain for: $*"
		sleep 0.1
	done
}

# The guest takes the module out again after each test, which fails if it can't.
load_module() {
	grep -q '^weft ' /proc/modules || insmod "$MODULE" "$@" || fail "cannot load $MODULE"
}
