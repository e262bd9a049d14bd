. "$(dirname "$0")/lib.sh"
printf '# a comment\nhostname = fromfile\nenv = A=1\nenv = B=2\ntimeout = 30s\n' > "$T/conf"
out=$("$SANDBOX" run --config "$T/conf" --hostname fromargv -- sh -c 'echo $A$B $(hostname)')
equal "$out" "12 fromargv" "options over the file"
printf 'hostname = a\nhots = b\n' > "$T/bad"
refused "line 2" "$SANDBOX" run --config "$T/bad" -- true
