. "$(dirname "$0")/lib.sh"
status 0 "$SANDBOX" run --explain --disk "$BUILD/base.erofs:ro" -- true > "$T/out" 2> "$T/err"
equal "$(cat "$T/err")" "" stderr
for word in pivot_root cgroup no_new_privs execveat vsock vdb virtio_mmio.device KVM_RUN preadv; do
	grep -q "$word" "$T/out" || fail "the plan does not say $word: $(cat "$T/out")"
done
strace -f -e trace=clone,clone3,ioctl -o "$T/trace" "$SANDBOX" run --explain -- true > /dev/null 2>&1 ||
	skip "no strace to see that nothing is started"
! grep -q KVM_CREATE_VM "$T/trace" || fail "a machine was made"
