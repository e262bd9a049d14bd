# Booted or restored, whatever the image has there; and one without /etc runs all the same.
. "$(dirname "$0")/lib.sh"
command -v mkfs.erofs > /dev/null || skip "no mkfs.erofs: install erofs-utils"
mkdir -p "$T/root/bin" "$T/root/etc"
cp "$(command -v busybox || echo /bin/busybox)" "$T/root/bin/busybox"
for name in sh cat ls; do ln -s busybox "$T/root/bin/$name"; done
mkfs.erofs --quiet "$T/bare" "$T/root" > "$T/log" 2>&1 || fail "$(cat "$T/log")"
echo 0123456789abcdef0123456789abcdef > "$T/root/etc/machine-id"
chmod 444 "$T/root/etc/machine-id"
mkfs.erofs --quiet "$T/named" "$T/root" > "$T/log" 2>&1 || fail "$(cat "$T/log")"
rm -r "$T/root/etc"
mkfs.erofs --quiet "$T/none" "$T/root" > "$T/log" 2>&1 || fail "$(cat "$T/log")"

# id IMAGE: what a run there says of itself; the command cannot write the file.
id() {
	"$SANDBOX" run --cold --root "$1" -- /bin/sh -c \
		'echo x 2> /dev/null > /etc/machine-id && echo written; cat /etc/machine-id; echo "$SANDBOX_GENERATION"'
}
for image in bare named; do
	id "$T/$image" > "$T/id"
	equal "$(sed -n 1p "$T/id" | tr -d '\n' | wc -c) $(sed -n 2p "$T/id")" "32 0" "the id and generation of $image"
	[ "$(sed -n 1p "$T/id")" != 0123456789abcdef0123456789abcdef ] || fail "the image's own id"
done
equal "$("$SANDBOX" run --cold --root "$T/none" -- /bin/ls /etc 2>&1 | grep -c 'No such')" 1 "an /etc that was not there"
