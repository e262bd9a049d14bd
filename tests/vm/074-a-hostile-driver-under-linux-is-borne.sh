# host-only: our kernel has no /dev/mem, Debian's has
# A root of the guest that drives disks and network card itself (tests/guest/linux.c), while Linux has
# its root and its sockets on the same monitor: case by case the monitor lives, says little, and
# serves a neighbour's machine as if nothing were.  Then one that does anything at all.
. "$(dirname "$0")/lib.sh"
guest=$BUILD/guest
[ -x "$guest/raw" ] || skip "no hostile driver for this architecture"
CPU_LIMIT=5000				# hundredths of a second that a case may cost: a busy host's are long
LINES_LIMIT=64				# of all that is said on stderr
WILD=10					# seconds of anything at all
seed=${SEED:-$(date +%s)}
for disk in 0 1; do "$guest/raw" --disk $disk > "$T/disk$disk"; cp "$T/disk$disk" "$T/was$disk"; done

# monitor_of PID: of all that run here, the one that it is the ancestor of.
monitor_of() {
	for monitor in $(pgrep -x sandbox-vmm); do
		at=$monitor
		until [ "${at:-1}" -le 1 ] || [ "$at" = "$1" ]; do
			at=$(awk '{ print $4 }' "/proc/$at/stat" 2> /dev/null)
		done
		[ "$at" != "$1" ] || echo "$monitor"
	done
}
cpu_of() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }

# --- the neighbour: numbers in, sums out ---------------------------------------------------
mkfifo "$T/numbers" "$T/verdicts"
"$SANDBOX" run -- sh -c 'while read -r n; do echo "$n" | md5sum; done' < "$T/numbers" > "$T/sums" 2> "$T/neighbour" &
neighbour=$!
exec 9> "$T/numbers"
asked=0
neighbour_works() {
	asked=$((asked + 1))
	echo $asked >&9
	for _ in $(seq 100); do
		[ "$(sed -n ${asked}p "$T/sums")" != "$(echo $asked | md5sum)" ] || return 0
		sleep 0.1
	done
	fail "the neighbour did not answer $asked, $1: $(tail -n 1 "$T/sums") $(cat "$T/neighbour")"
}
neighbour_works "before all"

# --- the driver: the cases, on devices that Linux has let go; Linux has them again; the monkey, on
# devices in Linux' use; and at last on those that the machine cannot be without.
"$guest/wire" "$SANDBOX" run --user root --memory 256M --cpus 2 --timeout 400s --verbose --result "$T/result" \
	--kernel "$STOCK_KERNEL" --initrd "$STOCK_INITRD" --cmdline 'iomem=relaxed memmap=16M$128M,1M$255M' \
	--disk "$T/disk0" --disk "$T/disk1:ro" --net-fd 3 --env SEED="$seed" -- sh -c '
	cat > /tmp/raw && chmod +x /tmp/raw || exit
	echo up
	drivers=/sys/bus/platform/drivers/virtio-mmio ours=
	for d in block/vdb block/vdc net/eth0; do
		at=$(readlink -f /sys/class/$d/device/..) && ours="$ours ${at##*/}"
	done
	play() { why=$(timeout 100 /tmp/raw $1 2>&1) && echo "ok $1" || echo "FAIL $1" $why; }
	for d in $ours; do echo $d > $drivers/unbind; done
	for c in $(/tmp/raw --list | grep -v ^monkey_); do play $c; done
	for d in $ours; do echo $d > $drivers/bind; done
	# Cases may write sectors 8 to 15 of the first disk.
	echo back $(head -c 4096 /dev/vdb | md5sum; tail -c +8193 /dev/vdb | md5sum; md5sum < /dev/vdc; ls /sys/class/net)
	dd if=/dev/vdb of=/dev/null 2> /dev/null &
	play monkey_steps
	echo wild
	exec /tmp/raw --wild > /dev/null 2>&1' < "$guest/raw" > "$T/verdicts" 2> "$T/said" &
run=$!
exec 7< "$T/verdicts"
passed=0 was=0 vmm=none back=
while read -r verdict name why <&7; do
	case $verdict in
	up)	vmm=$(monitor_of $run) && was=$(cpu_of "$vmm"); continue ;;
	back)	back="$name $why"; continue ;;
	wild)	break ;;
	esac
	[ "$verdict" = ok ] || fail "$name: $why (SEED=$seed)"
	is=$(cpu_of "$vmm") || fail "$name: the monitor is gone: $(tail -n 3 "$T/said")"
	[ $((is - was)) -lt $CPU_LIMIT ] || fail "$name: cost $((is - was)) hundredths of a second"
	[ "$(wc -l < "$T/said")" -lt $LINES_LIMIT ] || fail "$name: $(wc -l < "$T/said") lines: $(tail -n 3 "$T/said")"
	neighbour_works "during or after $name"
	echo "$name: $((is - was))"
	passed=$((passed + 1)) was=$is
done
equal $passed "$("$guest/raw" --list | wc -l)" "cases that passed: $(tail -n 3 "$T/said")"
equal "$back" "$(echo $(head -c 4096 "$T/was0" | md5sum; tail -c +8193 "$T/was0" | md5sum; md5sum < "$T/was1") eth0 lo)" \
	"what Linux finds on its devices after the cases"

# --- the end: the guest's own, or, of one that goes on, as its user asks for it by ^C ^C -----------
for i in $(seq $WILD); do
	kill -0 $run 2> /dev/null || break
	neighbour_works "beside a wild driver, $i s (SEED=$seed)"
	sleep 1
done
wild=$(cpu_of "$vmm" 2> /dev/null) || wild=$was
sandbox=$(pgrep -P $run)
for _ in 1 2 3; do kill -INT $sandbox 2> /dev/null; sleep 0.3; done
wait $run
status=$?
reason=$(result "$T/result" .reason)
echo "SEED=$seed: status $status, $reason, wild for $((wild - was)): $(tail -n 3 "$T/said")"
# An "exit" is not among them: a driver that could not even begin would be one.
case "$status $reason" in
"130 interrupted" | "130 signal" | "125 guest-panic" | "125 protocol") ;;
*)	fail "SEED=$seed: $status, $reason: $(tail -n 3 "$T/said")" ;;
esac
[ "$(wc -l < "$T/said")" -lt $LINES_LIMIT ] || fail "SEED=$seed: $(wc -l < "$T/said") lines: $(tail -n 3 "$T/said")"
cmp "$T/disk1" "$T/was1" || fail "SEED=$seed: the read-only disk was written"
neighbour_works "after the monkey"
exec 9>&-
wait $neighbour; equal $? 0 "the neighbour's end"
