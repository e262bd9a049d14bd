# An installed jailer with file capabilities, as the README has it; in the test host users are then refused
# user namespaces, and are in a control group that is not theirs.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" -eq 0 ] || skip "not root"
command -v setcap > /dev/null || skip "needs setcap"
chmod 755 "$T"; mkdir "$T/b" "$T/w"; chmod 755 "$T/b"; chmod 777 "$T/w"
cp "$SANDBOX" "$BUILD/sandbox-jailer" "$BUILD/sandbox-vmm" "$BUILD/init.cpio" "$BUILD/vmlinux-up" "$BUILD/base.erofs" "$T/b"
chgrp 65534 "$T/b/sandbox-jailer"; chmod 750 "$T/b/sandbox-jailer"
caps=cap_sys_admin,cap_setuid,cap_setgid,cap_setpcap,cap_dac_override
setcap $caps=p "$T/b/sandbox-jailer" || skip "no file capabilities on this file system"
if [ "${TEST_HOST:-}" ]; then
	sysctl -q kernel.unprivileged_userns_clone=0
	trap 'sysctl -q kernel.unprivileged_userns_clone=1; rm -rf "$T"' EXIT
fi
as_user() { setpriv --reuid 65534 --regid 65534 --clear-groups env XDG_CACHE_HOME="$T/w" "$@"; }
has() { jq -e --arg l "$1" '.layers | index($l)' "$T/w/r" > /dev/null; }

# /dev/kvm is for who may open it, whatever the jailer can; its group is the user's own affair.
[ -n "$(find /dev/kvm -perm -o+w)" ] ||
	refused "/dev/kvm: permission denied" as_user "$T/b/sandbox" run --cold -- true
for run in booted restored; do
	status 3 as_user "$T/b/sandbox" run --kvm-fd 9 --result "$T/w/r" -- sh -c 'id -u; exit 3' 9<> /dev/kvm > "$T/out"
	equal "$(cat "$T/out")" 1000 "uid in the guest"
	for layer in userns pidns mountns netns ipcns utsns cgroupns empty-root rlimits cgroup-kill own-uid no-caps securebits \
		no-new-privs fd-table seccomp thread-seccomp; do
		has $layer || fail "layer $layer was not on: $(jq -c .layers "$T/w/r")"
	done
done

# A runner that is killed with -9 leaves nothing.
as_user "$T/b/sandbox" run --kvm-fd 9 --result "$T/w/r" -- sh -c 'echo up; sleep 1000' 9<> /dev/kvm > "$T/out" &
until grep -q up "$T/out"; do sleep 0.1; done
runner=$(pgrep -f "$T/b/sandbox run" | head -n 1)
keeper=$(pgrep -P "$runner")
[ -n "$keeper" ] || fail "no keeper"
! as_user kill -9 "$keeper" 2> /dev/null || fail "the user can kill the keeper"
as_user kill -9 "$runner"
for _ in $(seq 100); do
	[ -e "/proc/$keeper" ] || break
	sleep 0.1
done
[ ! -e "/proc/$keeper" ] || fail "the keeper goes on"
equal "$(find /sys/fs/cgroup -name "sandbox-$keeper")" "" "control groups that are left"

as_user "$T/b/sandbox" doctor > "$T/doctor" 9<> /dev/kvm
grep -q 'ok *jailer *has file capabilities' "$T/doctor" || fail "doctor says: $(cat "$T/doctor")"
! grep -q 'weak *\(user namespaces\|cgroup\)' "$T/doctor" || fail "doctor says: $(cat "$T/doctor")"

# Without them the same user has less, and none of it is root's.
setcap -r "$T/b/sandbox-jailer"
status 3 as_user "$T/b/sandbox" run --cold --kvm-fd 9 --result "$T/w/r" -- sh -c 'exit 3' 9<> /dev/kvm
! has own-uid || fail "a uid of its own without any right to it"
[ -z "${TEST_HOST:-}" ] || ! has pidns || fail "namespaces, which users are refused"
