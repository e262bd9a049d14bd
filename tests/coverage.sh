#!/bin/sh
# coverage.sh UNIT_BUILD FUZZ_BUILD - which lines the unit tests and the fuzzers' corpora run, of
# the code that reads what a guest or a stranger's file says.  Fails below $LEAST percent.
set -eu
unit=$1 fuzz=$2
LEAST=90
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT

for tool in llvm-profdata llvm-cov; do
	command -v $tool > /dev/null || { echo "coverage: there is no $tool: apt-get install llvm"; exit 1; }
done
export LLVM_PROFILE_FILE="$work/%p-%m.raw"
objects=
count() {		# the program, and its arguments
	objects="$objects -object $1"
	timeout 120 "$@" > "$work/log" 2>&1 || { cat "$work/log"; echo "coverage: $1 failed"; exit 1; }
}
for name in vq rings mmio blk net vsock flows state spec proto snapfile; do
	count "$unit/unit/test_$name"
done
for name in vq mmio blk net vsock together snap spec proto; do
	count "$fuzz/fuzz_$name" -runs=0 "tests/fuzz/corpus/$name"
done
llvm-profdata merge -o "$work/profile" "$work"/*.raw

# shellcheck disable=SC2086
llvm-cov report "$unit/unit/test_vq" -instr-profile="$work/profile" $objects virtio/*.c lib/spec.c lib/proto.c vmm/state.c \
	runner/snapfile.c > "$work/report"
awk -v least=$LEAST '
	/%/ { printf "%-24s %5d lines, %4d of them never run: %s\n", $1, $8, $9, $10; percent = $10 + 0 }
	END { if (percent < least) { print "coverage: below " least " percent"; exit 1 } }' "$work/report"
