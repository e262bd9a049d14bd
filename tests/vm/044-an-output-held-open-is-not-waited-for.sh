# A daemon that keeps stdout must not keep the run.
. "$(dirname "$0")/lib.sh"
out=$(timeout 40 "$SANDBOX" run -- sh -c 'sleep 1000 & echo done') || fail "waited for the daemon"
equal "$out" "done" output
