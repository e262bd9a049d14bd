# make.sh ROOT - turns a root that mmdebstrap has unpacked into the test host's files, left
# in ROOT/out: root.ext4, initrd, vmlinuz, modules.tar.  Its text is run as a hook, with
# the rights mmdebstrap has; nothing in ROOT was configured, so accounts are made here.
set -eu
root=$1
PATH=$PATH:/usr/sbin:/sbin
cd "$root"
release=$(ls lib/modules)
mkdir out

cat > etc/passwd <<-END
	root:x:0:0:root:/root:/bin/sh
	user:x:1000:1000:user:/home/user:/bin/sh
	nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
END
cat > etc/group <<-END
	root:x:0:
	tty:x:5:
	kvm:x:104:user
	user:x:1000:
	nogroup:x:65534:
END
mkdir -p job home/user
chown 1000:1000 home/user
ln -sf mawk usr/bin/awk
cp host-image/init sbin/host-init
cp host-image/as-user host-image/run-piped usr/bin/
chmod 755 sbin/host-init usr/bin/as-user usr/bin/run-piped
chroot . depmod "$release"

# Only what the disk needs; the rest is loaded from the disk.  The order is the names'.
mkdir -p initramfs/bin initramfs/modules initramfs/dev initramfs/lower initramfs/layer initramfs/root
cp bin/busybox initramfs/bin/
cp host-image/initramfs-init initramfs/init
chmod 755 initramfs/init
n=10
for module in virtio/virtio_ring virtio/virtio virtio/virtio_pci_modern_dev \
		virtio/virtio_pci_legacy_dev virtio/virtio_pci block/virtio_blk; do
	cp "lib/modules/$release/kernel/drivers/$module.ko" initramfs/modules/$n-"${module##*/}".ko
	n=$((n + 1))
done
cp "lib/modules/$release/kernel/fs/overlayfs/overlay.ko" initramfs/modules/$n-overlay.ko
(cd initramfs && find . | chroot "$root" busybox sh -c 'cd initramfs && cpio -o -H newc') > out/initrd
mv "boot/vmlinuz-$release" out/vmlinuz
tar -cf out/modules.tar -C lib/modules "$release"
rm -rf initramfs host-image boot usr/share/doc usr/share/man usr/share/locale usr/share/info \
	usr/lib/ipxe usr/lib/udev var/cache

# The image must not contain itself: it is made beside the tree, then moved in.
mv out "$root.out"
mke2fs -q -t ext4 -O '^has_journal' -m 0 -d . "$root.out/root.ext4" 400M
mv "$root.out" out
