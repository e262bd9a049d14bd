# Size, raw mode and its end, ^C as a byte: seen through a pseudo-terminal of script(1).
. "$(dirname "$0")/lib.sh"
command -v script > /dev/null || skip "no script(1): install bsdextrautils or util-linux"
cat > "$T/in-pty" <<END
stty rows 33 cols 99; stty -a > $T/before
$SANDBOX run -- sh -c 'test -t 0 && test -t 1 && test -t 2 && stty size; trap "echo caught; exit 9" INT; echo ready; sleep 30'
echo "status \$?"; stty -a > $T/after
END
{ for _ in $(seq 600); do grep -q ready "$T/log" 2>/dev/null && break; sleep 0.1; done
  printf '\003'; sleep 3; } | timeout 60 script -qefc "sh $T/in-pty" "$T/log" > /dev/null
grep -q '33 99' "$T/log" || fail "no window size: $(cat "$T/log")"
grep -q caught "$T/log" || fail "^C did not arrive as a byte: $(cat "$T/log")"
grep -q 'status 9' "$T/log" || fail "exit status lost: $(cat "$T/log")"
cmp "$T/before" "$T/after" || fail "the terminal was not restored"
