. "$(dirname "$0")/lib.sh"
head -c 1M /dev/zero > "$T/rw"; head -c 1M /dev/zero > "$T/ro"; printf ro > "$T/word"
dd if="$T/word" of="$T/ro" conv=notrunc status=none
"$SANDBOX" run --user root --disk "$T/rw" --disk "$T/ro:ro" -- sh -c '
	printf written | dd of=/dev/vdb conv=notrunc,fsync 2>/dev/null && head -c 2 /dev/vdc
	printf bad | dd of=/dev/vdc conv=notrunc,fsync 2>/dev/null && echo " ro was written"' > "$T/out"
equal "$(cat "$T/out")" ro "what the guest saw"
equal "$(head -c 7 "$T/rw")" written "the writable disk"
equal "$(head -c 2 "$T/ro")" ro "the read-only disk"
