#!/bin/sh
# clones.sh BUILD_DIR JSON_FILE - $CLONES (200) clones of one snapshot, four at a time, each with
# 32 bytes of its /dev/urandom: how many of them are different, and what a run takes.
set -eu
build=$(realpath "$1") json=$2 n=${CLONES:-200}
here=$(cd "$(dirname "$0")" && pwd)
t=$(mktemp -d); trap 'rm -rf "$t"' EXIT
. "$here/lib.sh"

"$build/sandbox" snapshot take --template "$t/snap"
seq "$n" | xargs -P 4 -I% "$build/sandbox" run --from "$t/snap" --result "$t/r.%" -- \
	sh -c 'echo $(head -c 32 /dev/urandom | od -An -v -tx1 | tr -d " \n")' > "$t/bytes"
echo "$n clones of one snapshot"
row clones "clones that wrote 32 bytes" "$(grep -cE '^[0-9a-f]{64}$' "$t/bytes")" ""
row clones_different "  all different" "$(sort -u "$t/bytes" | wc -l)" ""
row clone_wall_us "  a run, four at a time: wall, median (us)" "$(cat "$t"/r.* | jq .phases_us.total | median)" ""
save "$json"
