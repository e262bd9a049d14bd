. "$(dirname "$0")/lib.sh"
status 0 "$SANDBOX" doctor > "$T/out"
for word in kvm user.namespaces cgroup Landlock tun passt KSM SMT memory; do
	grep -qi "$word" "$T/out" || fail "doctor says nothing of $word: $(cat "$T/out")"
done
status 1 unshare -m sh -c 'mount -t tmpfs none /dev && exec "$@"' - "$SANDBOX" doctor > /dev/null
