# Bad input to `snapshot` and --from: one line that names the file and why.
. "$(dirname "$0")/lib.sh"
cp "$BUILD/vmlinux-up" "$T/kernel"
"$SANDBOX" snapshot take --template --kernel "$T/kernel" --memory 64M "$T/s" || fail "no snapshot"
equal "$("$SANDBOX" run --from "$T/s" -- sh -c 'grep -c . /proc/version')" 1 "a run from it"
"$SANDBOX" snapshot info "$T/s" | grep -q '^memory = 67108864$' || fail "info does not say how much memory"
status 0 "$SANDBOX" snapshot verify "$T/s"

refused "leave out --memory" "$SANDBOX" run --from "$T/s" --memory 64M -- true
refused "nothing" "$SANDBOX" run --from "$T/nothing" -- true
refused "is not a snapshot" "$SANDBOX" run --from "$T/kernel" -- true
refused "is not a snapshot" "$SANDBOX" snapshot info "$T/kernel"
refused "is not a snapshot" "$SANDBOX" snapshot rm "$T/kernel"
truncate -s 4096 "$T/disk"
refused "cannot be saved" "$SANDBOX" snapshot take --template --disk "$T/disk" "$T/other"
refused "No such file" "$SANDBOX" snapshot take --template /nowhere/at/all
cp "$BUILD/vmlinux-up" "$T/notes"
refused "$T/notes: is not a snapshot" "$SANDBOX" snapshot take --template "$T/notes"
cmp -s "$T/notes" "$BUILD/vmlinux-up" || fail "a file that is not a snapshot was written to"
for option in --timeout=1s --env=A=1 --user=root --workdir=/ --hostname=h --result=r --cold --tty --explain; do
	name=${option%%=*}
	refused "$name means nothing" "$SANDBOX" snapshot take --template --memory 64M "$option" "$T/other"
done
[ ! -e "$T/other" ] || fail "a refused snapshot was left behind"

# byte WHERE FILE: another value there
byte() {
	old=$(od -An -tu1 -j "$1" -N 1 "$2")
	printf "\\$(printf %o $(((old + 1) % 256)))" | dd of="$2" bs=1 seek="$1" conv=notrunc 2> /dev/null
}
for at in 12 40 200 8192 8300 20000; do
	cp --sparse=always "$T/s" "$T/bad"
	byte $at "$T/bad"
	"$SANDBOX" run --from "$T/bad" -- true > /dev/null 2> "$T/err"
	equal "$?" 125 "status with byte $at changed"
	equal "$(grep -c "^sandbox: snapshot $T/bad: " "$T/err")" 1 "reason with byte $at changed: $(cat "$T/err")"
done
cp --sparse=always "$T/s" "$T/bad"
byte $((2097152 + 16777216)) "$T/bad"
refused "memory has changed" "$SANDBOX" snapshot verify "$T/bad"
echo >> "$T/kernel"
refused "another kernel" "$SANDBOX" run --from "$T/s" -- true
status 0 "$SANDBOX" snapshot rm "$T/s"
[ ! -e "$T/s" ] || fail "rm did not remove it"
ls "$T"/*.tmp 2> /dev/null && fail "files left behind"
exit 0
