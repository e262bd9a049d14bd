. "$(dirname "$0")/lib.sh"
out=$("$SANDBOX" run --user root -- sh -c '
	for i in 1 2 3; do (sleep 0.1 &) ; done; sleep 1
	kill -9 1; kill -TERM 1
	grep -l "^State:.*Z" /proc/[0-9]*/status 2>/dev/null | wc -l')
equal "$out" 0 zombies
