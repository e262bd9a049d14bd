# alone: kills every sandbox-vmm there is
. "$(dirname "$0")/lib.sh"
command -v script > /dev/null || skip "no script(1): install bsdextrautils or util-linux"
cat > "$T/in-pty" <<END
stty -a > $T/before
$SANDBOX run -- sh -c 'echo ready; sleep 30'
echo "status \$?"; stty -a > $T/after
END
{ for _ in $(seq 600); do grep -q ready "$T/log" 2>/dev/null && break; sleep 0.1; done
  pkill -9 -x sandbox-jailer; sleep 2; } | timeout 60 script -qefc "sh $T/in-pty" "$T/log" > /dev/null
grep -q 'status 125' "$T/log" || fail "not 125: $(cat "$T/log")"
cmp "$T/before" "$T/after" || fail "the terminal was not restored"
