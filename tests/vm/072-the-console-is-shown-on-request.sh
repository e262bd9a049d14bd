. "$(dirname "$0")/lib.sh"
"$SANDBOX" run --console --cmdline 'loglevel=7' -- echo out > "$T/out" 2> "$T/err" || fail "failed"
equal "$(cat "$T/out")" out stdout
grep -q 'Linux version' "$T/err" || fail "no kernel messages: $(head -c 300 "$T/err")"
