# Everything a command may expect to find, looked at in one run.
. "$(dirname "$0")/lib.sh"
before=$(date +%s)
"$SANDBOX" run -- sh -c '
	echo "uid $(id -u) gid $(id -g)"
	for d in /dev /proc /sys /tmp /run; do grep -q " $d " /proc/mounts && echo "mounted $d"; done
	echo x > /tmp/x && cat /tmp/x
	ip -o addr show lo | grep -q 127.0.0.1 && echo "lo is up"
	ping -c 1 -W 1 127.0.0.1 > /dev/null 2>&1 || wget -q -T 1 http://127.0.0.1:9 2>&1 | grep -q refused && echo "lo answers"
	echo "clock $(date +%s)"
	head -c 8 /dev/urandom | wc -c
	hostname
	echo "nnp $(sed -n "s/NoNewPrivs:\t//p" /proc/self/status) caps $(sed -n "s/CapEff:\t//p" /proc/self/status)"
	echo here > /dev/stdout' > "$T/out" 2> "$T/err"
after=$(date +%s)
for line in 'uid 1000 gid 1000' 'mounted /dev' 'mounted /proc' 'mounted /sys' 'mounted /tmp' \
	'mounted /run' 'x' 'lo is up' '8' 'sandbox' 'nnp 1 caps 0000000000000000' here; do
	grep -qxF "$line" "$T/out" || fail "no line '$line' in: $(cat "$T/out" "$T/err")"
done
clock=$(sed -n 's/^clock //p' "$T/out")
[ "$clock" -ge "$before" ] && [ "$clock" -le "$after" ] || fail "clock $clock, not $before to $after"
