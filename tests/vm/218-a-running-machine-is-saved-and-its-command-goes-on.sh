# In the machine that was saved, and in every clone of it, each with streams of its own.
. "$(dirname "$0")/lib.sh"
count='i=0; while read line; do i=$((i+1)); echo "$i $line"; done
echo "$(head -c 8 /dev/urandom | od -An -tx1) $(date +%s) $(cat /etc/machine-id) $(hostname) end $i"; exit 7'

# told FILE LINE: wait until it is there.
told() {
	for _ in $(seq 1500); do
		grep -qx "$2" "$1" && return
		sleep 0.1
	done
	fail "no line '$2' in: $(cat "$1")"
}

mkfifo "$T/in"
"$SANDBOX" run --savable --name "web-$$" --hostname web -- sh -c "$count" < "$T/in" > "$T/out" 2> "$T/err" &
run=$!
exec 9> "$T/in"
refused "there is no savable machine" "$SANDBOX" snapshot take "none-$$" "$T/none"
echo a >&9; echo b >&9
told "$T/out" "2 b"
refused "there is a machine 'web-$$' already" "$SANDBOX" run --savable --name "web-$$" -- true
cp "$SANDBOX" "$T/notes"
refused "is not a snapshot" "$SANDBOX" snapshot take "web-$$" "$T/notes"
status 0 "$SANDBOX" snapshot take "web-$$" "$T/first"
echo c >&9
told "$T/out" "3 c"
status 0 "$SANDBOX" snapshot take "web-$$" "$T/second"
exec 9>&-
wait $run
equal "$?" 7 "the status of the machine that was saved: $(cat "$T/err")"
equal "$(grep -c 'web end 3' "$T/out")" 1 "its last line"
refused "there is no savable machine" "$SANDBOX" snapshot take "web-$$" "$T/none"

status 0 "$SANDBOX" snapshot verify "$T/first"
printf 'x\ny\nz\n' | "$SANDBOX" run --from "$T/first" --result "$T/json" > "$T/1"
equal "$?" 7 "the status of a clone"
equal "$(result "$T/json" .reason)" exit "its reason"
equal "$(head -3 "$T/1" | paste -s -d ,)" "3 x,4 y,5 z" "what a clone of the first says"
printf 'x\n' | "$SANDBOX" run --from "$T/first" --hostname other > "$T/2"
printf 'x\n' | "$SANDBOX" run --from "$T/second" > "$T/3"
equal "$(head -1 "$T/3")" "4 x" "what a clone of the second says"
for n in 1 2 3; do
	tail -1 "$T/$n" | awk '{ print $11 }' >> "$T/names"
	tail -1 "$T/$n" | awk -v now="$(date +%s)" '{ late = now - $9; exit late < 0 || late > 60 }' ||
		fail "the time in clone $n: $(tail -1 "$T/$n")"
	tail -1 "$T/$n" | cut -c1-24 >> "$T/random"
	tail -1 "$T/$n" | awk '{ print $10 }' >> "$T/ids"
done
equal "$(paste -s -d , < "$T/names")" web,other,web "names"
equal "$(sort -u "$T/random" | wc -l) $(sort -u "$T/ids" | wc -l)" "3 3" "random numbers and ids that differ"

refused "leave out the other one" "$SANDBOX" run --from "$T/first" -- true
refused "leave out --env" "$SANDBOX" run --from "$T/first" --env A=1
refused "there is a command in that snapshot already" "$SANDBOX" pool --from "$T/first" "$T/pool"
truncate -s 1M "$T/disk"
refused "cannot be saved" "$SANDBOX" run --savable --disk "$T/disk" -- true
refused "name: 'a/b'" "$SANDBOX" run --savable --name a/b -- true

# Whoever takes it is killed at once; the machine does not mind, and nothing is kept.
"$SANDBOX" run --savable --cpus 2 --name "again-$$" -- sh -c 'echo up; read line; echo "$line"' < "$T/in" > "$T/out" &
run=$!
exec 9> "$T/in"
told "$T/out" up
timeout -s KILL 0.05 "$SANDBOX" snapshot take "again-$$" "$T/killed"
status 0 "$SANDBOX" snapshot take "again-$$" "$T/killed"
ls "$T"/*.tmp 2> /dev/null && fail "files left behind"
echo well >&9
exec 9>&-
wait $run
equal "$?,$(tail -1 "$T/out")" 0,well "a machine whose taker was killed"
equal "$(echo clone | "$SANDBOX" run --from "$T/killed")" clone "the clone's command"
