. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/roots.sh"
command -v getfattr > /dev/null || skip "no getfattr: install attr"
[ "$(id -u)" -eq 0 ] || skip "only root can give files to others"
r=$T/root
for f in $(LD_TRACE_LOADED_OBJECTS=1 getfattr | grep -o '/[^ ]*') "$(command -v getfattr)"; do
	mkdir -p "$r$(dirname "$f")"; cp -L "$f" "$r$f"
done
mkdir -p "$r/files/many" "$r/files/secret"
cd "$r/files" || exit 1
echo hello > plain; chmod 4751 plain; chown 1234:100000 plain; chmod 4751 plain
ln plain linked; ln -s ../files/plain link; mkfifo fifo; mknod null c 1 3
head -c 3000000 /dev/urandom > content
truncate -s 40M sparse; printf x | dd of=sparse bs=1 seek=20000000 conv=notrunc status=none
setfattr -n user.color -v blue content 2> /dev/null || skip "no user xattrs in $T"
setfattr -n security.sandbox -v tag content
touch "with
newline" 'ünïcödé' -- '-dash' "$(printf '\377latin')"
for i in $(seq 500); do echo "$i" > "many/a-file-with-a-name-$i"; done
chmod 700 secret; chmod 1777 many
touch -d '2001-02-03 04:05:06.789 UTC' plain
cd - > /dev/null || exit 1

tar -C "$r" --xattrs --xattrs-include='*' -S -cf "$T/root.tar" .
"$SANDBOX" image build -t dir "$r" > "$T/dir.id" || fail "no image of the directory"
"$SANDBOX" image build -t tar "$T/root.tar" > "$T/tar.id" || fail "no image of the tar"
cat > "$T/look" <<'END'
cd /files
find . | sort | md5sum
cat content many/* | md5sum
md5sum < sparse
stat -c '%n %a %u %g %s %h %Y' plain linked content sparse
stat -c '%n %a %u %g %h %Y' secret many
stat -c '%n %F %t %T' null fifo link
[ "$(stat -c %i plain)" = "$(stat -c %i linked)" ] && echo one file
cat link
getfattr -m - -d content
END
want=$(cd "$r/files" && sed 's/^cd .*//' "$T/look" | LC_ALL=C PATH="$r/bin:/usr/bin:/bin" sh)
for root in dir tar; do
	got=$("$SANDBOX" run --cold --user 0 --root $root -- sh -c "$(cat "$T/look")")
	[ "$got" = "$want" ] || fail "of the $root:
$(echo "$got" | diff - /dev/fd/3 3<<-END
$want
END
)"
done
