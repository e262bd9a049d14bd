# alone: compares what is on the host before and after
. "$(dirname "$0")/lib.sh"
"$SANDBOX" gc > "$T/gc"		# what others have left is not in the way of the last lines
before=$(leftovers)
start() {
	: > "$T/out"
	"$SANDBOX" run -- sh -c 'echo ready; sleep 60' > "$T/out" 2> "$T/err" &
	runner=$!
	for _ in $(seq 600); do grep -q ready "$T/out" && break; sleep 0.1; done
	keeper=$(pgrep -x sandbox-jailer -P $runner); vmm=$(pgrep -x sandbox-vmm)
	[ -n "$keeper" ] && [ -n "$vmm" ] || fail "not running: keeper '$keeper' vmm '$vmm'"
}
start; kill -9 $runner; wait $runner 2>/dev/null; nothing_left "$before"
start; kill -9 "$keeper"; wait $runner; equal $? 125 "status when the keeper is killed"; nothing_left "$before"
start; kill -9 "$vmm"; wait $runner; equal $? 125 "status when the monitor is killed"; nothing_left "$before"
start; groups=$(find /sys/fs/cgroup -name "sandbox-$keeper"); kill -9 $runner "$keeper"; wait $runner 2>/dev/null
for _ in $(seq 50); do pgrep -x sandbox-vmm > /dev/null || break; sleep 0.1; done
pgrep -x sandbox-vmm > /dev/null && fail "the monitor outlived runner and keeper"
# What nobody was left to remove: "N removed", then "0 removed".
"$SANDBOX" gc > "$T/gc" || fail "gc: $?"
grep -q '^[1-9][0-9]* removed$' "$T/gc" || [ -z "$groups" ] || fail "gc says $(cat "$T/gc") where $groups was"
nothing_left "$before"
equal "$("$SANDBOX" gc)" "0 removed" "gc again"
start; kill -STOP $runner; sleep 1; kill -CONT $runner; kill -TERM $runner; wait $runner; equal $? 143 "status after a stop"
