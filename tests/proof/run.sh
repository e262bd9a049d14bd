#!/bin/sh
# run.sh - what Frama-C proves of each program here: no access outside of an object, no overflow
# of a signed number, no division by zero, for all the inputs that its main() allows.
#
# A proof is one without an alarm, of which every property is proven and nearly every statement reached.
set -u
cd "$(dirname "$0")/../.."
command -v frama-c > /dev/null || { echo "skip proof: needs frama-c (package frama-c-base)"; exit 0; }
log=$(mktemp); trap 'rm -f "$log"' EXIT

for program in tests/proof/*.c; do
	name=$(basename "$program" .c)
	frama-c -c11 -machdep gcc_x86_64 -eva -eva-precision 3 -eva-split-return full \
		-cpp-extra-args="-I$PWD" "$program" > "$log" 2>&1
	if grep -q ' 0 alarms generated' "$log" && grep -q '100% of the logical' "$log" &&
	   grep -q 'statements reached.*: \(9[5-9]\|100\)% coverage' "$log"; then
		echo "ok proof.$name"
	else
		echo "FAIL proof.$name: $(grep -E -A2 'alarm\]|aborted|coverage' "$log" | tr -s ' \n' ' ' | cut -c 1-300)"
	fi
done
