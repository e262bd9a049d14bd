#!/bin/sh
# kernel.sh OUTDIR - build the guest kernel: OUTDIR/vmlinux, OUTDIR/vmlinux.sha256.
#
# Debian's kernel source, unmodified, configured by a fragment on allnoconfig.  A line of
# the fragment that did not take effect is an error.  The tree stays in OUTDIR/linux, so
# that a changed option rebuilds only what it touches.  The result depends on nothing but
# the source, the fragment and the compiler.
set -eu

fail() { echo "kernel.sh: $*" >&2; exit 1; }

[ $# = 1 ] || fail "usage: kernel.sh OUTDIR"
arch=${ARCH:-$(uname -m)}
here=$(cd "$(dirname "$0")" && pwd)
fragment=${KERNEL_FRAGMENT:-$here/kernel-$arch.config}
source=${KERNEL_SOURCE:-/usr/src/linux-source-6.1.tar.xz}
[ -f "$fragment" ] || fail "no configuration for $arch: $fragment"
[ -f "$source" ] || fail "no $source: apt-get install linux-source-6.1"
mkdir -p "$1"
out=$(cd "$1" && pwd)
tree=$out/linux

export KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 1970'
export KBUILD_BUILD_USER=sandbox KBUILD_BUILD_HOST=sandbox KBUILD_BUILD_VERSION=1
export LC_ALL=C

# Our own make must not hand its flags down: the kernel's Makefile means others by them.
unset MAKEFLAGS MAKELEVEL MFLAGS
kmake() { make -C "$tree" -s -j "${JOBS:-$(nproc)}" ARCH="$arch" "$@"; }

unpack() {
	hash=$(sha256sum < "$source" | cut -d' ' -f1)
	[ "$(cat "$tree/.source" 2>/dev/null)" = "$hash" ] && return
	echo "kernel.sh: unpacking $source" >&2
	rm -rf "$tree" "$tree.new"
	mkdir "$tree.new"
	tar -C "$tree.new" --strip-components=1 -xf "$source"
	echo "$hash" > "$tree.new/.source"
	mv "$tree.new" "$tree"
}

configure() {
	kmake allnoconfig KCONFIG_ALLCONFIG="$fragment" > /dev/null
	kmake olddefconfig > /dev/null
	check_config || fail "the fragment does not hold, see above"
}

# Every line as it stands; `=n` means that the option exists and is off.
check_config() {
	find "$tree" -name 'Kconfig*' -exec \
		sed -n 's/^[[:space:]]*\(menu\)\{0,1\}config[[:space:]]\{1,\}\([A-Z0-9_a-z]*\).*/\2/p' {} + |
		sort -u > "$out/kconfig-names"
	bad=0
	while read -r line; do
		case $line in CONFIG_*=*) ;; *) continue ;; esac
		name=${line%%=*}
		if ! grep -qx "${name#CONFIG_}" "$out/kconfig-names"; then
			echo "kernel.sh: $name: this kernel has no such option" >&2; bad=1
		elif [ "${line#*=}" = n ]; then
			! grep -q "^$name=" "$tree/.config" ||
				{ echo "kernel.sh: $name is on" >&2; bad=1; }
		elif ! grep -qxF "$line" "$tree/.config"; then
			echo "kernel.sh: $line did not take" >&2; bad=1
		fi
	done < "$fragment"
	rm "$out/kconfig-names"
	return $bad
}

# The notes stay: one of them is the PVH entry point.
build() {
	echo "kernel.sh: building, a few minutes the first time" >&2
	kmake vmlinux
	strip --strip-all -o "$out/vmlinux.new" "$tree/vmlinux"
	readelf -n "$out/vmlinux.new" 2>/dev/null | grep -q Xen || fail "vmlinux has no PVH note"
	mv "$out/vmlinux.new" "$out/vmlinux"
}

record() {
	{
		echo "# $("${CC:-gcc}" --version | head -n 1)"
		echo "$(cat "$tree/.source")  $(basename "$source")"
		echo "$(sha256sum < "$fragment" | cut -d' ' -f1)  $(basename "$fragment")"
		echo "$(sha256sum < "$out/vmlinux" | cut -d' ' -f1)  vmlinux"
	} > "$out/vmlinux.sha256"
}

unpack
configure
build
record
