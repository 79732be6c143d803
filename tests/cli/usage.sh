#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Help, the version, wrong commands and options: where the text goes, and the exit code.
. "$(dirname "$0")/../lib.sh"

# What is asked for goes to standard output, and the table of commands is all there is.
for ask in help --help -h; do
	expect 0 "$WEFT" $ask
	says out '^usage: weft COMMAND' '^  record +[a-z]'
	[ ! -s err ] || fail "$ask: something on standard error"
done
expect 0 "$WEFT" help help
expect 0 "$WEFT" --version
says out '^weft [0-9]+\.[0-9]+ \(event ABI [0-9]+\)$'

"$WEFT" help | sed -n 's/^  \([a-z]*\) .*/\1/p' | grep -v '^help$' >commands
[ "$(wc -l <commands)" -ge 9 ] || fail "not all commands are listed"
while read -r command; do
	expect 0 "$WEFT" help "$command"
	says out "^Usage: weft $command"
	[ ! -s err ] || fail "help $command: something on standard error"
	expect 2 "$WEFT" "$command" --no-such-option
	says err "^weft $command: unrecognized option '--no-such-option'"
	[ ! -s out ] || fail "$command: a complaint on standard output"
	[ "$(wc -l <err)" = 1 ] || fail "$command: more than one line for a wrong option"
done <commands

expect 2 "$WEFT"
says err '^weft: no command given'
expect 2 "$WEFT" weave
says err "^weft: there is no command 'weave'"
[ "$(wc -l <err)" = 1 ] || fail "more than one line for a wrong command"
expect 2 "$WEFT" help weave
says err "^weft: there is no command 'weave'"
expect 2 "$WEFT" help record report

# Output that could not be written is no success.
"$WEFT" help >/dev/full 2>err && fail "a full disk went unnoticed"
says err 'cannot write to standard output: No space left'

# The doctor's two forms; the exit code says whether anything can be traced.
"$WEFT" doctor >out 2>err
code=$?
[ $code = 0 ] || [ $code = 1 ] || fail "doctor ended with $code"
says out '^kernel ' '^clock ' '^privileges ' '^BTF ' '^tracefs ' '^limits ' '^kmod ' '^bpf '
expect $code "$WEFT" doctor --json
if command -v jq >/dev/null; then
	jq -e '.backends | length == 2' <out >/dev/null || fail "doctor --json: no two backends"
	jq -e '[.backends[] | select(.usable) | .hooks[] | .present or (.why | length > 0)] | all' <out \
		>/dev/null || fail "a hook is missing without a reason"
	jq -e '.kernel == "'"$(uname -r)"'"' <out >/dev/null || fail "another kernel"
	[ $code = "$(jq 'if any(.backends[]; .usable) then 0 else 1 end' <out)" ] || fail "exit code $code"
fi
expect 2 "$WEFT" doctor now
