# Cut short, a bit flipped, somebody else's, empty: one warning, and the run works.
. "$(dirname "$0")/lib.sh"
export XDG_CACHE_HOME=$T/cache
mkdir "$T/cache"
"$SANDBOX" run -- true 2> /dev/null
snap=$(ls "$T"/cache/sandbox/*.snap)
cp "$snap" "$T/good"
again() {
	status 3 "$SANDBOX" run --result "$T/r" -- sh -c 'exit 3' 2> "$T/err"
	equal "$(grep -c "^sandbox: snapshot .*$2" "$T/err")" 1 "warnings about a template that $1: $(cat "$T/err")"
	equal "$(result "$T/r" .start)" warm "the start after a template that $1"
	status 3 "$SANDBOX" run -- sh -c 'exit 3' 2> "$T/err"
	equal "$(cat "$T/err")" "" "what the run after that says"
}
truncate -s 3M "$snap"
again "is cut short" "cut short"
printf '\377' | dd of="$snap" bs=1 seek=9000 conv=notrunc 2> /dev/null
again "has a bit flipped" "damaged"
: > "$snap"
again "is empty" "not a snapshot"
head -c 32 /dev/urandom > "$T/cache/sandbox/key"
again "has another's key" "another user"
