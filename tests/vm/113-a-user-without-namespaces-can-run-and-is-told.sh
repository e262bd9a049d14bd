# Where user namespaces are refused, a user has filters, Landlock and limits: the result says so.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" -eq 0 ] || skip "handing over a descriptor needs one to hand over: run as root"
chmod 755 "$T"; mkdir "$T/b" "$T/w"; chmod 755 "$T/b"; chmod 777 "$T/w"
cp "$SANDBOX" "$BUILD/sandbox-jailer" "$BUILD/sandbox-vmm" "$BUILD/init.cpio" "$BUILD/vmlinux-up" "$BUILD/base.erofs" \
	"$BUILD/vm/bare" "$T/b"
as_user() { setpriv --reuid 65534 --regid 65534 --clear-groups env XDG_CACHE_HOME=/nowhere "$T/b/bare" "$@" 9<> /dev/kvm; }
status 3 as_user "$T/b/sandbox" run --kvm-fd 9 --result "$T/w/r" -- sh -c 'id -u; exit 3' > "$T/out"
equal "$(cat "$T/out")" 1000 "uid in the guest"
has() { jq -e --arg l "$1" '.layers | index($l)' "$T/w/r" > /dev/null; }
for layer in rlimits no-caps no-new-privs fd-table seccomp thread-seccomp; do
	has $layer || fail "layer $layer was not on: $(jq -c .layers "$T/w/r")"
done
for layer in userns pidns mountns netns ipcns utsns cgroupns empty-root securebits own-uid; do
	! has $layer || fail "layer $layer cannot have been on: $(jq -c .layers "$T/w/r")"
done
refused "require: userns cannot be had here" as_user "$T/b/sandbox" run --kvm-fd 9 --require userns -- true
as_user "$T/b/sandbox" doctor > "$T/doctor"
grep -q 'weak *user namespaces *cannot be made' "$T/doctor" || fail "doctor says: $(cat "$T/doctor")"
