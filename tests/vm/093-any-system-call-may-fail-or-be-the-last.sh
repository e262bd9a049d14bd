# alone: sweeps up control groups
# Each system call of each process of a run fails, in turn, and each process is killed as it makes it.
# The run then did all of its job, or ended with one line and 125; nothing is left; the next one works.
#
# STRIDE: every how many-th of these faults is tried, other ones each day; COLD_STRIDE: the same while
# a template is made, which takes long.  `make soak` tries all, and some of those.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" -eq 0 ] || skip "needs root, to interfere with processes of another uid"
# In a mount namespace of its own, only what it makes itself is counted.
if [ "${1:-}" != apart ]; then
	unshare -m sh "$0" apart
	exit
fi
export XDG_CACHE_HOME=$T/cache TMPDIR=$T/tmp
mkdir "$T/cache" "$T/tmp" "$T/run"
head -c 5000 /dev/urandom > "$T/in"
"$SANDBOX" run -- true 2> "$T/err" || fail "no template: $(cat "$T/err")"
# A note of a failure is there to be kept.
files() {
	ls -A "$T/cache/sandbox" "$T/tmp" "$T/run" | grep -v '^r$\|\.snap$\|\.failed$'
	wc -l < /proc/self/mountinfo
}
before=$(files)
cold=

# inject [FAULT...]: a run with it.  $what is what is to be said of it.
inject() {
	what="$cold$*"
	rm -f "$T/run/r"
	[ -z "$cold" ] || rm -f "$T"/cache/sandbox/*.snap "$T"/cache/sandbox/*.failed
	"$BUILD/vm/inject" "$T/report" "$@" "$SANDBOX" run --result "$T/run/r" -- sh -c 'cat; exit 7' \
		< "$T/in" > "$T/out" 2> "$T/err"
	got=$?
}

# What the machine was made of is gone: processes, control groups, mounts, files.
nothing_of_it_left() {
	! grep '^left' "$T/report" > "$T/left" || fail "$what: left running: $(cat "$T/left")"
	for pid in $(sed -n 's/^task [0-9]* //p' "$T/report"); do
		left=$(find /sys/fs/cgroup -maxdepth 4 -type d -name "sandbox-$pid" 2> "$T/find")
		[ -z "$left" ] || fail "$what: left: $left"
	done
	equal "$(files)" "$before" "$what: files and mounts"
}

# Only what a slower start has to say is said beside a job that was done.
was_done() {
	cmp -s "$T/in" "$T/out" || fail "$what: bytes were lost"
	! grep -v '^sandbox: \(no warm start\|first run\|snapshot\)' "$T/err" || fail "$what: said beside its job"
	equal "$(result "$T/run/r" '"\(.reason) \(.code)"')" "exit 7" "$what: record"
}

ended_with_a_line() {
	grep -v '^sandbox: first run' "$T/err" > "$T/line"
	equal "$(grep -c '^sandbox: ' "$T/line") $(wc -l < "$T/line")" "1 1" "$what: lines: $(cat "$T/err")"
	[ ! -e "$T/run/r" ] || [ "$(result "$T/run/r" .reason)" != exit ] || fail "$what: wrong record"
	[ -e "$T/run/r" ] || grep -q '^sandbox: result' "$T/line" || fail "$what: no record: $(cat "$T/err")"
}

judge() {
	echo "$what: $got $(cat "$T/err")"
	case "$got $what" in
	"7 "*)		was_done ;;
	"125 "*)	ended_with_a_line ;;
	"137 0 "*" KILL") equal "$(cat "$T/err")" "" "$what: said by the killed" ;;
	*)		fail "$what: status $got, $(cat "$T/err")" ;;
	esac
	nothing_of_it_left
}

# faults TASK...: one a line: TASK CALL NTH ERROR.  Of a call that is made over and over, not all.
faults() {
	awk -v tasks=" $* " '$1 == "call" && index(tasks, " " $2 " ") {
		for (n = 1; n <= $4; n += n < 40 ? 1 : n) {
			print $2, $3, n, "KILL"
			for (i = 6; i <= NF && $5 && n >= $5; i++)
				print $2, $3, n, $i
		}
	}' "$T/report"
}

# each: every fault of stdin, as a line TASK CALL NTH ERROR [STATUS]
met=0 kills=0 bad=0
each() {
	while read -r task call nth error want; do
		inject "$task" "$call" "$nth" "$error"
		(judge && equal "$got" "${want:-$got}" "$what: status") || bad=$((bad + 1))
		grep -q '^done' "$T/report" || continue		# it went another way this time
		met=$((met + 1))
		[ "$error" != KILL ] || kills=$((kills + 1))
		[ $((met % 10)) -ne 0 ] || equal "$("$SANDBOX" run -- echo works 2> "$T/err" < /dev/null)" works "run after $what"
	done
}

# sample STRIDE TASK...
sample() {
	inject
	judge
	stride=$1
	shift
	faults "$@" > "$T/faults"
	echo "$(wc -l < "$T/faults") faults are possible, one in $stride is tried"
	awk -v stride="$stride" -v day="$(date +%j)" 'NR % stride == day % stride' "$T/faults" > "$T/sample"
	each < "$T/sample"
}

# Those that once left something, or were told as something else.
cat > "$T/known" <<-KNOWN
	1 openat 1 EMFILE 7
	1 unlinkat 1 EPERM 7
	0 getrandom 4 ENOSYS 125
	0 linkat 1 KILL 137
	0 read-file 1 EIO 125
	2 sendmsg 2 ENOBUFS 7
	2 recvmsg 1 ENOMEM 7
KNOWN
each < "$T/known"
sample "${STRIDE:-80}" 0 1 2 3 4
if [ -n "${COLD_STRIDE:-}" ]; then
	cold="cold: "
	sample "$COLD_STRIDE" 1 3	# who saves the machine, and its monitor
fi
equal "$("$SANDBOX" run -- echo works 2> "$T/err")" works "the next run"
"$SANDBOX" gc > "$T/gc" || fail "gc: $?"
equal "$("$SANDBOX" gc)" "0 removed" "gc again"
echo "$met faults tried, $kills of them kills"
[ $met -gt 0 ] || fail "no fault was met"
[ $bad -eq 0 ] || fail "$bad of $met faults, see FAIL above"
