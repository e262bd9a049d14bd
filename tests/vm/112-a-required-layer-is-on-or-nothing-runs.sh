. "$(dirname "$0")/lib.sh"
status 0 "$SANDBOX" run --result "$T/r" -- true
on=$(jq -r '.layers | join(",")' "$T/r")
status 0 "$SANDBOX" run --require "$on" --result "$T/r" -- true
equal "$(jq -r '.layers | join(",")' "$T/r")" "$on" "layers, when all of them are required"
refused "require: 'locks' is no layer of the jail" "$SANDBOX" run --require seccomp,locks -- true
refused "require: '' is no layer of the jail" "$SANDBOX" run --require '' -- true
"$SANDBOX" doctor > "$T/doctor"
for layer in $(echo "$on" | tr , ' '); do
	grep -qw -- "+$layer" "$T/doctor" || fail "doctor does not have $layer: $(cat "$T/doctor")"
done
# A user without a delegated cgroup has no limits there, and is told, not served.
[ "$(id -u)" -eq 0 ] || exit 0
chmod 755 "$T"; mkdir "$T/b"; chmod 755 "$T/b"
cp "$SANDBOX" "$BUILD/sandbox-jailer" "$BUILD/sandbox-vmm" "$BUILD/init.cpio" "$BUILD/vmlinux-up" "$BUILD/base.erofs" "$T/b"
refused "require: cgroup-memory cannot be had here" setpriv --reuid 65534 --regid 65534 --clear-groups \
	env XDG_CACHE_HOME=/nowhere "$T/b/sandbox" run --kvm-fd 9 --require cgroup -- true 9<> /dev/kvm
