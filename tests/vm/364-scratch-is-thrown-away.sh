. "$(dirname "$0")/lib.sh"
"$SANDBOX" run --scratch 24M -- sh -c '
	dd if=/dev/zero of=/scratch/a bs=64k count=2 && rm /scratch/a && mkdir /scratch/d && stat -c %a /scratch
	fallocate -l 30000000 /scratch/b 2> /tmp/why; grep -o "No space left" /tmp/why
	df -k /scratch | tail -n 1 | { read -r a b c; [ "$b" -lt 24576 ] && echo limited; }' > "$T/out" 2> /dev/null
equal "$(tr '\n' ' ' < "$T/out")" "1777 No space left limited " "what the command saw"
refused "scratch: 1M is not between" "$SANDBOX" run --scratch 1M -- true
refused "TMPDIR" env TMPDIR="$T/none" "$SANDBOX" run --scratch 16M -- true
