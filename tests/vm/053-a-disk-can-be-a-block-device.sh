. "$(dirname "$0")/lib.sh"
head -c 1M /dev/zero > "$T/image"
[ -e /sys/module/loop ] || modprobe -q loop
loop=$(losetup -f --show "$T/image" 2> /dev/null) || skip "no loop device"
trap 'losetup -d "$loop"; rm -rf "$T"' EXIT
"$SANDBOX" run --user root --disk "$loop" -- sh -c '
	printf written | dd of=/dev/vdb conv=notrunc,fsync 2>/dev/null && cat /sys/block/vdb/size' > "$T/out"
equal "$(cat "$T/out")" 2048 "sectors in the guest"
equal "$(head -c 7 "$loop")" written "what the guest wrote"
