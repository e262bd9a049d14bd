#!/bin/sh
# run.sh BUILD_DIR [TEST...] - promises to the user, each a script named as a sentence.
#
# Two at a time; the ones that look at the whole host (marked "# alone") one by one, after.
# "# host-only" ones need the KVM of the test host, and run there; "# not-in-host" ones need
# what it does not have.  With TRACED=1 the calls of
# the program and of all it starts are written to BUILD_DIR/check/traces.
set -u
build=$(realpath "$1"); shift
here=$(dirname "$0")
export SANDBOX=$build/sandbox FAULTY=$build-faults/sandbox BUILD=$build
if [ -n "${TRACED:-}" ]; then
	export TRACES=$build/check/traces
	mkdir -p "$TRACES"
	for b in "$build" "$build-faults"; do
		[ ! -x "$b/sandbox" ] || install -D "$here/traced.sh" "$b/traced/sandbox"
	done
	SANDBOX=$build/traced/sandbox FAULTY=$build-faults/traced/sandbox
fi
# Templates are made by the tests themselves, once for all of them.
export XDG_CACHE_HOME=$build/check/cache
rm -rf "$XDG_CACHE_HOME"
mkdir -p "$XDG_CACHE_HOME"
export XDG_DATA_HOME=$build/check/data
rm -rf "$XDG_DATA_HOME"
mkdir -p "$XDG_DATA_HOME"
[ ! -e /dev/kvm ] || "$SANDBOX" run -- true > /dev/null 2>&1
[ $# -gt 0 ] || set -- "$here"/[0-9]*.sh

if [ ! -e /dev/kvm ]; then
	for t in "$@"; do echo "skip vm.$(basename "$t" .sh): no /dev/kvm on this machine"; done
	exit 0
fi

two=; lone=
for t in "$@"; do
	[ "${TEST_HOST:-}" ] && elsewhere='not-in-host' || elsewhere='host-only'
	if grep -q "^# $elsewhere" "$t"; then continue; fi
	if grep -q '^# alone' "$t"; then lone="$lone $t"; else two="$two $t"; fi
done
# The long ones have high numbers: started first, none of them is left to run by itself.
printf '%s\n' $two | sort -r | xargs -r -n 1 -P 2 sh "$here/one.sh"
printf '%s\n' $lone | xargs -r -n 1 sh "$here/one.sh"
