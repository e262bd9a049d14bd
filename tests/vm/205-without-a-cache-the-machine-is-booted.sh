# A cache that cannot be written costs one line and the time of a boot.
. "$(dirname "$0")/lib.sh"
status 4 env XDG_CACHE_HOME=/proc/self "$SANDBOX" run --result "$T/r" -- sh -c 'echo out; exit 4' > "$T/out" 2> "$T/err"
equal "$(cat "$T/out") $(result "$T/r" .start)" "out cold" "the run"
equal "$(wc -l < "$T/err")" 1 "lines on stderr: $(cat "$T/err")"
grep -q '^sandbox: no warm start: cache: /proc/self' "$T/err" || fail "$(cat "$T/err")"
