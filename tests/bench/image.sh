#!/bin/sh
# image.sh BUILD_DIR JSON_FILE - an image of a directory of $MB (300) MiB, in turns with mkfs.erofs
# alone on the same one; and of the same files as a tar.  Runs no machine.
set -eu
build=$1 json=$2 mb=${MB:-300} n=${N:-5}
here=$(cd "$(dirname "$0")" && pwd)
t=$(mktemp -d); trap 'rm -rf "$t"' EXIT
. "$here/lib.sh"
export XDG_DATA_HOME=$t/data
mkdir "$t/data" "$t/tree"

# As many files of this system as that, of all sizes; what mkfs.erofs does with a sparse one is no
# measure, and neither is what nobody has read before.
kib=$((mb * 1024))
find /usr/lib /usr/share /usr/include -xdev -type f -size -8192k -printf '%k %p\n' 2> /dev/null | sort -k 2 |
	awk -v most="$kib" '{ sum += $1; if (sum > most) exit; print substr($0, index($0, " ") + 1) }' |
	tar -cf - -T - 2> /dev/null | tar -C "$t/tree" -xf -
tar -C "$t/tree" -cf "$t/root.tar" .
cat "$t/root.tar" > /dev/null

# took FILE COMMAND...: a line with its milliseconds, by the clock and of processors
took() {
	out=$1; shift
	bash -c 'TIMEFORMAT="%R %U %S"; time "$@" > /dev/null 2>&1' sh "$@" 2>&1 |
		awk '{ print int($1 * 1000), int(($2 + $3) * 1000) }' >> "$t/$out"
}
for i in $(seq "$n"); do
	took mkfs mkfs.erofs "$t/plain.erofs" "$t/tree"
	rm "$t/plain.erofs"
	took dir "$build/sandbox" image build "$t/tree"
	rm -rf "$t/data/sandbox"
	took tar "$build/sandbox" image build "$t/root.tar"
	took again "$build/sandbox" image build "$t/root.tar"
	rm -rf "$t/data/sandbox"
done
wall() { cut -d ' ' -f 1 "$t/$1" | median; }
cpu() { cut -d ' ' -f 2 "$t/$1" | median; }

echo "an image of $(du -sm "$t/tree" | cut -f 1) MiB in $(find "$t/tree" -type f | wc -l) files, median of $n"
row image_mkfs_ms	"mkfs.erofs alone: wall (ms)" "$(wall mkfs)" "$(cpu mkfs) of processors"
row image_dir_ms	"sandbox image build, of the directory: wall (ms)" "$(wall dir)" "$(cpu dir) of processors"
row image_speed		"  as fast as mkfs.erofs (times)" "$(ratio "$(wall mkfs)" "$(wall dir)")" "by processor time $(ratio "$(cpu mkfs)" "$(cpu dir)")"
row image_tar_ms	"  of the same files as a tar: wall (ms)" "$(wall tar)" "$(cpu tar) of processors"
row image_again_ms	"  of a tar that was one before: wall (ms)" "$(wall again)" ""
save "$json"
