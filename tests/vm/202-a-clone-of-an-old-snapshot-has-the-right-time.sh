# host-only
# alone: moves the host's clock by an hour
. "$(dirname "$0")/lib.sh"
[ -n "${TEST_HOST:-}" ] || skip "only where the clock may be moved"
status 0 "$SANDBOX" snapshot take --template "$T/s"
date -s "@$(($(date +%s) + 3600))" > /dev/null
from=$(date +%s%N)
"$SANDBOX" run --from "$T/s" -- sh -c 'date +%s; cut -d. -f1 /proc/uptime' > "$T/out"
to=$(date +%s%N)
date -s "@$(($(date +%s) - 3600))" > /dev/null
now=$(sed -n 1p "$T/out")
[ "$now" -ge $((from / 1000000000)) ] && [ "$now" -le $((to / 1000000000)) ] ||
	fail "the guest's time is $now, the host's was $from to $to"
[ "$(sed -n 2p "$T/out")" -lt 600 ] || fail "the guest's uptime jumped to $(sed -n 2p "$T/out")"
