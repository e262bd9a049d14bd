# alone: compares what is on the host before and after
. "$(dirname "$0")/living.sh"
"$SANDBOX" run -- true > /dev/null 2>&1		# the template is there
"$SANDBOX" gc > "$T/gc"
before=$(leftovers)
start() {
	"$SANDBOX" run --detach --name m -- sleep infinity > /dev/null || fail "no start"
	runner=$("$SANDBOX" ps | awk '$1 == "m" { print $3 }')
	keeper=$(pgrep -x sandbox-jailer -P "$runner"); vmm=$(pgrep -x sandbox-vmm -P "$keeper")
	[ -n "$keeper" ] && [ -n "$vmm" ] || fail "not running: keeper '$keeper' vmm '$vmm'"
}
visit() {
	"$SANDBOX" exec m -- sh -c 'echo here; exec sleep 100' > "$T/visit" 2> "$T/visit.err" &
	visitor=$!
	for _ in $(seq 100); do grep -q here "$T/visit" && return; sleep 0.1; done
	fail "no visit: $(cat "$T/visit.err")"
}
for who in runner keeper vmm visitor "runner keeper" "visitor runner"; do
	start; visit
	for w in $who; do eval "kill -9 \$$w"; done
	[ "$who" != visitor ] || "$SANDBOX" kill m
	wait "$visitor" 2> /dev/null
	case "$?,$who" in 125,*|137,*visitor*) ;; *) fail "the visitor's status is $? when $who is killed";; esac
	case $who in
	*runner*)
		"$SANDBOX" ps | grep -q '^m *killed' || fail "ps: $("$SANDBOX" ps)"
		refused "has left no exit code" "$SANDBOX" wait m
		refused "machine 'm' has ended" "$SANDBOX" exec m -- true ;;
	keeper|vmm) status 125 "$SANDBOX" wait m ;;
	esac
	for _ in $(seq 50); do pgrep -x sandbox-vmm > /dev/null || break; sleep 0.1; done
	"$SANDBOX" gc > "$T/gc"
	equal "$(ls "$T/sandbox" 2> /dev/null)" "" "what is left when $who is killed"
	nothing_left "$before"
	equal "$("$SANDBOX" gc)" "0 removed" "gc again"
done
# Not detached: gone when somebody looks.
"$SANDBOX" run --name m -- sleep 100 &
runner=$!
for _ in $(seq 100); do "$SANDBOX" ps | grep -q '^m *running' && break; sleep 0.1; done
kill -9 $runner
wait $runner 2> /dev/null
for _ in $(seq 50); do pgrep -x sandbox-vmm > /dev/null || break; sleep 0.1; done
"$SANDBOX" ps | grep -q '^m' && fail "a dead one is listed"
equal "$(ls "$T/sandbox" 2> /dev/null)" "" "what is left of one that was not detached"
nothing_left "$before"
