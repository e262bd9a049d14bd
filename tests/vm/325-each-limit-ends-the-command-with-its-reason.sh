. "$(dirname "$0")/lib.sh"
# limited REASON CODE OPTION VALUE COMMAND...
limited() {
	reason=$1 code=$2; shift 2
	"$SANDBOX" run --result "$T/json" "$@" > "$T/out" 2> "$T/err"
	equal "$?,$(result "$T/json" .reason)" "$code,$reason" "$*: $(cat "$T/err")"
	[ "$(wc -l < "$T/err")" -ge 1 ] || fail "nothing is said of $reason"
}
limited cpu-limit 152 --cpu-seconds 3 -- sh -c 'echo begun; while :; do :; done'
grep -q begun "$T/out" || fail "what it wrote before is lost"
limited output-limit 153 --output-limit 100000 -- yes
[ "$(wc -c < "$T/out")" -ge 100000 ] && [ "$(wc -c < "$T/out")" -le 400000 ] || fail "$(wc -c < "$T/out") bytes"
limited pids-limit 137 --pids 8 -- sh -c 'for i in 1 2 3 4 5 6 7 8 9; do sleep 100 & done; wait'
limited pids-limit 137 --pids 8 --user root -- sh -c 'f() { f | f; }; f'
# Within them, nothing is noticed.
equal "$("$SANDBOX" run --cpu-seconds 60 --output-limit 3 --pids 8 -- sh -c 'sleep 0 & wait; echo ok')" ok "a modest command"
refused "output-limit" "$SANDBOX" run --output-limit lots -- true
refused "pids" "$SANDBOX" run --pids 0 -- true
