# SPDX-License-Identifier: GPL-2.0-only
#
# Without privileges: one line that says what it takes, and nothing left behind.
. "$(dirname "$0")/../lib.sh"

[ "$(id -u)" = 0 ] || skip "not root, so there is nothing to give up"
chmod 777 .
expect 1 setpriv --reuid 65534 --clear-groups --bounding-set -all --inh-caps -all \
	"$WEFT" record -b bpf -o t -- true
says err '^weft: .*BPF.*root'
[ "$(wc -l <err)" = 1 ] || fail "more than one line: $(cat err)"
[ ! -e t ] || fail "a trace is left behind"
