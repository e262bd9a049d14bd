# --disk-rate: what is not in the host's cache takes its time to be read.  A slow host only adds to
# that.  What is written goes through the cache: version 1 counts who makes it go to the disk, version 2
# who has written most of the file lately, which is not us here.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" -eq 0 ] || skip "control groups that limit I/O: run as root"
MIB=4
disk=$T/disk
head -c ${MIB}M /dev/urandom > "$disk"
sync "$disk"
dd of="$disk" oflag=nocache conv=notrunc count=0 2> /dev/null

# seconds COMMAND: in the guest, with that disk
seconds() {
	status 0 "$SANDBOX" run --disk-rate "$1" --result "$T/r" --disk "$disk" --user 0 -- sh -c "$2"
	echo $(($(result "$T/r" .phases_us.command) / 1000000))
}

took=$(seconds 1M 'cat /dev/vdb > /dev/null') || fail "$took"
[ "$took" -ge $((MIB - 2)) ] || fail "$MIB MiB were read in $took s"
result "$T/r" '.layers[]' | grep -qx cgroup-io || fail "cgroup-io is not among the layers"
took=$(seconds 1M "head -c $((MIB << 20)) /dev/zero | dd of=/dev/vdb bs=64k conv=fsync 2> /dev/null") || fail "$took"
[ "$took" -ge $((MIB - 2)) ] || [ ! -e /sys/fs/cgroup/blkio ] || fail "$MIB MiB were written in $took s"
[ "$(tr -d '\0' < "$disk" | wc -c)" -eq 0 ] || fail "the disk is not what was written"

refused "disk-rate"	"$SANDBOX" run --disk-rate fast -- true
# What is only in memory is on no device.
if mount -t tmpfs tmpfs "$T"; then
	truncate -s 1M "$T/disk"
	refused "disk-rate: cannot be had here" "$SANDBOX" run --disk-rate 1M --disk "$T/disk" -- true
	umount "$T"
fi
