# It uses no processor meanwhile, nothing of it is lost, and the time does not count.
. "$(dirname "$0")/living.sh"
"$SANDBOX" run --detach --name m --timeout 8s -- sh -c 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.2; done' > /dev/null
cpu() { "$SANDBOX" stats m | awk '$1 == "m" { print $3 + 0 }'; }
sleep 1
status 0 "$SANDBOX" pause m
"$SANDBOX" ps | grep -q '^m *paused' || fail "ps: $("$SANDBOX" ps)"
lines=$("$SANDBOX" logs m | wc -l)
used=$(cpu)
refused "it is paused" "$SANDBOX" exec m -- true
status 0 "$SANDBOX" pause m
sleep 9				# longer than its timeout
equal "$("$SANDBOX" logs m | wc -l),$(cpu)" "$lines,$used" "lines and processor time of a paused machine"
status 0 "$SANDBOX" resume m
status 0 "$SANDBOX" resume m
sleep 2
[ "$("$SANDBOX" logs m | wc -l)" -gt "$lines" ] || fail "it does not go on"
equal "$("$SANDBOX" exec m -- echo there)" there "a command in it afterwards"
status 124 "$SANDBOX" wait m
"$SANDBOX" logs m | awk '$1 != NR { exit 1 }' || fail "a line is missing"

# It can be ended as it is.
"$SANDBOX" run --detach --name n -- sleep infinity > /dev/null
"$SANDBOX" pause n
began=$(date +%s)
status 0 "$SANDBOX" kill n
status 137 "$SANDBOX" wait n
[ $(($(date +%s) - began)) -lt 5 ] || fail "it had to be killed by force"
