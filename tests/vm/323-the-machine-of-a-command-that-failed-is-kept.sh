. "$(dirname "$0")/living.sh"
"$SANDBOX" run --keep-on-fail --detach --name broken -- sh -c 'echo wrong > /tmp/why; exit 3' > /dev/null
for _ in $(seq 100); do
	"$SANDBOX" ps | grep -q '^broken *kept' && break
	sleep 0.1
done
"$SANDBOX" logs broken 2>&1 | grep -q 'its machine waits: sandbox exec broken' || fail "it says: $("$SANDBOX" logs broken 2>&1)"
equal "$("$SANDBOX" exec broken -- cat /tmp/why)" wrong "what it left"
refused "its command has ended" "$SANDBOX" kill --signal TERM broken
status 0 "$SANDBOX" kill broken
status 3 "$SANDBOX" wait broken

status 0 "$SANDBOX" run --keep-on-fail --name fine -- true
"$SANDBOX" run --keep-on-fail --name front --result "$T/json" -- sh -c 'kill -9 $$' 2> "$T/err" &
run=$!
for _ in $(seq 100); do grep -q "its machine waits" "$T/err" && break; sleep 0.1; done
kill -INT $run
wait $run
equal "$?,$(result "$T/json" .reason)" 137,signal "one in front that is interrupted when it is over: $(cat "$T/err")"
