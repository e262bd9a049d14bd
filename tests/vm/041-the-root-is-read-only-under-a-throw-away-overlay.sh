. "$(dirname "$0")/lib.sh"
sum=$(sha256sum < "$BUILD/base.erofs")
"$SANDBOX" run --user root -- sh -c 'echo mine > /etc/passwd && rm /bin/ls && cat /etc/passwd' > "$T/out" ||
	fail "the root cannot be written: $(cat "$T/out")"
equal "$(cat "$T/out")" mine "what was written"
modes=$("$SANDBOX" run --user root -- sh -c 'umask 027; rm -r /etc/hosts /usr/local/bin
	echo new > /etc/hosts; mkdir /usr/local/bin; stat -c %a /etc/hosts /usr/local/bin; ls /usr/local/bin')
equal "$modes" "640
750" "the modes of what took a removed thing's place, with nothing of the old in it"
equal "$(sha256sum < "$BUILD/base.erofs")" "$sum" "the image"
status 0 "$SANDBOX" run -- sh -c 'test -x /bin/ls && ! grep -qx mine /etc/passwd'
status 1 "$SANDBOX" run --user root -- dd if=/dev/zero of=/dev/vda bs=512 count=1 2> /dev/null
