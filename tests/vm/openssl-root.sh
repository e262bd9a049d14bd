#!/bin/sh
# openssl-root.sh OUT - a root image with this host's openssl, the libraries it asks for, and a
# busybox: a guest that checks certificates by its own clock.
set -eu
program=$(command -v openssl)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

# put FILE: under the same name, as what it is and not as a link.
put() { mkdir -p "$stage$(dirname "$1")"; cp -L "$1" "$stage$1"; }

mkdir -p "$stage/bin" "$stage/etc" "$stage/tmp"
cp "$(command -v busybox || echo /bin/busybox)" "$stage/bin/busybox"
for name in sh true cat; do ln -s busybox "$stage/bin/$name"; done
put "$program"
LD_TRACE_LOADED_OBJECTS=1 "$program" | grep -o '/[^ ]*' | while read -r file; do put "$file"; done
/sbin/mke2fs -q -t ext4 -d "$stage" "$1" 32M
