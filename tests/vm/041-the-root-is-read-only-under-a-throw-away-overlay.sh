. "$(dirname "$0")/lib.sh"
sum=$(sha256sum < "$BUILD/base.erofs")
"$SANDBOX" run --user root -- sh -c 'echo mine > /etc/passwd && rm /bin/ls && cat /etc/passwd' > "$T/out" ||
	fail "the root cannot be written: $(cat "$T/out")"
equal "$(cat "$T/out")" mine "what was written"
equal "$(sha256sum < "$BUILD/base.erofs")" "$sum" "the image"
status 0 "$SANDBOX" run -- sh -c 'test -x /bin/ls && ! grep -qx mine /etc/passwd'
status 1 "$SANDBOX" run --user root -- dd if=/dev/zero of=/dev/vda bs=512 count=1 2> /dev/null
