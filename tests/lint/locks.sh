#!/bin/sh
# No order of locks to get wrong: a device belongs to one loop, so what a guest reaches takes no
# lock.  There is one in the monitor, for the line that the serial port puts together; it is held
# over one write() and taken by nobody who holds another, for there is no other.
set -u
bad=0
words='pthread_(mutex|rwlock|spin|cond|barrier)|\bfutex\b|\bsem_(init|wait|post)|\b(mtx|cnd)_|flock|F_SETLKW?|__atomic_test_and_set|__sync_lock|atomic_flag'
found=$(grep -nE "$words" virtio/*.[ch] vmm/*.[ch] vmm/arch/*/*.[ch] lib/loop.[ch] | grep -v '^vmm/serial\.c:')
[ -z "$found" ] || { echo "a lock where a guest's accesses are served: $found"; bad=1; }

# The one that there is: taken in one place, and no function that takes it calls another that does.
n=$(grep -cE "$words" vmm/serial.c)
[ "$n" -eq 1 ] || { echo "vmm/serial.c has $n locks instead of 1"; bad=1; }
awk '
	/^[a-z].*\(.*\)$/ { name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name) }
	/^\tlock\(s\);/ { held = 1; takes[name] = 1; next }
	/^\tunlock\(s\);/ { held = 0 }
	held { body[name] = body[name] " " $0 }
	/^\}/ { if (held) { print name " returns with the lock"; bad = 1 } }
	END { for (f in body) for (t in takes) if (body[f] ~ "(^|[^a-z_])" t "\\(") {
			print f " holds the lock and calls " t; bad = 1 }
	      exit bad }' vmm/serial.c || bad=1

# Nor could a thread wait for one: no filter of the monitor's has the call.
for f in loop save savable blk vcpu vcpu_soft; do
	[ -e "seccomp/$f.c" ] || { echo "there is no seccomp/$f.c"; bad=1; }
	! grep -q '"futex' "seccomp/$f.c" || { echo "seccomp/$f.c allows futex"; bad=1; }
done
exit $bad
