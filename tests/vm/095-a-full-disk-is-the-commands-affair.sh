# A --disk that the guest fills: its command is told, and the run gives back what it made of that.
. "$(dirname "$0")/lib.sh"
PATH=$PATH:/usr/sbin:/sbin
truncate -s 1M "$T/disk"
mke2fs -q -t ext4 -O ^has_journal -m 0 "$T/disk" || skip "no mke2fs: install e2fsprogs"
"$SANDBOX" run --user root --disk "$T/disk" --result "$T/r" -- sh -c '
	mount -t ext4 /dev/vdb /mnt || exit 1
	dd if=/dev/zero of=/mnt/full bs=64k; echo "dd $?"
	umount /mnt && echo unmounted
	exit 28' > "$T/out" 2> "$T/err"
equal "$? $(result "$T/r" .reason)" "28 exit" "the run: $(cat "$T/err")"
equal "$(tr '\n' ' ' < "$T/out")" "dd 1 unmounted " "what the guest saw"
grep -q 'No space left on device' "$T/err" || fail "the command was not told: $(cat "$T/err")"
equal "$(stat -c %s "$T/disk")" $((1 << 20)) "bytes of the file"
e2fsck -fn "$T/disk" > "$T/fsck" 2>&1 || fail "the file system is damaged: $(cat "$T/fsck")"
equal "$(debugfs -R 'ls -p /' "$T/disk" 2> "$T/err" | grep -c '/full/')" 1 "the file that filled it"
