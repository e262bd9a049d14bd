#!/bin/sh
# The code that a guest's bytes can reach is 6,500 lines at most, comments and blank lines aside:
# devices, exits and instruction completion in the monitor, messages and streams in the runner, frames and
# names in sandbox-net.
set -u
most=6500
n=$(cat virtio/*.[ch] vmm/arch/x86_64/soft*.[ch] vmm/arch/x86_64/exit.c lib/proto.[ch] lib/io.[ch] \
	lib/loop.[ch] lib/log.[ch] \
	$(printf 'vmm/%s.[ch] ' bus vcpu serial irq devices vm thread control) \
	$(printf 'runner/%s.[ch] ' session stdio broker console pump outcome facts) \
	$(printf 'runner/net/%s.[ch] ' relay egress frame dns resolve tell) |
	${CC:-cc} -fpreprocessed -dD -E -P -x c - 2> /dev/null | grep -c '[^[:space:]]')
[ "$n" -gt 3000 ] || { echo "$n lines: that is not all of it"; exit 1; }
[ "$n" -le $most ] || { echo "$n lines that a guest can reach, $most at most"; exit 1; }
