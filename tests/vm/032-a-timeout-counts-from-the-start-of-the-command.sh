. "$(dirname "$0")/lib.sh"
status 124 "$SANDBOX" run --timeout 1s --result "$T/r" -- sleep 60
equal "$(result "$T/r" .reason)" timeout reason
us=$(result "$T/r" .phases_us.command)
[ "$us" -ge 1000000 ] && [ "$us" -lt 2000000 ] || fail "the command ran for $us us"
# What was written until then is not lost; slow kernels need a while to write.
status 124 "$SANDBOX" run --timeout 8s -- sh -c 'echo started; sleep 60' > "$T/out"
equal "$(cat "$T/out")" started "output before the timeout"
