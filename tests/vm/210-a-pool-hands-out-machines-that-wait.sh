# alone: compares what is on the host before and after
# Jailed and restored, they cost no processor time until a run takes one, and their clock
# stands; whoever is killed, nothing of them is left.
. "$(dirname "$0")/lib.sh"
before=$(leftovers)

pool() {
	"$SANDBOX" pool --size 2 "$T/pool" 2> "$T/log" & pool=$!
	for _ in $(seq 300); do grep -q 'ready at' "$T/log" && break; sleep 0.1; done
	grep -q '2 machines ready' "$T/log" || fail "no pool: $(cat "$T/log")"
	sleep 1			# restored, too
}
trap 'kill -9 $pool 2> /dev/null; rm -rf "$T"' EXIT
machines() { for k in $(pgrep -P $pool -x sandbox-jailer); do pgrep -P "$k"; done; }
take() { "$SANDBOX" run --pool "$T/pool" --result "$T/r" -- "$@"; }
ticks() { for p in $(machines); do cut -d' ' -f14,15 "/proc/$p/stat"; done; }

pool
young=$(take cut -d. -f1 /proc/uptime)
sleep 1
first=$(ticks)
sleep 14
equal "$(ticks)" "$first" "processor time of machines that wait"
old=$(take cut -d. -f1 /proc/uptime)
[ -n "$young" ] && [ "$old" -lt $((young + 8)) ] || fail "uptime $young, and of one that waited $old"

equal "$(result "$T/r" .start)" pool "where the machine came from"
[ "$(result "$T/r" .phases_us.spec)" -lt 100000 ] || fail "it was not handed out at once"
echo input | status 5 take sh -c 'cat; echo err >&2; exit 5' > "$T/out" 2> "$T/err"
equal "$(cat "$T/out" "$T/err")" "input
err" "streams"
for i in 1 2 3 4; do
	take sh -c 'head -c 32 /dev/urandom | md5sum' > "$T/random.$i" & runs="${runs:-} $!"
done
wait $runs
equal "$(cat "$T"/random.* | sort -u | wc -l)" 4 "machines with randomness of their own"

refused '--memory' "$SANDBOX" run --pool "$T/pool" --memory 256M -- true
refused '--cold' "$SANDBOX" run --pool "$T/pool" --cold -- true
refused 'in use' "$SANDBOX" pool "$T/pool"
refused 'sandbox pool' "$SANDBOX" run --pool "$T/none" -- true
refused 'one path' "$SANDBOX" pool

# A machine that dies while it waits is replaced, and said once.
kill -9 "$(machines | head -n 1)"
sleep 3
equal "$(grep -c 'has ended' "$T/log")" 1 "lines about the machine that was killed"
equal "$(machines | wc -l)" 2 "machines that wait after one was killed"

# The pool is killed: its machines go, a run that has one goes on, the socket can be taken over.
take sh -c 'sleep 4; echo still here' > "$T/out" & run=$!
sleep 2
kill -9 $pool
wait $run
equal "$(cat "$T/out")" "still here" "a run whose pool was killed"
nothing_left "$before"
pool
kill -TERM $pool
status 0 wait $pool
[ ! -e "$T/pool" ] || fail "the socket is left"
nothing_left "$before"
