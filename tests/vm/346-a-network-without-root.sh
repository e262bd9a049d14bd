# A user who is handed /dev/kvm and nothing else has the same network, and the same refusals.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/net.sh"
chmod 755 "$T"
mkdir "$T/b"
for f in sandbox-jailer sandbox-vmm sandbox-net sandbox-names init.cpio vmlinux-up base.erofs; do cp "$BUILD/$f" "$T/b"; done
cp "$SANDBOX" "$T/b/sandbox"
mkdir "$T/w"; chmod 777 "$T/w"
status 0 setpriv --reuid 65534 --regid 65534 --clear-groups env XDG_CACHE_HOME="$T/w" \
	"$T/b/sandbox" run --net user --kvm-fd 9 --result "$T/w/r" --net-log "$T/w/l" -- sh -c "$fetch" - \
	http://203.0.113.7/word http://169.254.169.254/word 9<> /dev/kvm > "$T/out"
equal "$(grep -c '^hello$' "$T/out") $(grep -c 'refused$' "$T/out")" "1 1" "fetched and refused"
equal "$(result "$T/w/r" '.net | "\(.allowed) \(.denied)"')" "1 1" "what was counted"
