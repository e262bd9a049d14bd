#!/bin/sh
# check.sh BUILD_DIR - the tests that need a complete KVM host: builds one, looks whether it
# is one, and runs the VM tests in it.
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=$(realpath "$1")
host=$(dirname "$build")/test-host

for tool in mmdebstrap qemu-system-x86_64; do
	command -v $tool > /dev/null || { echo "skip host: needs $tool"; exit 0; }
done
sh "$here/build.sh" "$host" || { echo "FAIL host.build: see above"; exit 1; }
sh "$here/selftest.sh" "$host" "$build"
sh "$here/vm.sh" "$build" | sed 's/^\(ok\|FAIL\|skip\) vm\./\1 host.vm./'
