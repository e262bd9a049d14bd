# roots.sh - sourced by tests of roots, after lib.sh: a small root in $T/root, and an image in layers
# of it, as OCI layout and as docker-archive.
export XDG_DATA_HOME=$T/data
mkdir -p "$XDG_DATA_HOME"
images() { ls "$XDG_DATA_HOME/sandbox/images"/*.img 2> /dev/null; }

mkdir -p "$T/root/bin" "$T/root/etc" "$T/root/proc" "$T/root/sys" "$T/root/dev" "$T/root/tmp" "$T/root/run"
cp /bin/busybox "$T/root/bin/busybox"
for applet in sh cat ls stat md5sum test true id env pwd find sort head wc echo; do
	ln -s busybox "$T/root/bin/$applet"
done

# tar_of DIR ARGS...: a tar on stdout that is the same every time, of files that are root's.
tar_of() {
	dir=$1; shift
	tar -C "$dir" --sort=name --mtime=@1000000000 --owner=0 --group=0 --numeric-owner "$@" -cf - .
}

sum() { sha256sum < "$1" | cut -d ' ' -f 1; }

# layout DIR CONFIG LAYER...: an OCI layout of files that are layers already.
layout() {
	out=$1 config=$2; shift 2
	mkdir -p "$out/blobs/sha256"
	keep() { cp "$1" "$out/blobs/sha256/$(sum "$1")"; }
	descriptor() { printf '{"digest":"sha256:%s","size":%s}' "$(sum "$1")" "$(stat -c %s "$1")"; }
	keep "$config"
	{
		printf '{"schemaVersion":2,"config":%s,"layers":[' "$(descriptor "$config")"
		comma=
		for l; do keep "$l"; printf '%s%s' "$comma" "$(descriptor "$l")"; comma=,; done
		printf ']}'
	} > "$T/manifest"
	keep "$T/manifest"
	echo '{"imageLayoutVersion":"1.0.0"}' > "$out/oci-layout"
	for arch in arm64 amd64; do
		printf '{"digest":"sha256:%s","platform":{"os":"linux","architecture":"%s"}}' \
			"$(sum "$T/manifest")" $arch
	done | sed 's/}{/},{/; s/.*/{"schemaVersion":2,"manifests":[&]}/' > "$out/index.json"
}

# docker_archive FILE CONFIG LAYER...: the same as `docker save` has it.
docker_archive() {
	out=$1 config=$2; shift 2
	d=$T/docker.$$; rm -rf "$d"; mkdir "$d"
	name=$(sum "$config").json
	cp "$config" "$d/$name"
	members=$name list=
	for l; do
		id=$(sum "$l")
		mkdir -p "$d/$id"; cp "$l" "$d/$id/layer.tar"
		list="$list${list:+,}\"$id/layer.tar\""; members="$members $id"
	done
	printf '[{"Config":"%s","RepoTags":["x:y"],"Layers":[%s]}]' "$name" "$list" > "$d/manifest.json"
	tar -C "$d" -cf "$out" $members manifest.json
}
