#!/bin/sh
# demo.sh BUILD_DIR -- ARG... - `sandbox ARG...` on a machine without /dev/kvm: inside the test
# host, as root.  stdin, stdout, stderr and the status are the program's; files it
# leaves in its working directory come back to this one.  Files from here are not there.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/stage.sh"
[ $# -ge 2 ] && [ "$2" = -- ] || { echo "usage: demo.sh BUILD_DIR -- ARG..." >&2; exit 2; }
build=$(realpath "$1")
shift 2
host=$(dirname "$build")/test-host
job=$(mktemp -d)
trap 'rm -rf "$job"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

sh "$here/build.sh" "$host" >&2 || exit 125
echo "test host: no KVM of this machine's own is used, the next lines come from a KVM host inside QEMU" >&2
stage_build "$build" "$job"
{
	echo 'cd /job/out'
	echo "exec '/job/build/$(basename "$build")/sandbox' \\"
	quoted "$@"
} > "$job/run.sh"
[ -t 0 ] && input= || input=-i
sh "$here/run.sh" $input "$host" "$job" 86400
status=$?
cp -R "$job/out/." . 2> /dev/null
exit $status
