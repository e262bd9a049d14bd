#!/bin/sh
# vm.sh BUILD_DIR [TEST...] - the VM tests (or those named), the hostile guests and the jail, run in the
# test host against the products of BUILD_DIR.  Says what they say; their logs are
# afterwards in BUILD_DIR/check/host.
#
# A few tests a job, each job in a host of its own, and as many hosts at once as there are
# processors: one keeps one busy.  The emulated host is the weakest part: where it fails, not a
# test, the job is done again in a new one, ATTEMPTS times at most, and a line "note" says so.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/stage.sh"
tests=$(dirname "$here")
build=$(realpath "$1")
shift
name=$(basename "$build")
stock=
host=$(dirname "$build")/test-host
logs=$build/check/host
ATTEMPTS=3
JOB_TESTS=6
AT_MOST=4			# hosts at once, of 3 GiB each
work=$(mktemp -d)
job=$work/job			# what all jobs have in common
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Debian's stock kernel as a guest, with an initramfs of the modules it needs to find its disks.
stage_stock_kernel() {
	mkdir "$job/stock"
	cp "$host/vmlinuz" "$job/stock"
	sh "$tests/../rootfs/module-initrd.sh" "$host"/modules/* "$job/stock/modules.cpio" &&
		stock='STOCK_KERNEL=/job/stock/vmlinuz STOCK_INITRD=/job/stock/modules.cpio'
}

# write_job PART [TEST...]: what the host is to run.
write_job() {
	part=$1
	shift
	cat <<-END
		cd /job
		mkdir -m 1777 tmp
		mkdir -p build/$name/check
		export TMPDIR=/job/tmp TEST_HOST=1 CPUS=4 CAT_BYTES=${CAT_BYTES:-1G} LAYERS=${LAYERS-landlock}
		export TRACED=${TRACED:-} RUNS=${RUNS:-4} AT_ONCE=${AT_ONCE:-8} TEST_TIMEOUT=${TEST_TIMEOUT:-900}
		export $stock
		sh tests/$part/run.sh build/$name $*
		status=\$?
		cp -R build/$name/check out/
		exit \$status
	END
}

# run_job SLOT PART [TEST...]: its verdicts come out once it has reached its end.
run_job() {
	slot=$1
	shift
	write_job "$@" > "$slot/run.sh"
	for attempt in $(seq $ATTEMPTS); do
		sh "$here/run.sh" "$host" "$slot" "${HOST_TIMEOUT:-1800}" > "$slot.verdicts"
		status=$?
		[ $status -eq 125 ] || break
		echo "note job: attempt $attempt of $ATTEMPTS, the emulated host failed during: $*"
	done
	cat "$slot.verdicts"
	cp -R "$slot/out/check/." "$logs" 2> /dev/null
	[ $status -eq 0 ] || { echo "FAIL job: status $status from: $*"; touch "$work/failed"; }
}

# Who renames a job's file has the job.
take_jobs() {
	slot=$work/slot.$1
	cp -al "$job" "$slot"
	for waiting in "$work"/waiting.*; do
		mv "$waiting" "$slot.words" 2> /dev/null || continue
		run_job "$slot" $(cat "$slot.words")
	done
}

mkdir "$job"
sh "$here/build.sh" "$host" >&2 || exit 125
stage_build "$build" "$job"
[ ! -d "$build-faults" ] || stage_build "$build-faults" "$job"
for programs in guest vm jail; do
	[ ! -d "$build/$programs" ] || cp -R "$build/$programs" "$job/build/$name/"
done
[ ! -e "$tests/../rootfs/module-initrd.sh" ] || stage_stock_kernel || exit 125
mkdir "$job/tests"
cp -R "$tests/vm" "$tests/guest" "$tests/jail" "$job/tests"
cp -R "$tests/../docs" "$tests/../contrib" "$tests/../README.md" "$job"
rm -rf "$logs"
mkdir -p "$logs"

if [ $# -eq 0 ]; then
	for part in guest jail; do echo $part > "$work/waiting.$part"; done
	set -- "$tests"/vm/[0-9]*.sh
fi
jobs=0
while [ $# -gt 0 ]; do
	words=vm
	for i in $(seq $JOB_TESTS); do
		[ $# -gt 0 ] || break
		words="$words tests/vm/$(basename "$1")"
		shift
	done
	jobs=$((jobs + 1))
	echo "$words" > "$work/waiting.$(printf %03d $jobs)"
done
for i in $(seq "$(nproc)" | head -n $AT_MOST); do take_jobs "$i" & done
wait
[ ! -e "$work/failed" ]
