. "$(dirname "$0")/lib.sh"
mkdir -p "$T/root/bin"
cp "$(command -v busybox || echo /bin/busybox)" "$T/root/bin/busybox"
ln -s busybox "$T/root/bin/sh"; ln -s busybox "$T/root/bin/cat"
/sbin/mke2fs -q -t ext4 -d "$T/root" "$T/root.ext4" 16M || skip "no mke2fs: install e2fsprogs"
out=$("$SANDBOX" run --root "$T/root.ext4" -- /bin/sh -c 'echo on $(while read -r d m t o; do [ $m = / ] && echo $t; done < /proc/mounts | cat)')
case $out in *overlay*) ;; *) fail "output: $out" ;; esac
