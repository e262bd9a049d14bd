#!/bin/sh
# copy.sh BUILD_DIR JSON_FILE - what --copy-in takes to make its image, beside cp and mkfs.erofs of the
# same tree, in turns: $SIZE_M (1024) MiB in eight files, and $FILES (20000) small ones.  The machine
# is not part of it: --explain stops before that.
set -eu
build=$(realpath "$1") json=$2 n=${N:-3} size=${SIZE_M:-1024} files=${FILES:-20000}
t=$(mktemp -d -p "${TMPDIR:-/var/tmp}"); trap 'rm -rf "$t"' EXIT
. "$(dirname "$0")/lib.sh"
command -v mkfs.erofs > /dev/null || { echo "copy-in: not measured, there is no mkfs.erofs"; exit 0; }

mkdir -p "$t/large" "$t/small"
for i in 1 2 3 4 5 6 7 8; do head -c $((size / 8))M /dev/urandom > "$t/large/$i"; done
seq 0 $((files / 200)) | sed "s,^,$t/small/," | xargs mkdir -p
seq "$files" | awk -v d="$t/small" '{ f = d "/" int($1 / 200) "/" $1; print "a small file, number " $1 > f; close(f) }'

now() { date +%s%N; }
ms() { echo $((($2 - $1) / 1000000)); }
for tree in large small; do
	for i in $(seq "$n"); do
		a=$(now)
		cp -r "$t/$tree" "$t/copy"
		mkfs.erofs --quiet "$t/image" "$t/copy" > /dev/null 2>&1
		b=$(now)
		rm -rf "$t/copy" "$t/image"
		c=$(now)
		TMPDIR=$t "$build/sandbox" run --explain --copy-in "$t/$tree" -- true > /dev/null
		d=$(now)
		ms "$a" "$b" >> "$t/$tree.tools"; ms "$c" "$d" >> "$t/$tree.ours"
	done
	tools=$(median < "$t/$tree.tools") ours=$(median < "$t/$tree.ours")
	row "copy_in_${tree}_ms" "--copy-in, $tree files: until the image is there (ms)" "$ours" \
		"cp and mkfs.erofs $tools, ratio $(ratio "$ours" "$tools")"
	row "copy_tools_${tree}_ms" "  cp and mkfs.erofs of it (ms)" "$tools" ""
done
save "$json"
