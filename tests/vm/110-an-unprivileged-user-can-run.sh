# With nothing but a descriptor of /dev/kvm: the jail is a user namespace then.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" -eq 0 ] || skip "handing over a descriptor needs one to hand over: run as root"
chmod 755 "$T"; mkdir "$T/b"; chmod 755 "$T/b"
cp "$SANDBOX" "$BUILD/sandbox-jailer" "$BUILD/sandbox-vmm" "$BUILD/init.cpio" "$BUILD/vmlinux-up" "$BUILD/base.erofs" "$T/b"
mkdir "$T/w"; chmod 777 "$T/w"
status 3 setpriv --reuid 65534 --regid 65534 --clear-groups \
	"$T/b/sandbox" run --kvm-fd 9 --result "$T/w/r" -- sh -c 'id -u; exit 3' 9<> /dev/kvm > "$T/out"
equal "$(cat "$T/out")" 1000 "uid in the guest"
for layer in userns pidns mountns netns ipcns utsns empty-root no-caps no-new-privs fd-table seccomp thread-seccomp; do
	jq -e --arg l $layer '.layers | index($l)' "$T/w/r" > /dev/null || fail "layer $layer was not on: $(jq -c .layers "$T/w/r")"
done
