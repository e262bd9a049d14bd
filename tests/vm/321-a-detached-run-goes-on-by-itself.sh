# Its name at once, its outputs and its exit code later, and none of them for ever.
. "$(dirname "$0")/living.sh"
equal "$("$SANDBOX" run --detach --name job -- sh -c 'echo one; echo two >&2; sleep 3; echo end; exit 5')" job "the name"
"$SANDBOX" ps | grep -q '^job *running.*sh -c' || fail "ps: $("$SANDBOX" ps)"
"$SANDBOX" logs job > "$T/o" 2> "$T/e"
"$SANDBOX" logs --follow job > "$T/of" 2> "$T/ef" &
follows=$!
"$SANDBOX" wait job
equal "$?" 5 "the exit code"
wait $follows
equal "$?,$(paste -s -d , < "$T/of"),$(cat "$T/ef")" 0,one,end,two "what is followed"
"$SANDBOX" logs job > "$T/o" 2> "$T/e"
equal "$(paste -s -d , < "$T/o"),$(cat "$T/e")" one,end,two "what is kept"
status 5 "$SANDBOX" wait job
"$SANDBOX" ps | grep -q '^job *over (5)' || fail "ps: $("$SANDBOX" ps)"
refused "machine 'job' has ended" "$SANDBOX" exec job -- true

# The name is free again, and what was kept under it goes.
"$SANDBOX" run --detach --name job -- sh -c 'echo again' > /dev/null
status 0 "$SANDBOX" wait job
equal "$("$SANDBOX" logs job)" again "the second one's output"

# Nothing of ours is kept open, or a pipe would not end.
id=$("$SANDBOX" run --detach -- sleep infinity | cat)
refused "leave out --tty" "$SANDBOX" run --detach --tty -- true
"$SANDBOX" stats "$id" | awk -v id="$id" '$1 == id && $3 + 0 > 0 && $4 + 0 > 0 && $6 > 0 { ok = 1 } END { exit !ok }' ||
	fail "stats: $("$SANDBOX" stats)"
status 0 "$SANDBOX" kill "$id"
status 137 "$SANDBOX" wait "$id"

# What does not start leaves nothing but its words and its code.
"$SANDBOX" run --detach --name bad -- nothing-there > "$T/o" 2> "$T/e"
equal "$?,$(cat "$T/o")" 127, "a command that is not there"
grep -q "not found in the guest" "$T/e" || fail "it says: $(cat "$T/e")"
refused "there is no machine 'bad'" "$SANDBOX" logs bad

# Of an endless output, the end.
"$SANDBOX" run --detach --name loud -- sh -c 'yes 0123456789012345678901234567890123456789 | head -c 12000000; echo; echo last' > /dev/null
status 0 "$SANDBOX" wait loud
"$SANDBOX" logs loud > "$T/o"
equal "$(tail -1 "$T/o")" last "the end of a long output"
[ "$(wc -c < "$T/o")" -lt 9500000 ] && [ "$(wc -c < "$T/o")" -ge 8000000 ] || fail "$(wc -c < "$T/o") bytes are kept"
[ "$(du -k "$T/sandbox/loud/out" | cut -f 1)" -lt 9600 ] || fail "the file takes $(du -k "$T/sandbox/loud/out")"
"$SANDBOX" gc > "$T/gc"
equal "$(ls "$T/sandbox" 2> /dev/null)" "" "what gc has left"
