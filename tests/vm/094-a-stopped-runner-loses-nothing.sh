# STOPPED: for how many seconds; `make soak` asks for a minute.
. "$(dirname "$0")/lib.sh"
stopped=${STOPPED:-12}

# The output goes through a pipe that nobody empties for now; a reader has seen its first byte.
begin() {
	rm -f "$T/began" "$T/go"
	{
		"$SANDBOX" run --verbose --result "$T/r" -- sh -c "seq $1; exit 9" 2> "$T/err" &
		echo $! > "$T/runner"
		wait $!
		echo $? > "$T/status"
	} | {
		head -c 1 > "$T/out"
		: > "$T/began"
		until [ -e "$T/go" ]; do sleep 0.1; done
		cat >> "$T/out"
	} &
	reader=$!
}

# until_there FILE TEXT
until_there() {
	for _ in $(seq 1200); do grep -qs "$2" "$1" && return; sleep 0.1; done
	fail "no '$2' in $1: $(cat "$T/err")"
}

# When the runner goes on there is all at once: its reader, the rest of the output, a late deadline.
hold() {
	runner=$(cat "$T/runner")
	kill -STOP "$runner" || fail "it was over before it could be stopped"
	until_there "/proc/$runner/status" "^State:.T"
	sleep "$stopped"
	: > "$T/go"
	sleep 1
	kill -CONT "$runner"
	wait "$reader"
}

# judge NUMBERS
judge() {
	equal "$(cat "$T/status") $(result "$T/r" .reason)" "9 exit" "after $stopped s: $(tail -n 2 "$T/err")"
	seq "$1" | cmp - "$T/out" || fail "bytes were lost"
}

begin 400000			# more than fits in between: the command waits
until [ -e "$T/began" ]; do sleep 0.1; done
hold
judge 400000

begin 30000			# the command is over, and its output is not read to its end
until_there "$T/err" "the command ended"
hold
judge 30000
