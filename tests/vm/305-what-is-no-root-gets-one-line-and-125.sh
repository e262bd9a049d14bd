. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/roots.sh"
build="$SANDBOX image build"
bad() { refused "$1" $build "$2"; [ -z "$(images)" ] || fail "an image was made of $2"; }

# One entry of any kind, made by hand: entry NAME TYPE LINK SIZE-FIELD [MAGIC]
entry() {
	printf '%-100.100s' "$1" | tr ' ' '\0' > "$T/h"
	printf '0000644\0%s\0%s\0%s\0%s\0        %s' 0000000 0000000 "$4" 00000000000 "$2" >> "$T/h"
	printf '%-100.100s' "$3" | tr ' ' '\0' >> "$T/h"
	printf 'ustar\00000%247s' '' | tr ' ' '\0' >> "$T/h"
	truncate -s 512 "$T/h"
	sum=$(od -An -v -tu1 -w1 "$T/h" | awk '{ s += $1 } END { printf "%06o", s }')
	printf '%s\0 ' "$sum" | dd of="$T/h" bs=1 seek=148 conv=notrunc status=none
	cat "$T/h"
}
end() { head -c 1024 /dev/zero; }

# names
{ entry ../outside 0 '' 00000000000; end; } > "$T/dots.tar";		bad "'../outside' has '..'" "$T/dots.tar"
{ entry a/../../x 0 '' 00000000000; end; } > "$T/dots2.tar";		bad "has '..'" "$T/dots2.tar"
{ entry loop 2 loop 00000000000; entry loop/x 0 '' 00000000000; end; } > "$T/loop.tar"
bad "too many symbolic links" "$T/loop.tar"
{ entry file 0 '' 00000000000; entry file/x 0 '' 00000000000; end; } > "$T/below.tar"
bad "below what is no directory" "$T/below.tar"
{ entry link 1 nothing 00000000000; end; } > "$T/hard.tar";		bad "hard link" "$T/hard.tar"
{ entry link 1 ../../etc/passwd 00000000000; end; } > "$T/hard2.tar";	bad "'..'" "$T/hard2.tar"
{ entry "$(printf 'two\nlines')" 1 gone 00000000000; end; } > "$T/nl.tar"; bad "'two?lines'" "$T/nl.tar"

# sizes
{ entry big 0 '' 77777777777; end; } > "$T/big.tar";			bad "big" "$T/big.tar"
head -c 3000000 /dev/zero > "$T/zeros"
tar -C "$T" -cf "$T/bomb.tar" zeros
refused --max-size $build --max-size 2M "$T/bomb.tar"
gzip -k "$T/bomb.tar"; refused --max-size $build --max-size 2M "$T/bomb.tar.gz"
truncate -s 200G "$T/hole"; tar -C "$T" -S -cf "$T/hole.tar" hole
$build -t hole "$T/hole.tar" > /dev/null || fail "a hole of 200 GiB is no bomb"
[ "$(du -m "$XDG_DATA_HOME" | tail -n 1 | cut -f 1)" -lt 10 ] || fail "the hole is none"
"$SANDBOX" image rm hole

# archives that are broken, of every kind, at several places
tar_of "$T/root" > "$T/good.tar"
for z in gzip xz zstd bzip2; do $z -k -q "$T/good.tar" || fail "no $z"; done
for f in good.tar good.tar.gz good.tar.xz good.tar.zst good.tar.bz2; do
	size=$(stat -c %s "$T/$f")
	[ $f = good.tar ] && last=300 || last=$((size - 700))	# its end is zeros only
	for part in 600 $((size / 2)) $((size / 1024 * 512)) $last; do
		head -c "$part" "$T/$f" > "$T/cut.$f"
		bad "cut.$f" "$T/cut.$f"
	done
	[ $f = good.tar ] && continue
	cp "$T/$f" "$T/bad.$f"
	head -c 64 /dev/urandom | dd of="$T/bad.$f" bs=1 seek=$((size / 2)) conv=notrunc status=none
	bad "bad.$f" "$T/bad.$f"
done
entry whole 0 '' 00000000000 > "$T/endless.tar";	bad "cut short" "$T/endless.tar"
: > "$T/empty";						bad "$T/empty" "$T/empty"
head -c 100000 /dev/urandom > "$T/noise";		bad "$T/noise" "$T/noise"
{ head -c 600 "$T/good.tar"; head -c 9000 /dev/urandom; } > "$T/noise.tar";	bad "noise.tar" "$T/noise.tar"
echo text | gzip > "$T/text.gz";			bad "text.gz" "$T/text.gz"
mkfifo "$T/pipe";					bad "$T/pipe" "$T/pipe"
bad "$T/none" "$T/none"
refused no-such-name "$SANDBOX" run --root no-such-name -- true

# images in layers
echo '{"config":{"Cmd":["sh"]}}' > "$T/config"
oci() { rm -rf "$T/oci"; layout "$T/oci" "$T/config" "$T/good.tar.gz"; }
oci; rm "$T/oci/blobs/sha256/$(sum "$T/good.tar.gz")";	bad "lacks its file" "$T/oci"
oci; f=$T/oci/blobs/sha256/$(sum "$T/good.tar.gz"); cp "$T/cut.good.tar.gz" "$f"; bad oci "$T/oci"
oci; printf x >> "$f";					bad "another content" "$T/oci"
oci; echo '{"manifests":[{"digest":"sha256:../../../etc/passwd"}]}' > "$T/oci/index.json"; bad "digest" "$T/oci"
oci; echo '{"manifests":[]}' > "$T/oci/index.json";	bad "no image for this machine" "$T/oci"
oci; echo '{"manifests":[{},{}]}' > "$T/oci/index.json"; bad "has 2 images" "$T/oci"
oci; echo 'rubbish' > "$T/oci/index.json";		bad "no JSON" "$T/oci"
oci; printf '%20000s' '' | tr ' ' '[' > "$T/oci/index.json"; bad "no JSON" "$T/oci"
oci; f=$T/oci/blobs/sha256/$(sum "$T/config"); rm "$f"; ln -s /etc/passwd "$f"; bad "lacks its file" "$T/oci"
docker_archive "$T/docker.tar" "$T/config" "$T/cut.good.tar"; bad docker.tar "$T/docker.tar"
echo '[{"Config":"nothing.json","Layers":["x"]}]' > "$T/manifest.json"
tar -C "$T" -cf "$T/lacks.tar" manifest.json;		bad "lacks its file 'nothing.json'" "$T/lacks.tar"

# The same by --root, and nothing of all that is left.
refused "'..'" "$SANDBOX" run --root "$T/dots.tar" -- true
refused COMMAND "$SANDBOX" run --root "$T/good.tar.gz"
"$SANDBOX" image ls | cut -d ' ' -f 5- | grep -q . && "$SANDBOX" image rm $("$SANDBOX" image ls | awk '{ print $4 }')
equal "$(find "$XDG_DATA_HOME" -type f)" "" "left in the store"
