# More than any buffer on the way holds, read by a reader that starts late.
. "$(dirname "$0")/lib.sh"
status 3 "$SANDBOX" run -- sh -c 'head -c 400000 /dev/urandom | tee /dev/stderr; exit 3' \
	2> "$T/err" > "$T/out"
equal "$(wc -c < "$T/out")" 400000 "bytes of stdout"
cmp "$T/out" "$T/err" || fail "stdout and stderr differ"
n=$("$SANDBOX" run -- head -c 400000 /dev/zero | { sleep 9; wc -c; })
equal "$n" 400000 "bytes a late reader gets"
