. "$(dirname "$0")/lib.sh"
status 124 "$SANDBOX" run --timeout 1s --result "$T/r" -- sh -c 'echo started; sleep 60' > "$T/out"
equal "$(cat "$T/out")" started "output before the timeout"
equal "$(result "$T/r" .reason)" timeout reason
us=$(result "$T/r" .phases_us.command)
[ "$us" -ge 1000000 ] && [ "$us" -lt 2000000 ] || fail "the command ran for $us us"
