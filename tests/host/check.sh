#!/bin/sh
# check.sh BUILD_DIR - the tests that need a complete KVM host: builds one, looks whether it
# is one, and runs the VM tests, the hostile guests and the jail in it.
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=$(realpath "$1")
host=$(dirname "$build")/test-host

for tool in mmdebstrap qemu-system-x86_64; do
	command -v $tool > /dev/null || { echo "skip host: needs $tool"; exit 0; }
done
sh "$here/build.sh" "$host" || { echo "FAIL host.build: see above"; exit 1; }
sh "$here/selftest.sh" "$host" || { echo "FAIL host.selftest: without a host no tests in it"; exit 1; }
mkdir -p "$build/check"
sh "$here/vm.sh" "$build" > "$build/check/host.out"
status=$?
sed 's/^\(ok\|FAIL\|skip\|note\) /&host./' "$build/check/host.out"
exit $status
