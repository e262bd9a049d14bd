. "$(dirname "$0")/lib.sh"
a=$("$SANDBOX" run -- sh -c 'head -c 16 /dev/urandom | hexdump -C | head -n 1')
b=$("$SANDBOX" run -- sh -c 'head -c 16 /dev/urandom | hexdump -C | head -n 1')
[ -n "$a" ] && [ "$a" != "$b" ] || fail "'$a' twice"
