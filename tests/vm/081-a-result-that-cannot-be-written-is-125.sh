. "$(dirname "$0")/lib.sh"
[ "$(id -u)" -eq 0 ] || skip "mounting a small tmpfs needs root"
mkdir "$T/full"
mount -t tmpfs -o size=4k none "$T/full" || skip "cannot mount a tmpfs here"
head -c 8k /dev/zero > "$T/full/fill" 2>/dev/null
"$SANDBOX" run --result "$T/full/r" -- true > /dev/null 2> "$T/err"
got=$?
left=$(ls "$T/full" | tr '\n' ' ')
umount "$T/full"
equal "$got" 125 status
equal "$left" "fill " "files on the full disk"
equal "$(wc -l < "$T/err")" 1 "lines of error"
grep -q "$T/full/r" "$T/err" || fail "does not name the file: $(cat "$T/err")"
