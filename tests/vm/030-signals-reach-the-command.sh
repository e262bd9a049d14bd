. "$(dirname "$0")/lib.sh"
for sig in TERM HUP USR1 USR2 INT; do
	: > "$T/out"
	"$SANDBOX" run -- sh -c "trap 'echo got $sig; exit 4' $sig; echo ready; while :; do sleep 0.2; done" \
		> "$T/out" &
	pid=$!
	for _ in $(seq 600); do grep -q ready "$T/out" && break; sleep 0.1; done
	kill -s "$sig" "$pid"
	wait "$pid"; got=$?
	grep -q "got $sig" "$T/out" || fail "$sig did not arrive"
	equal "$got" 4 "status after $sig"
done
