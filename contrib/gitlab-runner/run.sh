#!/bin/sh
# run.sh SCRIPT STAGE - run_exec: one stage of the job, in its machine.
#
# The script goes in as a file, for what it starts may read stdin.  Who was at fault is what the result
# says, not the exit code: a script may end with any.
. "$(dirname "$0")/common.sh"
machine=$(machine) || exit
[ -r "${1:-}" ] || system_failure "no script: this is run_exec of GitLab's custom executor"
result=$(mktemp) || system_failure "no temporary file"
trap 'rm -f "$result"' EXIT

"$SANDBOX" exec --user "$SANDBOX_USER" --result "$result" "$machine" -- sh -c '
	file=$(mktemp) && cat > "$file" || exit 125
	exec "$(command -v bash || command -v sh)" "$file" < /dev/null' < "$1" &
stage=$!
trap 'kill -TERM $stage 2> /dev/null' TERM INT		# the job is cancelled
wait $stage
code=$?
while kill -0 $stage 2> /dev/null; do wait $stage; code=$?; done

case $(sed -n 's/^ *"reason": "\([a-z-]*\)".*/\1/p' "$result") in
exit|signal|oom|output-limit|timeout|pids-limit)
	[ $code -eq 0 ] || build_failure $code ;;
*)
	# The machine may have ended because the job has used what it had of something, or be about to.
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		over=$("$SANDBOX" ps | sed -n "s/^$machine *over (\([0-9]*\)).*/\1/p")
		[ -z "$over" ] || break
		sleep 0.5
	done
	case $over in
	124|152) echo "the job's machine has ended: it had its time" >&2; build_failure "$over" ;;
	137) echo "the job's machine has ended: it was killed, or had too many processes" >&2 ;;
	esac
	system_failure "stage ${2:-} did not run" ;;
esac
