#!/bin/sh
# What runs where there are no libraries asks for none: no interpreter, nothing NEEDED;
# and it is position-independent, with relocations read-only and no executable stack.
set -u
bad=0
for p in sandbox-vmm sandbox-jailer sandbox-net init; do
	f=$1/$p
	[ -e "$f" ] || { echo "$f is not built"; exit 1; }
	h=$(readelf -hldW "$f")
	echo "$h" | grep -q INTERP && { echo "$p asks for a loader"; bad=1; }
	echo "$h" | grep -q '(NEEDED)' && { echo "$p asks for a library"; bad=1; }
	echo "$h" | grep -q 'Type:.*DYN' || { echo "$p is not position-independent"; bad=1; }
	echo "$h" | grep -q GNU_RELRO || { echo "$p has no RELRO"; bad=1; }
	echo "$h" | grep -q 'GNU_STACK.*RWE' && { echo "$p has an executable stack"; bad=1; }
done
exit $bad
