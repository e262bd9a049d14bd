# Random bytes through cat: as many as the host's kind of KVM bears, see CAT_BYTES.
. "$(dirname "$0")/lib.sh"
head -c "${CAT_BYTES:-4M}" /dev/urandom > "$T/a"
"$SANDBOX" run -- cat < "$T/a" | cmp - "$T/a" || fail "what came back differs"
