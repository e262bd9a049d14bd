#!/bin/sh
# traced.sh - as traced/NAME beside a program NAME, is that program with every call of its
# processes written down in $TRACES, for ../seccomp/record.sh: filters in full, all else as
# numbers.  strace is its grandchild, so whoever started this has the program itself for a child.
dir=$(cd "$(dirname "$0")/.." && pwd)
exec strace -D -ff -q -e raw='!seccomp' -e abbrev='!seccomp' -e signal=none \
	-o "${TRACES:?}/$(date +%s%N).$$" "$dir/$(basename "$0")" "$@"
