. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/roots.sh"
command -v mksquashfs > /dev/null || skip "no mksquashfs: install squashfs-tools"
echo squashed > "$T/root/etc/text"
"$SANDBOX" run --result "$T/r" -- true
# Where the kernel is emulated, xz takes minutes; and zstd's code asks the processor, and not KVM,
# what it can do.
others="-comp=zstd -comp=xz"
[ "$(result "$T/r" .kvm)" = software ] && others=
for how in "-noI -noD -noF -noX" "-comp=gzip" $others; do
	rm -f "$T/sq"
	mksquashfs "$T/root" "$T/sq" -quiet -no-progress -all-root $(echo "$how" | tr = ' ') > /dev/null || fail "mksquashfs $how"
	equal "$("$SANDBOX" run --cold --root "$T/sq" -- cat /etc/text)" squashed "output with $how"
done
head -c 8192 "$T/sq" > "$T/cut"
refused truncated "$SANDBOX" run --root "$T/cut" -- true
"$SANDBOX" image import -t sq "$T/sq" > /dev/null || fail "import: $?"
rm "$T/sq"
equal "$("$SANDBOX" run --cold --root sq -- cat /etc/text)" squashed "output of the copy"
