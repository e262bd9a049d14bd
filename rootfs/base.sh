#!/bin/sh
# base.sh OUT - the root image for runs that name none: Debian's static busybox, the few
# files that programs look for, and user 1000.
#
# An uncompressed erofs: a guest reads pages of it as they are.  Needs no root (fakeroot
# stands in, so that /home/user can belong to its user), and the same busybox gives the
# same bytes: times, uuid and order are fixed.
set -eu

fail() { echo "base.sh: $*" >&2; exit 1; }

[ $# = 1 ] || fail "usage: base.sh OUT"
busybox=${BUSYBOX:-/bin/busybox}
for tool in mkfs.erofs fakeroot "$busybox"; do
	command -v "$tool" > /dev/null ||
		fail "no $tool: apt-get install erofs-utils fakeroot busybox-static"
done
[ -z "$(readelf -l "$busybox" | grep INTERP)" ] ||
	fail "$busybox is not static: apt-get install busybox-static"

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
umask 022
cd "$stage"

# One directory of programs under all its names, as Debian has it.
mkdir -p usr/bin usr/lib usr/local/bin etc home/user root var/tmp var/log var/lib mnt opt srv \
	dev proc sys tmp run
chmod 1777 tmp var/tmp
chmod 700 root
ln -s usr/bin bin
ln -s usr/bin sbin
ln -s usr/lib lib
ln -s bin usr/sbin
ln -s ../run var/run
install -m 755 "$busybox" usr/bin/busybox
"$busybox" --list | while read -r applet; do
	[ "$applet" = busybox ] || ln -s busybox "usr/bin/$applet"
done

cat > etc/passwd <<'END'
root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/bin/false
user:x:1000:1000:user:/home/user:/bin/sh
END
cat > etc/group <<'END'
root:x:0:
tty:x:5:
nogroup:x:65534:
user:x:1000:
END
cat > etc/hosts <<'END'
127.0.0.1	localhost
::1		localhost
END
cat > etc/nsswitch.conf <<'END'
passwd: files
group: files
hosts: files dns
END
cat > etc/profile <<'END'
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
PS1='\u@\h:\w\$ '
END
cat > etc/os-release <<'END'
ID=sandbox
NAME="sandbox base"
PRETTY_NAME="sandbox base image (busybox)"
END
: > etc/resolv.conf
echo sandbox > etc/hostname

case $1 in /*) out=$1 ;; *) out=$OLDPWD/$1 ;; esac
mkdir -p "$(dirname "$out")"
fakeroot -- sh -ec '
	chown -R 0:0 .
	chown -R 1000:1000 home/user
	mkfs.erofs --quiet -x-1 -T 0 -U 5a4d0b0c-0000-4000-8000-000000000001 "$1" .
' sh "$out.new" > "$stage.log" 2>&1 || { cat "$stage.log" >&2; rm -f "$stage.log"; fail "mkfs.erofs failed"; }
rm -f "$stage.log"
mv "$out.new" "$out"
