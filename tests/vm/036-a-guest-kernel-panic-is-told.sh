. "$(dirname "$0")/lib.sh"
status 125 "$SANDBOX" run --cmdline rdinit=/none --result "$T/r" -- true 2> "$T/err"
equal "$(result "$T/r" .reason)" guest-panic reason
grep -q 'panic' "$T/err" || fail "does not say so: $(cat "$T/err")"
