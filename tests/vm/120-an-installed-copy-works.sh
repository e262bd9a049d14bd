# not-in-host: make install needs the source tree
. "$(dirname "$0")/lib.sh"
[ -f Makefile ] || skip "not in the source tree"
make -s install DESTDIR="$T/dest" PREFIX=/usr > "$T/log" 2>&1 || fail "make install: $(tail -n 3 "$T/log")"
status 9 "$T/dest/usr/bin/sandbox" run -- sh -c 'exit 9'
[ -s "$T/dest/usr/share/man/man1/sandbox.1" ] || fail "no man page"
[ ! -e "$T/dest/etc" ] || fail "something in /etc"
