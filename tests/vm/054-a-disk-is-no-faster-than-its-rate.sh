# --disk-rate: what is not in the host's cache takes its time to be read, and what must be on the
# disk to be written.  A slow host only adds to that.
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
[ "$took" -ge $((MIB - 2)) ] || fail "$MIB MiB were written in $took s"
[ "$(tr -d '\0' < "$disk" | wc -c)" -eq 0 ] || fail "the disk is not what was written"

refused "disk-rate"	"$SANDBOX" run --disk-rate fast -- true
# What is only in memory is on no device.
if mount -t tmpfs tmpfs "$T"; then
	truncate -s 1M "$T/disk"
	refused "disk-rate: cannot be had here" "$SANDBOX" run --disk-rate 1M --disk "$T/disk" -- true
	umount "$T"
fi
