# Booted or restored, whatever the image has there; and one without /etc runs all the same.
. "$(dirname "$0")/lib.sh"
mkdir -p "$T/root/bin" "$T/root/etc"
cp "$(command -v busybox || echo /bin/busybox)" "$T/root/bin/busybox"
for name in sh cat ls; do ln -s busybox "$T/root/bin/$name"; done
image() { /sbin/mke2fs -q -t ext4 -d "$T/root" "$T/$1" 16M || skip "no mke2fs: install e2fsprogs"; }
image bare
echo 0123456789abcdef0123456789abcdef > "$T/root/etc/machine-id"
chmod 444 "$T/root/etc/machine-id"
image named
rm -r "$T/root/etc"
image none

# id IMAGE: what a run there says of itself; its command cannot write the file.
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
