#!/bin/sh
# The code that a guest's bytes can reach is 6,500 lines at most, comments and blank lines aside:
# devices, exits and instruction completion in the monitor, messages, streams and outputs in the
# runner.  What a guest with `--net user` reaches besides is a process of its own, 1,000 lines at most.
set -u

# no_more MOST WHAT FILE...
no_more() {
	most=$1 what=$2; shift 2
	n=$(cat "$@" | ${CC:-cc} -fpreprocessed -dD -E -P -x c - 2> /dev/null | grep -c '[^[:space:]]')
	[ "$n" -gt $((most / 2)) ] || { echo "$n lines of $what: that is not all of it"; exit 1; }
	[ "$n" -le "$most" ] || { echo "$n lines of $what that a guest can reach, $most at most"; exit 1; }
}

no_more 6500 "monitor and runner" virtio/*.[ch] vmm/arch/x86_64/soft*.[ch] vmm/arch/x86_64/exit.c \
	lib/proto.[ch] lib/io.[ch] lib/loop.[ch] lib/log.[ch] \
	$(printf 'vmm/%s.[ch] ' bus vcpu serial irq vm control) \
	$(printf 'runner/%s.[ch] ' session visitors stdio broker console pump outcome facts receive)
no_more 1000 sandbox-net $(printf 'runner/net/%s.[ch] ' relay egress frame dns resolve tell)
