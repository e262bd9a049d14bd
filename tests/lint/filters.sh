#!/bin/sh
# What the monitor's threads may call after lock_down(): under thirty calls in all, five for
# a vcpu, and none that opens, connects, executes, starts or allocates; and what serve's
# HTTP process may not call.
set -u
bad=0
calls() { for f in "$@"; do sed -n 's/^\t{ "\([a-z0-9_]*\)".*/\1/p' "seccomp/$f.c"; done | sort -u; }
for main in loop save savable; do
	n=$(calls $main blk vcpu vcpu_soft | wc -l)
	[ "$n" -gt 5 ] && [ "$n" -lt 30 ] || { echo "the union of the filters with $main is $n calls"; bad=1; }
done
for f in vcpu vcpu_soft; do
	n=$(calls $f | wc -l)
	[ "$n" -le 5 ] || { echo "$f has $n calls"; bad=1; }
done
calls loop save savable blk vcpu vcpu_soft |
	grep -E '^(open|creat|socket|connect|bind|accept|exec|clone|fork|vfork|mmap|mremap|mprotect|brk)' &&
	{ echo "a call that has no place after lock_down()"; bad=1; }
calls pack | grep -E '^(open|creat|socket|connect|bind|accept|exec|clone|fork|vfork|mprotect|set|stat|lstat|newfstatat|kill|ptrace|unlink|link|rename)' &&
	{ echo "a call that has no place in the process that reads archives"; bad=1; }
calls http | grep -E '^(open|creat|socket|connect|bind|exec|clone|fork|vfork|mprotect|set|new.*stat|kill|ptrace)' |
	grep -v '^setsockopt$' && { echo "a call that has no place in the HTTP process"; bad=1; }
[ "$(calls net | wc -l)" -le 6 ] || { echo "net has more calls than it needs"; bad=1; }
exit $bad
