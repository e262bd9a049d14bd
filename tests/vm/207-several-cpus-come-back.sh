. "$(dirname "$0")/lib.sh"
n=${CPUS:-2}
status 0 "$SANDBOX" snapshot take --template --cpus "$n" "$T/s"
for i in 1 2; do
	"$SANDBOX" run --from "$T/s" -- sh -c 'nproc; for i in 1 2 3 4; do sh -c "i=0; while [ \$i -lt 2000 ]; do i=\$((i+1)); done" & done; wait; echo done' > "$T/out"
	equal "$(paste -s -d ' ' < "$T/out")" "$n done" "clone $i"
done
# One that the guest stops and starts again sets itself up as at boot, in a machine that is past it.
"$SANDBOX" run --from "$T/s" --user root -- sh -c 'cpu=/sys/devices/system/cpu/cpu1/online
	echo 0 > $cpu; nproc; echo 1 > $cpu; nproc; taskset 2 sh -c "true; sh -c \"echo there\""' > "$T/out"
equal "$(paste -s -d ' ' < "$T/out")" "$((n - 1)) $n there" "a cpu that was stopped and started"
