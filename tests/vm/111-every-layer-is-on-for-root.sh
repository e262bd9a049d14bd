. "$(dirname "$0")/lib.sh"
[ "$(id -u)" -eq 0 ] || skip "not root"
status 0 "$SANDBOX" run --result "$T/r" -- true
for layer in userns pidns mountns netns ipcns utsns cgroupns empty-root rlimits cgroup-memory cgroup-pids \
	cgroup-cpu cgroup-kill own-uid no-caps securebits no-new-privs fd-table seccomp thread-seccomp ${LAYERS:-}; do
	jq -e --arg l $layer '.layers | index($l)' "$T/r" > /dev/null || fail "layer $layer was not on: $(jq -c .layers "$T/r")"
done
