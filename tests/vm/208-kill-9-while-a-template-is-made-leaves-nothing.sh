# alone: compares what is on the host before and after
. "$(dirname "$0")/lib.sh"
export XDG_CACHE_HOME=$T/cache
mkdir "$T/cache"
before=$(leftovers)
for victim in sandbox sandbox-jailer sandbox-vmm; do
	"$SANDBOX" run -- true > /dev/null 2>&1 &
	runner=$!
	for _ in $(seq 100); do pgrep -x sandbox-vmm > /dev/null && break; sleep 0.1; done
	sleep 1
	maker=$(pgrep -x sandbox -P $runner)
	case $victim in
	sandbox)	kill -9 "$maker" ;;
	*)		kill -9 $(pgrep -x $victim) ;;
	esac
	wait $runner
	equal $? 0 "status of the run, which boots without a template"
	nothing_left "$before"
done
"$SANDBOX" run -- true 2> /dev/null
equal "$(ls "$T/cache/sandbox" | grep -c tmp)" 0 "abandoned files"
