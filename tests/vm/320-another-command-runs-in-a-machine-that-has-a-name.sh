# Beside its own command, with streams, exit codes, signals and a terminal as a run has them.
. "$(dirname "$0")/living.sh"
mkfifo "$T/in"
"$SANDBOX" run --name box -- sh -c 'echo up; read line; echo "$line"; exit 3' < "$T/in" > "$T/out" 2> "$T/err" &
run=$!
exec 9> "$T/in"
told "$T/out" up

"$SANDBOX" exec box -- sh -c 'echo out; echo err >&2; echo kept > /tmp/file; exit 7' > "$T/o" 2> "$T/e"
equal "$?,$(cat "$T/o"),$(cat "$T/e")" 7,out,err "what another command is"
equal "$("$SANDBOX" exec --env A=b --workdir /tmp --user root box sh -c 'echo $A $(pwd) $(id -u) $(cat file)')" \
	"b /tmp 0 kept" "its place, in the same machine"
head -c 300000 /dev/urandom > "$T/bytes"
"$SANDBOX" exec box -- cat < "$T/bytes" | cmp - "$T/bytes" || fail "bytes differ"
status 127 "$SANDBOX" exec box -- nothing-there 2> /dev/null
status 124 "$SANDBOX" exec --timeout 1s box -- sleep 60
"$SANDBOX" exec --result "$T/json" box -- sh -c 'kill -SEGV $$'
equal "$?,$(result "$T/json" .reason),$(result "$T/json" .start)" 139,signal,exec "a signal's result"
status 153 "$SANDBOX" exec --output-limit 1000 box -- yes > "$T/o" 2> "$T/e"

# Several at once; a signal to one is that one's.
"$SANDBOX" exec box -- sh -c 'trap "echo caught; exit 9" TERM; echo one; while :; do sleep 0.1; done' > "$T/1" &
one=$!
"$SANDBOX" exec box -- sh -c 'echo two; exec sleep 300' > "$T/2" &
two=$!
told "$T/1" one; told "$T/2" two
"$SANDBOX" ps | grep -q '^box *running' || fail "ps: $("$SANDBOX" ps)"
kill -TERM $one
wait $one
equal "$?,$(tail -1 "$T/1")" 9,caught "a signal to one of two"

# Whoever is killed, its command goes, too; the next has its place.
kill -9 $two
wait $two 2> /dev/null
for _ in $(seq 50); do
	"$SANDBOX" exec box -- pgrep -f '[s]leep 300' > /dev/null || break
	sleep 0.2
done
"$SANDBOX" exec box -- pgrep -f '[s]leep 300' && fail "the command of one that was killed lives on"

if command -v script > /dev/null; then
	timeout 60 script -qefc "$SANDBOX exec box -- sh -c 'tty; stty size'" "$T/tty" > /dev/null < /dev/null
	grep -q /dev/pts "$T/tty" || fail "no terminal: $(cat "$T/tty")"
fi

# As many as there are places, and one more.
for i in 1 2 3 4 5 6 7; do
	"$SANDBOX" exec box -- sh -c 'echo here; exec sleep 100' > "$T/many.$i" 2> "$T/many.err.$i" &
done
for i in 1 2 3 4 5 6 7; do told "$T/many.$i" here; done
refused "it runs 8 commands already" "$SANDBOX" exec box -- true
refused "there is no machine 'other'" "$SANDBOX" exec other -- true
refused "there is a machine 'box' already" "$SANDBOX" run --name box -- true
refused "no COMMAND given" "$SANDBOX" exec box

# The machine is its own command's: with that it ends, and whoever is in it is told.
echo end >&9
exec 9>&-
wait $run
equal "$?,$(tail -1 "$T/out")" 3,end "the machine's own command: $(cat "$T/err")"
wait
for i in 1 2 3 4 5 6 7; do
	grep -q "the machine ended before the command was over" "$T/many.err.$i" || fail "not told: $(cat "$T/many.err.$i")"
done
refused "there is no machine 'box'" "$SANDBOX" exec box -- true
equal "$(ls "$T/sandbox" 2> /dev/null)" "" "what is left of it"
