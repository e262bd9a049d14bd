#!/bin/sh
# vm.sh BUILD_DIR [TEST...] - the VM tests (or those named) and the hostile guests, run in the
# test host against the products of BUILD_DIR.  Says what they say; their logs are
# afterwards in BUILD_DIR/check/host.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/stage.sh"
tests=$(dirname "$here")
build=$(realpath "$1")
shift
name=$(basename "$build")
stock=
host=$(dirname "$build")/test-host
job=$(mktemp -d)
trap 'rm -rf "$job"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Debian's stock kernel as a guest, with an initramfs of the modules it needs to find its disks.
stage_stock_kernel() {
	mkdir "$job/stock"
	cp "$host/vmlinuz" "$job/stock"
	sh "$tests/../rootfs/module-initrd.sh" "$host"/modules/* "$job/stock/modules.cpio" &&
		stock='STOCK_KERNEL=/job/stock/vmlinuz STOCK_INITRD=/job/stock/modules.cpio'
}

sh "$here/build.sh" "$host" >&2 || exit 125
stage_build "$build" "$job"
[ ! -d "$build-faults" ] || stage_build "$build-faults" "$job"
[ ! -d "$build/guest" ] || cp -R "$build/guest" "$job/build/$name/"
[ ! -e "$tests/../rootfs/module-initrd.sh" ] || stage_stock_kernel || exit 125
mkdir "$job/tests"
cp -R "$tests/vm" "$tests/guest" "$job/tests"

parts=vm
[ $# -gt 0 ] || parts='vm guest'
{
	cat <<-END
		cd /job
		mkdir -m 1777 tmp
		export TMPDIR=/job/tmp TEST_HOST=1 CPUS=4 CAT_BYTES=${CAT_BYTES:-1G} LAYERS=${LAYERS-landlock}
		export RUNS=${RUNS:-4} AT_ONCE=${AT_ONCE:-8} TEST_TIMEOUT=${TEST_TIMEOUT:-900}
		export $stock
		for part in $parts; do
			sh tests/\$part/run.sh build/$name \\
	END
	for test in "$@"; do
		quoted "tests/vm/$(basename "$test")"
	done | sed '/^$/d'
	cat <<-END

		done
		cp -R build/$name/check out/
	END
} > "$job/run.sh"

sh "$here/run.sh" "$host" "$job" "${HOST_TIMEOUT:-3600}"
status=$?
mkdir -p "$build/check"
rm -rf "$build/check/host"
cp -R "$job/out/check" "$build/check/host" 2> /dev/null
exit $status
