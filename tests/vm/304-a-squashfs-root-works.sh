. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/roots.sh"
command -v mksquashfs > /dev/null || skip "no mksquashfs: install squashfs-tools"
echo squashed > "$T/root/etc/text"
"$SANDBOX" run --result "$T/r" -- true
zstd="-comp zstd"		# of which the kernel's code asks the processor, and not KVM, what it can do
[ "$(result "$T/r" .kvm)" = software ] && zstd="-comp gzip"
for how in "-noI -noD -noF -noX" "-comp gzip" "$zstd" "-comp xz"; do
	rm -f "$T/sq"
	mksquashfs "$T/root" "$T/sq" -quiet -no-progress -all-root $how > /dev/null || fail "mksquashfs $how"
	equal "$("$SANDBOX" run --cold --root "$T/sq" -- cat /etc/text)" squashed "output with $how"
done
head -c 8192 "$T/sq" > "$T/cut"
refused truncated "$SANDBOX" run --root "$T/cut" -- true
"$SANDBOX" image import -t sq "$T/sq" > /dev/null || fail "import: $?"
rm "$T/sq"
equal "$("$SANDBOX" run --cold --root sq -- cat /etc/text)" squashed "output of the copy"
