# SPDX-License-Identifier: GPL-2.0-only
#
# Programs with units that run already when the recorder comes (-p): no marks, only the word at each kernel event.
# What the kernel saw of a unit must be right, what nobody saw must be said to be unknown. Sourced after sinners.sh.

# attached BACKEND PROGRAM: leaves ./its (what the program says), the trace ./t and ./report.json, of each unit.
attached() {
	local program recorder
	rm -rf t input
	mkfifo input
	"$PROGS/$2" wait <input >its & program=$!
	exec 9>input
	"$WEFT" record -b "$1" -o t -p $program 2>err 9>&- & recorder=$!
	wait_for 60 grep -q '^weft: recording' err
	exec 9>&-
	wait $recorder || fail "$2 under $1: the recorder ended with $?: $(cat err)"
	wait $program || fail "$2 under $1: the program ended with $?"
	"$WEFT" audit --json t >audit.json || fail "$2 under $1: the audit is not satisfied: $("$WEFT" audit t)"
	jq -e '[.checks | .balance_threads, .balance_units, .balance_processes | .verdict == "equal"] | all' audit.json \
		>/dev/null || fail "$2 under $1: out of balance: $("$WEFT" audit t)"
	"$WEFT" report --by unit --all --json t >report.json || fail "no report of $2 under $1"
	# What only marks tell is missing, not 0; of time on a CPU a part is no more than likely.
	jq -e '[.units[] | .marks == false and .resumes == null and .ready_ns == null and .suspended_ns == null and
		.suspended == null and .oncpu_by_word_ns <= .oncpu_ns] | all and length > 0' report.json >/dev/null ||
		fail "$2 under $1: not so: $(jq -c '.units[0]' report.json)"
}

# all_attached BACKEND
all_attached() {
	local b=$1 reader

	attached "$b" unit_block
	# The reader is the unit that was created first.
	reader=$(jq -c '.units[] | select(.id == 1)' report.json)
	[ -n "$reader" ] || fail "$b: the reader was not seen: $(jq -c '[.units[].id]' report.json)"
	at_most "$b: blocked in read" "$(jq .blocked_ns <<<"$reader")" $(($(its reader blocked_ns) * 101 / 100))
	at_most "$b: its reads as it saw them" "$(its reader blocked_ns)" \
		"$(jq '.blocked_ns + .runqueue_wait_ns + .oncpu_ns + .unknown_ns' <<<"$reader")"
	jq -e --argjson n "$(its reader reads)" '.blocked[0] | .in == "read" and .count <= $n and .count * 2 >= $n' \
		<<<"$reader" >/dev/null || fail "$b: not blocked in its reads: $reader"
	jq -e '[.units[] | select(.id != 1) | .blocked[] | select(.in == "read")] == []' report.json >/dev/null ||
		fail "$b: innocent ones are said to have blocked: $(jq -c '[.units[] | [.id, .blocked]]' report.json)"
	"$WEFT" report --by unit t >text || fail "$b: no report"
	says text '^the units have no marks ' '^unit +units .* on-CPU +by word ' '^1 +1 +unit .* read [0-9.]+ ms x'
	"$WEFT" blame 1 t >text || fail "$b: no blame"
	says text '^the units have no marks ' '^unit 1, .* from its first kernel event to its last, resumed - times' \
		'blocked in read, woken by unit_block/'
	! grep 'records were lost' text || fail "$b: nothing was lost"
}
