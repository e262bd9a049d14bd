# alone: compares what is on the host before and after
# Runner, keeper, monitor, sandbox-net, sandbox-names or passt: whichever is killed, nothing of the others
# stays; and a run whose network is gone says so.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/net.sh"
$run -- true
"$SANDBOX" gc > "$T/gc"
before=$(leftovers)
gone() { nothing_left "$before"; }
start() {
	: > "$T/out"
	$run --publish 8080:80 -- sh -c 'echo ready; sleep 60' > "$T/out" 2> "$T/err" &
	runner=$!
	for _ in $(seq 600); do grep -q ready "$T/out" && break; sleep 0.1; done
	keeper=$(pgrep -x sandbox-jailer -P $runner)
	vmm=$(pgrep -P "$keeper"); net=$(pgrep -x sandbox-net -P $runner)
	names=$(pgrep -x sandbox-names -P $runner); passt=$(pgrep passt -P $runner)
	for p in "$keeper" "$vmm" "$net" "$names" "$passt"; do
		[ -n "$p" ] || fail "not all is running: keeper '$keeper' vmm '$vmm' net '$net' names '$names' passt '$passt'"
	done
}
for who in runner keeper vmm net passt; do
	start
	eval "kill -9 \$$who"
	wait $runner 2> /dev/null
	code=$?
	[ $who = runner ] || equal $code 125 "status when $who is killed"
	gone $who
done
start; kill -9 $net; wait $runner; grep -q 'sandbox-net has ended' "$T/err" || fail "said: $(cat "$T/err")"
start; kill -9 $passt; wait $runner; grep -q 'passt has ended' "$T/err" || fail "said: $(cat "$T/err")"
# Without a resolver there are no names, and the rest goes on.
start; kill -9 $names; sleep 0.5; kill -TERM $runner; wait $runner; equal $? 143 "status when names is killed"; gone names
# In the moments before there is a machine.
for ms in $(seq 0 8 160); do
	$run --net-log "$T/l" -- true > /dev/null 2>&1 &
	runner=$!
	sleep "$(printf '0.%03d' $ms)"
	kill -9 $runner 2> /dev/null
	wait $runner 2> /dev/null
done
gone "a runner that starts"
