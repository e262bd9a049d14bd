#!/bin/sh
# module-initrd.sh MODULES OUT - what a distribution's kernel needs to be a guest: a cpio for
# `sandbox run --kernel IMAGE --initrd OUT` with the modules that the agent loads.
#
# MODULES is a directory like /lib/modules/VERSION, or a Debian linux-image package.  In
# the cpio they lie decompressed under /modules, and /modules/order lists them so that
# each comes after those it needs.
set -eu

# In modules.dep's spelling; those of the second line may be missing.
required='virtio_mmio virtio_blk overlay vmw_vsock_virtio_transport'
optional='crc32c_generic erofs ext4 virtio_net'

fail() { echo "module-initrd.sh: $*" >&2; exit 1; }

[ $# = 2 ] || fail "usage: module-initrd.sh MODULES-DIRECTORY|LINUX-IMAGE.deb OUT"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
modules=$1
if [ -f "$modules" ]; then
	dpkg-deb -x "$modules" "$work/deb"
	modules=$(echo "$work"/deb/lib/modules/*)
	depmod -b "$work/deb" "$(basename "$modules")"
fi
[ -f "$modules/modules.dep" ] || fail "$modules: no modules.dep in it"

# The line of modules.dep for a module: "path: what it needs, nearest first".
line_of() {
	grep -E "^([^:]*/)?$(echo "$1" | sed 's/[-_]/[-_]/g')\.ko(\.(xz|gz|zst))?:" \
		"$modules/modules.dep" || true
}

built_in() {
	grep -qE "(^|/)$(echo "$1" | sed 's/[-_]/[-_]/g')\.ko$" "$modules/modules.builtin"
}

unpack() {
	case $1 in
	*.xz)	xz -dc "$1" ;;
	*.gz)	gzip -dc "$1" ;;
	*.zst)	zstd -qdc "$1" ;;
	*)	cat "$1" ;;
	esac
}

# Copy one module, unless it is there already, and put it at the end of the order.
add() {
	file=$(basename "$1")
	file=${file%.ko*}.ko
	[ ! -e "$work/root/modules/$file" ] || return 0
	unpack "$modules/$1" > "$work/root/modules/$file"
	echo "$file" >> "$work/root/modules/order"
}

# A module after all that it needs.
add_with_needs() {
	line=$(line_of "$1")
	if [ -z "$line" ]; then
		built_in "$1" && return
		case " $required " in *" $1 "*) fail "$modules has no module $1" ;; esac
		return 0
	fi
	reversed=
	for path in ${line#*:}; do
		reversed="$path $reversed"
	done
	for path in $reversed "${line%%:*}"; do
		add "$path"
	done
}

umask 022
mkdir -p "$work/root/modules"
: > "$work/root/modules/order"
for module in $optional $required; do
	add_with_needs "$module"
done
find "$work/root" -exec touch -h -d @0 {} +
(cd "$work/root" && find modules | LC_ALL=C sort |
	cpio --quiet --reproducible -o -H newc -R 0:0) > "$2.new"
mv "$2.new" "$2"
