#!/bin/sh
# run.sh BUILD_DIR - the jailer as root, as a user, and as a user who is refused user
# namespaces ("bare"), with a probe for a monitor.
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
# A user who was handed the device: as after `sandbox run --kvm-fd`.
if setpriv --reuid $user --regid $user --clear-groups test -x "$build/jail/test_jail"; then
	as_user "$here/expected.user" 9
	as_user "$here/expected.bare" 9 bare
else
	echo "skip jail as user: $build cannot be read by others"
fi
exit $failed
