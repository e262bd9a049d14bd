. "$(dirname "$0")/lib.sh"
"$SANDBOX" run --result "$T/r" -- sh -c "trap '' INT; echo ready; while :; do sleep 1; done" > "$T/out" &
pid=$!
for _ in $(seq 600); do grep -q ready "$T/out" && break; sleep 0.1; done
kill -INT $pid; sleep 0.3; kill -0 $pid 2>/dev/null || fail "the first one ended it"
kill -INT $pid
wait $pid; equal $? 130 status
equal "$(result "$T/r" .reason)" interrupted reason
