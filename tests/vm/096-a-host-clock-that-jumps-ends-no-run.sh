# host-only
# alone: moves the host's clock by an hour
. "$(dirname "$0")/lib.sh"
[ -n "${TEST_HOST:-}" ] || skip "only where the clock may be moved"
"$SANDBOX" run -- true			# the template is there

# jump SECONDS, while a command with a timeout runs: that is neither over at once nor late.
jump() {
	: > "$T/out"
	began=$(cut -d. -f1 /proc/uptime)
	"$SANDBOX" run --timeout 10s --result "$T/r" -- sh -c 'echo started; sleep 1000' > "$T/out" 2> "$T/err" &
	for _ in $(seq 600); do grep -q started "$T/out" && break; sleep 0.1; done
	date -s "@$(($(date +%s) + $1))" > /dev/null
	wait $!
	equal "$? $(result "$T/r" .reason)" "124 timeout" "clock moved by $1: $(cat "$T/err")"
	us=$(result "$T/r" .phases_us.command)
	[ "$us" -ge 10000000 ] && [ "$us" -lt 30000000 ] || fail "clock moved by $1: the command ran for $us us"
	took=$(($(cut -d. -f1 /proc/uptime) - began))
	[ $took -lt 600 ] || fail "clock moved by $1: the run took $took s"
	from=$(date +%s)
	now=$("$SANDBOX" run -- date +%s)
	[ "$now" -ge "$from" ] && [ "$now" -le "$(date +%s)" ] || fail "the next guest's time is $now, the host's $from"
}
jump 3600
jump -3600
