#!/bin/sh
# reproducible.sh BUILD_DIR - the guest's images are the same bytes whenever they are built,
# by whomever, from a staging directory on whatever file system.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

mkdir "$tmp/elsewhere"
sh rootfs/base.sh "$tmp/one.erofs"
sleep 1						# another second, as a clock in the image would show
(umask 077; TMPDIR=$tmp/elsewhere TZ=Pacific/Auckland sh rootfs/base.sh "$tmp/two.erofs")
cmp "$tmp/one.erofs" "$tmp/two.erofs"

for n in one two; do
	cp "$1/init" "$tmp/init-$n"
	sh rootfs/mkinitrd.sh "$tmp/init-$n" "$tmp/$n.cpio"
	sleep 1
done
cmp "$tmp/one.cpio" "$tmp/two.cpio"
cmp "$tmp/one.cpio" "$1/init.cpio"
