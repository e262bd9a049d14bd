#!/bin/sh
# kernel.sh OUTDIR NAME - build a guest kernel: OUTDIR/NAME and OUTDIR/NAME.sha256, where
# NAME is vmlinux, or vmlinux-up for machines with one processor.
#
# Debian's kernel source, unmodified, configured by a fragment on allnoconfig; for NAME-up
# the lines of a second fragment take the place of the first one's.  A line that did not
# take effect is an error.  The source stays in OUTDIR/linux and the objects beside it, so that
# a changed option rebuilds only what it touches.  The result depends on nothing but the
# source, the fragments and the compiler.
set -eu

fail() { echo "kernel.sh: $*" >&2; exit 1; }

[ $# = 2 ] || fail "usage: kernel.sh OUTDIR NAME"
arch=${ARCH:-$(uname -m)}
here=$(cd "$(dirname "$0")" && pwd)
fragment=${KERNEL_FRAGMENT:-$here/kernel-$arch.config}
source=${KERNEL_SOURCE:-/usr/src/linux-source-6.1.tar.xz}
name=$2
[ -f "$fragment" ] || fail "no configuration for $arch: $fragment"
[ -f "$source" ] || fail "no $source: apt-get install linux-source-6.1"
mkdir -p "$1"
out=$(cd "$1" && pwd)
tree=$out/linux objects=$out/linux-$name

export KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 1970'
export KBUILD_BUILD_USER=sandbox KBUILD_BUILD_HOST=sandbox KBUILD_BUILD_VERSION=1
export LC_ALL=C

# Our own make must not hand its flags down: the kernel's Makefile means others by them.
unset MAKEFLAGS MAKELEVEL MFLAGS
kmake() {
	make -C "$tree" O="$objects" -s -j "${JOBS:-$(nproc)}" ARCH="$arch" "$flags" "$@"
}

# One object clears a megabyte of .bss in code that gcc makes small: byte by byte, half a
# second where every step of a `rep` is emulated.  By words it is an eighth of that.
flags=CFLAGS_head64.o=-mstringop-strategy=rep_8byte
[ "$arch" = x86_64 ] || flags=

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

# The lines to hold: the fragment's, but for options that the variant's fragment names.
compose() {
	mkdir -p "$objects"
	cp "$fragment" "$objects/fragment"
	more=${fragment%.config}-${name#vmlinux-}.config
	[ "$name" != vmlinux ] || return 0
	[ -f "$more" ] || fail "no $more"
	for option in $(sed -n 's/^\(CONFIG_[A-Z0-9_]*\)=.*/\1/p' "$more"); do
		sed -i "/^$option=/d" "$objects/fragment"
	done
	cat "$more" >> "$objects/fragment"
}

configure() {
	kmake allnoconfig KCONFIG_ALLCONFIG="$objects/fragment" > /dev/null
	kmake olddefconfig > /dev/null
	check_config || fail "the fragment does not hold, see above"
}

# Every line as it stands; `=n` means that the option exists and is off.
check_config() {
	find "$tree" -name 'Kconfig*' -exec \
		sed -n 's/^[[:space:]]*\(menu\)\{0,1\}config[[:space:]]\{1,\}\([A-Z0-9_a-z]*\).*/\2/p' {} + |
		sort -u > "$objects/kconfig-names"
	bad=0
	while read -r line; do
		case $line in CONFIG_*=*) ;; *) continue ;; esac
		option=${line%%=*}
		if ! grep -qx "${option#CONFIG_}" "$objects/kconfig-names"; then
			echo "kernel.sh: $option: this kernel has no such option" >&2; bad=1
		elif [ "${line#*=}" = n ]; then
			! grep -q "^$option=" "$objects/.config" ||
				{ echo "kernel.sh: $option is on" >&2; bad=1; }
		elif ! grep -qxF "$line" "$objects/.config"; then
			echo "kernel.sh: $line did not take" >&2; bad=1
		fi
	done < "$objects/fragment"
	rm "$objects/kconfig-names"
	return $bad
}

# The notes stay: one of them is the PVH entry point.
build() {
	echo "kernel.sh: building $name, a few minutes the first time" >&2
	kmake vmlinux
	strip --strip-all -o "$out/$name.new" "$objects/vmlinux"
	readelf -n "$out/$name.new" 2>/dev/null | grep -q Xen || fail "$name has no PVH note"
	mv "$out/$name.new" "$out/$name"
}

record() {
	{
		echo "# $("${CC:-gcc}" --version | head -n 1)"
		echo "$(cat "$tree/.source")  $(basename "$source")"
		echo "$(sha256sum < "$objects/fragment" | cut -d' ' -f1)  configuration"
		echo "$(sha256sum < "$out/$name" | cut -d' ' -f1)  $name"
	} > "$out/$name.sha256"
}

unpack
compose
configure
build
record
