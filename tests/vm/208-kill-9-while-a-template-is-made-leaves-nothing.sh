# alone: compares what is on the host before and after
. "$(dirname "$0")/lib.sh"
export XDG_CACHE_HOME=$T/cache
mkdir "$T/cache"
before=$(leftovers)
for victim in sandbox sandbox-jailer sandbox-vmm; do
	"$SANDBOX" run -- true > /dev/null 2>&1 &
	runner=$!
	# By descent, not by name alone: others may have machines on this host.  The maker is
	# started from /proc/self/exe, and called that.
	for _ in $(seq 100); do
		maker=$(pgrep -x exe -P $runner) && jailer=$(pgrep -x sandbox-jailer -P "$maker") &&
			vmm=$(pgrep -x sandbox-vmm -P "$jailer") && break
		sleep 0.1
	done
	[ -n "${vmm:-}" ] || fail "no monitor of ours to kill"
	case $victim in
	sandbox)	kill -9 "$maker" ;;
	sandbox-jailer)	kill -9 "$jailer" ;;
	*)		kill -9 "$vmm" ;;
	esac
	maker= jailer= vmm=
	wait $runner
	equal $? 0 "status of the run, which boots without a template"
	nothing_left "$before"
done
# Two monitors that were killed are two failures to save: gc forgets them, too.
"$SANDBOX" cache gc > /dev/null
equal "$(ls "$T/cache/sandbox" | grep -c 'tmp\|lock\|failed')" 0 "abandoned files"
"$SANDBOX" run --result "$T/r" -- true 2> /dev/null
equal "$(result "$T/r" .start)" warm "the start after that"
