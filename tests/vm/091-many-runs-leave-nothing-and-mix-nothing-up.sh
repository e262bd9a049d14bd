# alone: compares what is on the host before and after
# RUNS in a row and AT_ONCE together; `make soak` asks for 200 and 20.
. "$(dirname "$0")/lib.sh"
before=$(leftovers)
one() {
	head -c 5000 /dev/urandom > "$T/in$1"
	"$SANDBOX" run -- sh -c "cat; exit $(($1 % 100))" < "$T/in$1" > "$T/out$1" 2> "$T/err$1"
	echo $? > "$T/status$1"
}
judge() {
	equal "$(cat "$T/status$1")" $(($1 % 100)) "status of run $1"
	cmp "$T/in$1" "$T/out$1" || fail "run $1 lost bytes"
	[ -s "$T/err$1" ] && fail "run $1 said $(cat "$T/err$1")"
	rm -f "$T/in$1" "$T/out$1" "$T/err$1"
}
for i in $(seq "${RUNS:-4}"); do one "$i"; judge "$i"; done
for i in $(seq "${AT_ONCE:-8}"); do one $((300 + i)) & done
wait
for i in $(seq "${AT_ONCE:-8}"); do judge $((300 + i)); done
nothing_left "$before"
