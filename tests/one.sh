# SPDX-License-Identifier: GPL-2.0-only
#
# How one test is run, here and in a guest.

# attribute FILE KEY DEFAULT: a test says in a line of its head what it needs:
#	# weft: kernels=6.1,6.12 smp=2 icount=no mem=2G timeout=120
attribute() {
	local value
	value=$(sed -n "1,20s/^# weft:.*[[:space:]]$2=\([^[:space:]]*\).*/\1/p" "$1" | head -n 1)
	echo "${value:-$3}"
}

# run_one NUMBER NAME SECONDS COMMAND...: runs a test in a directory of its own
# and prints its line of KTAP, after what it said if it failed. A function
# epilogue, if there is one, may add complaints of its own and then fails it.
#
# $attempts (1): so often may a test fail before it counts. A machine shared with
# others can take a CPU away for longer than a bound in a test allows; a fault in
# what is tested fails again. Each failed attempt is shown. What the epilogue
# complains of, a kernel's warning say, is never tried again.
run_one() {
	local number=$1 name=$2 limit=$3 code start took out line attempt complaint=
	shift 3
	for ((attempt = 1; ; attempt++)); do
		TMP=$(mktemp -d "${TMPDIR:-/tmp}/weft-test.XXXXXX") || return
		out=$TMP.out
		start=$(date +%s%N)
		(cd "$TMP" && export TMP && exec timeout -k 5 "$limit" "$@") >"$out" 2>&1 </dev/null
		code=$?
		took=$((($(date +%s%N) - start) / 1000000))
		case $code in 124|137) echo "timed out after $limit s" >>"$out";; esac
		if declare -F epilogue >/dev/null && ! epilogue "$name" >>"$out" 2>&1; then
			code=1 complaint=1
		fi
		rm -rf "$TMP"
		case $code in 0|4) break;; esac
		tail -n 200 "$out" | sed 's/^/# /'
		[ -z "$complaint" ] && [ "$attempt" -lt "${attempts:-1}" ] || break
		echo "# $name: attempt $attempt ended with $code"
		rm -f "$out"
	done
	case $code in
	0)	echo "ok $number $name # $((took / 1000)).$(printf %03d $((took % 1000))) s";;
	4)	line=$(tail -n 1 "$out")
		echo "ok $number $name # SKIP ${line:-no reason given}";;
	*)	echo "not ok $number $name # ended with $code";;
	esac
	rm -f "$out"
}
