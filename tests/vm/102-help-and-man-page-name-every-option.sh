. "$(dirname "$0")/lib.sh"
"$SANDBOX" run --help > "$T/help" || fail "no help"
"$SANDBOX" help --man > "$T/sandbox.1" || fail "no man page"
for o in memory cpus root disk env workdir user hostname tty no-tty timeout kernel console result \
	explain verbose config initrd net-fd address mac name detach keep-on-fail cpu-seconds output-limit pids \
	net allow publish net-log pcap net-rate; do
	grep -q -- "--$o" "$T/help" || fail "--help lacks --$o"
	sed 's/\\-/-/g' "$T/sandbox.1" | grep -q -- "--$o" || fail "the man page lacks --$o"
done
