#!/bin/sh
# run.sh BUILD_DIR - the jailer as root, as a user, as a user who is refused user namespaces
# ("bare"), and with file capabilities ("helper"), with a probe for a monitor.
set -u
build=$1
here=$(dirname "$0")
user=65534

if ! [ -e /dev/kvm ]; then
	echo "skip jail: there is no /dev/kvm on this machine"
	exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
	echo "skip jail as root: started by a user"
	[ -w /dev/kvm ] || { echo "skip jail as user: /dev/kvm cannot be opened"; exit 0; }
	exec "$build/jail/test_jail" "$build" "$here/expected.user"
fi
failed=0
"$build/jail/test_jail" "$build" "$here/expected.root" || failed=1
as_user() {
	setpriv --reuid $user --regid $user --clear-groups --bounding-set=-all --inh-caps=-all \
		"$build/jail/test_jail" "$build" "$@" 9<> /dev/kvm || failed=1
}

# As the README installs it; in control groups that nobody else is in.  The jail is root's.
as_helper() {
	install -m 755 "$build/sandbox-jailer" "$build/jail/helper"
	setcap "$(sed -n 's/.*setcap \(cap_[^ ]*\) .*/\1/p' "$here/../../README.md")" "$build/jail/helper" ||
		{ echo "skip jail as helper: no file capabilities on this file system"; return; }
	for top in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/memory /sys/fs/cgroup/pids /sys/fs/cgroup/cpu; do
		[ -e $top/cgroup.procs ] && mkdir $top/jail-test-$$ && tops="${tops:-} $top/jail-test-$$"
	done
	sh -c 'for top in $1; do echo $$ > $top/cgroup.procs; done; shift; exec "$@"' in_groups "$tops" \
		"$build/jail/test_jail" "$build" "$here/expected.root" 9 "$build/jail/helper" $user 9<> /dev/kvm || failed=1
	rmdir $tops || { echo "FAIL helper: something is left in $tops"; failed=1; }
}

# A user who was handed the device: as after `sandbox run --kvm-fd`.
if setpriv --reuid $user --regid $user --clear-groups test -x "$build/jail/test_jail"; then
	as_user "$here/expected.user" 9
	as_user "$here/expected.bare" 9 bare
	if command -v setcap > /dev/null; then as_helper; else echo "skip jail as helper: needs setcap"; fi
else
	echo "skip jail as user: $build cannot be read by others"
fi
exit $failed
