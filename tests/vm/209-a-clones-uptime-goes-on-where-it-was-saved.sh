# However old the snapshot is: here a quarter of a minute, on both kinds of KVM.
. "$(dirname "$0")/lib.sh"
status 0 "$SANDBOX" snapshot take --template "$T/s"
uptime() { "$SANDBOX" run --from "$T/s" -- cut -d. -f1 /proc/uptime; }
young=$(uptime)
sleep 15
old=$(uptime)
[ -n "$young" ] && [ "$old" -lt $((young + 8)) ] ||
	fail "the uptime of a clone was $young, and 15 s later $old"
