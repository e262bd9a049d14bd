#!/bin/sh
# run.sh BUILD_DIR [CASE...] - hostile guests against the monitor of that build, two at a
# time; cases.h says what each must find.
set -u
build=$1; shift
if [ ! -e "$build/guest/hostile.elf" ]; then
	echo "skip guest: no hostile guests for this architecture"
	exit 0
fi
[ $# -gt 0 ] || set -- $("$build/guest/launch" --list)
printf '%s\n' "$@" |
	xargs -n 1 -P 2 "$build/guest/launch" "$build/sandbox-vmm" "$build/guest/hostile.elf"
