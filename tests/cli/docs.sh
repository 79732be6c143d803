#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Documents against the tree: every path they name exists, the event table has the sizes that the header
# gives, every command of the tool has a man page. Documents rot silently; this makes it a failure.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0

fail() {
	echo "$*"
	bad=1
}

# Paths in backticks that begin with one of our folders. A pattern (*, <, {) names several files.
while IFS=: read -r doc path; do
	case $path in
	*[\*\<\{]*) continue ;;
	build/*) continue ;;
	esac
	[ -e "$path" ] || fail "$doc names $path, which does not exist"
done < <(grep -oE '`(kmod|bpf|user|include|tests|docs)/[^` ]*`' README.md docs/*.md | tr -d '`' | sort -u)

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cat >"$tmp/sizes.c" <<'C'
#include <stdio.h>
#include <weft/event.h>
int main(void)
{
#define WEFT_X(id, name, group) printf("%d %s %zu\n", id, #name, sizeof(struct weft_ev_##name));
	WEFT_EVENTS(WEFT_X)
}
C
${CC:-cc} -Iinclude "$tmp/sizes.c" -o "$tmp/sizes" || exit 1
"$tmp/sizes" >"$tmp/header"
sed -nE 's/^\| ([0-9]+) \| `([a-z_]+)` \| ([0-9]+) \|.*/\1 \2 \3/p' docs/event-abi.md >"$tmp/doc"
diff "$tmp/header" "$tmp/doc" >"$tmp/diff" || {
	cat "$tmp/diff"
	fail "docs/event-abi.md and include/weft/event.h disagree"
}

# The table in user/main.c is what `weft help` prints.
weft=${WEFT:-build/weft}
for cmd in $("$weft" help | awk '/^  [a-z]+ /{print $1}'); do
	[ "$cmd" = help ] || [ -e "docs/man/weft-$cmd.1" ] || fail "weft $cmd has no man page"
done
exit $bad
