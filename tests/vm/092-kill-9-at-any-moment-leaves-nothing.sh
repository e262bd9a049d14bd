# alone: compares what is on the host before and after
# Each process of a run is killed at moments from before it has a jail until its command is done.
. "$(dirname "$0")/lib.sh"
"$SANDBOX" run -- true			# the template is there
"$SANDBOX" gc > "$T/gc"
before=$(leftovers)
runner= keeper= monitor=
find_out() {
	keeper=$(pgrep -x sandbox-jailer -P "$runner")
	monitor=$([ -z "$keeper" ] || pgrep -P "$keeper")
}
# kill_after WHO MILLISECONDS
kill_after() {
	"$SANDBOX" run -- true > /dev/null 2>&1 &
	runner=$!
	sleep "$(printf '0.%03d' "$2")"
	[ "$1" = runner ] || find_out
	case $1 in
	runner) kill -9 $runner ;;
	keeper) [ -z "$keeper" ] || kill -9 "$keeper" ;;
	monitor) [ -z "$monitor" ] || kill -9 "$monitor" ;;
	both) kill -9 $runner $keeper ;;
	esac 2> /dev/null
	wait $runner 2> /dev/null
}
count=0
step=${TEST_HOST:+8}			# milliseconds; the emulated host takes its time
sweep() {
	for who in "$@"; do
		for ms in $(seq 0 ${STEP:-${step:-2}} 96) 150 300 500; do
			kill_after "$who" "$ms"
			count=$((count + 1))
		done
	done
}
# In the middle of a step of the jail, and of the keeper's last one.  How many directories there
# are to make and remove is the host's affair.
in_a_step() {
	for at in mkdirat:1 mkdirat:2 mkdirat:4 unshare:1 pivot_root:1 setresuid:1 capset:1 dup3:1 seccomp:1 \
		sethostname:1 landlock_restrict_self:1 execveat:1 unlinkat:1 unlinkat:3; do
		strace -f -o "$T/strace" -e trace=${at%:*} -e inject=${at%:*}:signal=KILL:when=${at#*:} \
			"$SANDBOX" run -- true > /dev/null 2>&1
		! grep -q 'killed by SIGKILL' "$T/strace" || count=$((count + 1))
	done
	[ $count -ge 11 ] || fail "only $count steps were met"
}
! command -v strace > /dev/null || in_a_step
sweep runner keeper monitor
nothing_left "$before"
equal "$("$SANDBOX" gc)" "0 removed" "gc after $count kills of one process"
sweep both
sleep 1				# the last monitor may be dying yet
"$SANDBOX" gc > "$T/gc"
nothing_left "$before"
equal "$("$SANDBOX" run -- echo works)" works "the next run"
echo "$count kills"
