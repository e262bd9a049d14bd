. "$(dirname "$0")/lib.sh"
n=${CPUS:-2}
status 0 "$SANDBOX" snapshot take --template --cpus "$n" "$T/s"
for i in 1 2; do
	"$SANDBOX" run --from "$T/s" -- sh -c 'nproc; for i in 1 2 3 4; do sh -c "i=0; while [ \$i -lt 2000 ]; do i=\$((i+1)); done" & done; wait; echo done' > "$T/out"
	equal "$(paste -s -d ' ' < "$T/out")" "$n done" "clone $i"
done
