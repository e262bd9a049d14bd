. "$(dirname "$0")/lib.sh"
status 127 "$SANDBOX" run --result "$T/r" -- no-such-command 2> "$T/err"
grep -q no-such-command "$T/err" || fail "does not name it: $(cat "$T/err")"
equal "$(result "$T/r" .reason)" spawn-failed reason
status 126 "$SANDBOX" run -- /etc/passwd 2> "$T/err"
grep -q /etc/passwd "$T/err" || fail "does not name it: $(cat "$T/err")"
