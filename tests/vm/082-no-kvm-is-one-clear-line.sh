. "$(dirname "$0")/lib.sh"
[ "$(id -u)" -eq 0 ] || skip "hiding /dev/kvm needs root"
refused "/dev/kvm" unshare -m sh -c 'mount -t tmpfs none /dev && exec "$@"' - "$SANDBOX" run -- true
chmod 755 "$T"; cp -r "$(dirname "$SANDBOX")"/sandbox* "$BUILD/init.cpio" "$BUILD/vmlinux-up" "$BUILD/base.erofs" "$T"
[ "$(stat -c %a /dev/kvm)" = 666 ] ||
	refused "/dev/kvm" setpriv --reuid 65534 --regid 65534 --clear-groups "$T/sandbox" run -- true
