#!/bin/sh
# mkinitrd.sh INIT OUT - the initramfs: the agent as /init, and the places where it mounts.
#
# Uncompressed, because unpacking costs more guest instructions than the rest of the boot.
# /dev and /dev/console are in every kernel's built-in initramfs.  The same INIT gives the
# same bytes.
set -eu

[ $# = 2 ] || { echo "usage: mkinitrd.sh INIT OUT" >&2; exit 1; }
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

umask 022
mkdir "$stage/dev" "$stage/lower" "$stage/over" "$stage/root"
install -m 755 "$1" "$stage/init"
find "$stage" -exec touch -h -d @0 {} +
(cd "$stage" && find . -mindepth 1 | LC_ALL=C sort |
	cpio --quiet --reproducible -o -H newc -R 0:0) > "$2.new"
mv "$2.new" "$2"
