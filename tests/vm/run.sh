#!/bin/sh
# run.sh BUILD_DIR [TEST...] - promises to the user, each a script named as a sentence.
#
# Two at a time; the ones that look at the whole host (marked "# alone") one by one, after.
# "# host-only" ones need the KVM of the test host, and run there.
set -u
build=$(realpath "$1"); shift
here=$(dirname "$0")
export SANDBOX=$build/sandbox FAULTY=$build-faults/sandbox BUILD=$build
# Templates are made by the tests themselves, once for all of them.
export XDG_CACHE_HOME=$build/check/cache
rm -rf "$XDG_CACHE_HOME"
mkdir -p "$XDG_CACHE_HOME"
[ ! -e /dev/kvm ] || "$SANDBOX" run -- true > /dev/null 2>&1
[ $# -gt 0 ] || set -- "$here"/[0-9]*.sh

one() {
	name=$(basename "$1" .sh)
	log=$build/check/$name.log
	began=$(date +%s)
	timeout -k 5 "${TEST_TIMEOUT:-300}" sh "$1" > "$log" 2>&1 < /dev/null
	case $? in
	0)	echo "ok vm.$name" ;;
	77)	echo "skip vm.$name: $(sed -n 's/^skip: //p' "$log" | head -n 1)" ;;
	124)	echo "FAIL vm.$name: timed out" ;;
	*)	echo "FAIL vm.$name: $(tail -n 4 "$log" | paste -s -d '|') (see $log)" ;;
	esac
	echo "took $(($(date +%s) - began)) s" >> "$log"
}

if [ ! -e /dev/kvm ]; then
	for t in "$@"; do echo "skip vm.$(basename "$t" .sh): no /dev/kvm on this machine"; done
	exit 0
fi

two=; lone=
for t in "$@"; do
	if grep -q '^# host-only' "$t" && [ -z "${TEST_HOST:-}" ]; then continue; fi
	if grep -q '^# alone' "$t"; then lone="$lone $t"; else two="$two $t"; fi
done
i=0
for t in $two; do
	one "$t" &
	i=$((i + 1))
	[ $((i % 2)) -eq 0 ] && wait
done
wait
for t in $lone; do one "$t"; done
