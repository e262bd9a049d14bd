# alone, for it asks for the only monitor there is
# host-only: the profiles are of the programs where `make install` puts them, and this host is thrown away.
. "$(dirname "$0")/lib.sh"
[ "$(cat /sys/module/apparmor/parameters/enabled 2> /dev/null)" = Y ] || skip "no AppArmor on this host"
bin=/usr/local/bin lib=/usr/local/libexec/sandbox share=/usr/local/share/sandbox
mkdir -p $bin $lib $share
trap 'rm -rf "$T" $bin/sandbox $lib $share' EXIT
cp "$SANDBOX" $bin; cp "$BUILD/sandbox-jailer" "$BUILD/sandbox-vmm" $lib
cp "$BUILD/init.cpio" "$BUILD/vmlinux" "$BUILD/vmlinux-up" "$BUILD/base.erofs" $share
apparmor_parser -K -r contrib/apparmor/sandbox || fail "the profiles cannot be loaded"
unset XDG_CACHE_HOME
chmod 755 "$T"; mkdir "$T/w"; chmod 777 "$T/w"

# confined COMMAND...: runs, from a template too; and while it runs, jailer and monitor are confined.
confined() {
	for run in booted restored; do
		status 5 "$@" run --result "$T/w/r" -- sh -c 'echo out; exit 5' > "$T/out"
		equal "$(cat "$T/out")" out "$* $run: output"
	done
	equal "$(result "$T/w/r" .start)" warm "$*: how it started"
	rm "$T/w/r"
	"$@" run -- sh -c 'echo up; sleep 1000' > "$T/out" 2> /dev/null &
	until grep -q up "$T/out"; do sleep 0.1; done
	monitor=$(pgrep -x sandbox-vmm)
	keeper=$(ps -o ppid= -p "$monitor" | tr -d ' ')
	equal "$(cat "/proc/$monitor/attr/current")" "sandbox-jailer//&sandbox-vmm (enforce)" "$*: the monitor's profile"
	equal "$(cat "/proc/$keeper/attr/current")" "sandbox-jailer (enforce)" "$*: the keeper's profile"
	kill -9 "$(ps -o ppid= -p "$keeper" | tr -d ' ')"
	while [ -e "/proc/$keeper" ]; do sleep 0.1; done
	equal "$(find /sys/fs/cgroup -name "sandbox-$keeper")" "" "$*: control groups that are left"
}
HOME=/root confined $bin/sandbox
confined as-user $bin/sandbox
setcap cap_sys_admin,cap_setuid,cap_setgid,cap_setpcap,cap_dac_override=p $lib/sandbox-jailer
confined as-user $bin/sandbox

# A program in the monitor's place: under its profile no file can be opened, without it any.
cp "$BUILD/vm/opens" $lib/sandbox-vmm
for file in /etc/passwd /proc/self/maps /sys/kernel/notes /dev/mem /usr/bin/env $bin/sandbox /sbin/host-init; do
	status 0 $lib/sandbox-vmm $file
	! aa-exec -p sandbox-vmm -- $lib/sandbox-vmm $file 2> "$T/err" || fail "$file can be opened"
	grep -q 'Permission denied' "$T/err" || fail "$file: $(cat "$T/err")"
done
aa-exec -p sandbox-vmm -- $lib/sandbox-vmm /dev/null || fail "the profile does not let the program run at all"
