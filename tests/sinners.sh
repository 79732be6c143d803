# SPDX-License-Identifier: GPL-2.0-only
#
# Programs with one known sinner among the units (tests/progs/unit_*.c): the report must put the cost on
# the sinner, as large as the program itself measured it, and none of it on the innocent. Sourced after lib.sh.

# group FILE NAME FIELD: a field of the units of one name in `report --by unit --json`; 0 where it is missing.
group() {
	jq -r --arg n "$2" '[.unit_groups[] | select(.name == $n)][0].'"$3"' // 0' "$1"
}

# near WHAT OURS ITS SLACK: equal to within 1 %, and SLACK more. Programs measure CPU time by the scheduler's
# clock, the trace by stamps; the audit says by how much the two differ in this very run, and that is the slack.
near() {
	awk -v a="$2" -v b="$3" -v s="$4" 'BEGIN { d = a > b ? a - b : b - a; exit !(d <= b / 100 + s) }' ||
		fail "$1: weft says $2, the program itself $3 (slack $4)"
}

# at_most WHAT OURS BOUND
at_most() {
	awk -v a="$2" -v b="$3" 'BEGIN { exit !(a <= b) }' || fail "$1: $2, expected at most $3"
}

# sinner BACKEND PROGRAM: records it; leaves ./its (what the program says) and ./report.json; sets $slack.
sinner() {
	rm -rf t
	"$WEFT" record -q -b "$1" -o t -- "$PROGS/$2" >its 2>err || {
		code=$?
		cat err
		[ $code = 4 ] && return 4
		fail "$2 under $1: exit $code"
	}
	"$WEFT" audit --json t >audit.json || fail "$2 under $1: the audit is not satisfied: $("$WEFT" audit t)"
	"$WEFT" report --by unit --json t >report.json || fail "no report of $2 under $1"
	[ "$(jq .lost report.json)" = 0 ] && [ "$(jq .units_lost report.json)" = 0 ] || fail "$2 under $1: records lost"
	slack=$(jq '[.checks | .oncpu_ns, .runqueue_wait_ns | .recorded - .counted | if . < 0 then -. else . end] | add' \
		audit.json)
}

its() {
	awk -v u="$1" -v q="$2" '$1 == u && $2 == q { print $3 }' its
}

# all_sinners BACKEND
all_sinners() {
	local b=$1 faults

	sinner "$b" unit_spin
	near "$b: on-CPU of the one that spins" "$(group report.json spinner oncpu_ns)" "$(its spinner oncpu_ns)" "$slack"
	at_most "$b: on-CPU of eight innocent ones" "$(group report.json innocent oncpu_ns)" $((80000000 + slack))

	sinner "$b" unit_block
	# The program sees a call's whole time: blocked, and then waiting for a CPU and running.
	# (1 %: the program's clock is steered, the trace's is not.)
	at_most "$b: blocked in read" "$(group report.json reader blocked_ns)" $(($(its reader blocked_ns) * 101 / 100))
	at_most "$b: its reads as it saw them" "$(its reader blocked_ns)" \
		$(($(group report.json reader blocked_ns) + $(group report.json reader runqueue_wait_ns) + \
			$(group report.json reader oncpu_ns)))
	# A read whose data came first does not block; on a busy machine some do not.
	jq -e --argjson n "$(its reader reads)" '[.unit_groups[] | select(.name == "reader")][0].blocked[0] |
		.in == "read" and .count <= $n and .count * 2 >= $n' report.json >/dev/null ||
		fail "$b: not blocked in its reads: $(jq -c '[.unit_groups[] | select(.name == "reader")][0].blocked' report.json)"
	[ "$(group report.json innocent blocked_ns)" = 0 ] || fail "$b: innocent ones are said to have blocked"
	"$WEFT" blame innocent t >blame || fail "no blame of unit_block"
	says blame "ready, queued behind unit [0-9]+ 'reader' \(blocked in read\)"

	sinner "$b" unit_fault
	faults=$(($(group report.json toucher faults_minor) + $(group report.json toucher faults_unclassified)))
	# Where only the exception is seen, one that the kernel does not count (spurious, retried) is seen too.
	near "$b: faults of the one that touches" $faults "$(its toucher faults_minor)" 0
	faults=$(($(group report.json innocent faults_minor) + $(group report.json innocent faults_unclassified)))
	at_most "$b: faults of eight innocent ones" $faults 16

	sinner "$b" unit_map
	for q in maps unmaps mapped_bytes; do
		[ "$(group report.json mapper $q)" = "$(its mapper $q)" ] ||
			fail "$b: $q is $(group report.json mapper $q), the program did $(its mapper $q)"
		[ "$(group report.json innocent $q)" = 0 ] || fail "$b: innocent ones have $q"
	done

	sinner "$b" unit_starved
	near "$b: ready, as seen by the starved one" "$(group report.json starved ready_ns)" "$(its starved ready_ns)" "$slack"
	"$WEFT" blame starved t >blame || fail "no blame of unit_starved"
	says blame "ready, queued behind unit [0-9]+ 'hog'"

	sinner "$b" unit_preempted || return 0 # no SCHED_FIFO here: nothing to see
	near "$b: waits of the preempted one" "$(group report.json victim runqueue_wait_ns)" "$(its victim runnable_ns)" "$slack"
	"$WEFT" blame victim t >blame || fail "no blame of unit_preempted"
	says blame 'preempted by unit_preempted/'
}
