. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/roots.sh"
r=$T/root
mkdir -p "$r/gone/deep" "$r/kept" "$r/opaque/sub" "$r/data" "$r/usr/lib"
echo 1 > "$r/gone/deep/x"; echo 1 > "$r/kept/old"; echo 1 > "$r/kept/replaced"; echo 1 > "$r/opaque/sub/low"
echo 1 > "$r/opaque/low"; ln -s usr/lib "$r/lib"; echo 1 > "$r/data/a"; ln "$r/data/a" "$r/data/b"
head -c 300000 /dev/urandom > "$r/large"
for i in $(seq 100); do : > "$r/data/f$i"; done
tar_of "$r" > "$T/l1"

mkdir -p "$T/two/kept" "$T/two/opaque/sub" "$T/two/lib"
cd "$T/two" || exit 1
: > .wh.gone; : > kept/.wh.old; echo 2 > kept/replaced; : > opaque/.wh..wh..opq; echo 2 > opaque/sub/high
echo 2 > lib/through; echo 2 > large; : > kept/.wh.never-there
cd - > /dev/null || exit 1
tar -C "$T/two" --mtime=@1000000000 --owner=0 --group=0 -cf "$T/l2" .wh.gone kept opaque lib/through large
mkdir -p "$T/three/data"; echo 3 > "$T/three/data/c"
tar_of "$T/three" | gzip -n > "$T/l3"

cat > "$T/config" <<'END'
{"architecture":"amd64","os":"linux","config":{"Env":["PATH=/bin","COLOR=blue","SIZE=1"],
"WorkingDir":"/data","User":"1234:5678","Entrypoint":["sh","-c"],"Cmd":["echo default; pwd"]}}
END
# A history longer than any, which nobody needs.
jq --arg long "$(head -c 100000 /dev/zero | tr '\0' x)" '.history = [($long * 4)]' "$T/config" > "$T/long"
mv "$T/long" "$T/config"
layout "$T/oci" "$T/config" "$T/l1" "$T/l2" "$T/l3"
docker_archive "$T/docker.tar" "$T/config" "$T/l1" "$T/l2" "$T/l3"
tar -C "$T/oci" -cf "$T/oci.tar" oci-layout index.json blobs
zstd -q "$T/docker.tar" -o "$T/docker.tar.zst"
for s in oci docker.tar oci.tar docker.tar.zst; do
	"$SANDBOX" image build -t "$s" "$T/$s" > /dev/null || fail "no image of $s"
done
[ "$(images | wc -l)" -eq 4 ] || fail "not four images: $(images)"
[ "$(images | xargs -n 1 sha256sum | cut -c 1-64 | sort -u | wc -l)" -eq 1 ] || fail "the four images differ"

run() { "$SANDBOX" run --root docker.tar "$@"; }
out=$(run) || fail "with its own command: $?"
equal "$out" "default
/data" "the image's command"
out=$(run --env SIZE=2 -- 'id -u; id -g; echo $COLOR $SIZE; cat a c; cat /kept/replaced /lib/through /opaque/sub/high
	[ "$(stat -c %i a)" = "$(stat -c %i b)" ] && echo linked
	cat /large
	ls -d /gone /kept/old /opaque/low /opaque/sub/low /kept/.wh.old /opaque/.wh..wh..opq 2> /dev/null')
equal "$out" "1234
5678
blue 2
1
3
2
2
2
linked
2" "arguments for the entrypoint"
equal "$(run --entrypoint echo --workdir / -- one two)" "one two" "another entrypoint"
equal "$(run --entrypoint '' --user 0 -- id -u)" 0 "no entrypoint"
"$SANDBOX" image inspect oci | jq -e '.config.env[1] == "COLOR=blue" and .kind == "layout"' > /dev/null ||
	fail "inspect: $("$SANDBOX" image inspect oci)"
