# alone: compares what is on the host before and after
# kill -9 of a monitor is one failed call, of the HTTP process a moment's pause, of serve the
# end of all that it has started.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/serve.sh"
cat > "$T/config" <<'E2'
listen = unix:SOCKET

[function wait]
command = sh -c 'sleep 4; echo done'
warm-min = 1
concurrency = 3
E2
before=$(leftovers)
load() {
	calls=
	for i in 1 2 3 4; do
		aside wait -d x -w ' %{http_code}\n' > "$T/answer.$i" & calls="$calls $!"
	done
	sleep 3
}
below() { for p in $(pgrep -P "$1"); do echo "$p"; below "$p"; done; }
named() { for p in $(below "$serve"); do [ "$(cat "/proc/$p/comm")" != "$1" ] || echo "$p"; done; }

serve
load
kill -9 "$(named sandbox-vmm | head -n 1)" || fail "no monitor under serve"
wait $calls
equal "$(cat "$T"/answer.* | grep -c '^ 200')" 3 "calls that were answered" 2> /dev/null ||
	fail "answers: $(cat "$T"/answer.*)"

load
kill -9 "$(named sandbox-http)" || fail "no HTTP process"
wait $calls
sleep 2
call wait -d x > "$T/again" || fail "no answer after the HTTP process was killed"
equal "$(cat "$T/again")" "done" "an answer of the next HTTP process"
equal "$(named sandbox-http | wc -l)" 1 "HTTP processes"

load
kill -9 $serve
wait $calls
nothing_left "$before"
serve				# over the socket that is left
load
kill -TERM $serve
sleep 0.3
kill -TERM $serve		# at once
wait $calls
wait $serve
nothing_left "$before"
