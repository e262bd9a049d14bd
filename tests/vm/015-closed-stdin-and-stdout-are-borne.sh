. "$(dirname "$0")/lib.sh"
status 5 "$SANDBOX" run -- sh -c 'cat; exit 5' <&-
status 6 "$SANDBOX" run -- sh -c 'exit 6' >&-
