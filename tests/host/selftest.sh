#!/bin/sh
# selftest.sh OUTDIR - is the host in OUTDIR a KVM host, and does a job come through whole?
set -u
here=$(cd "$(dirname "$0")" && pwd)
job=$(mktemp -d)
trap 'rm -rf "$job"' EXIT

cp "$here/selftest/run.sh" "$job"
touch "$job/made"
${CC:-gcc} -std=gnu17 -O2 -Wall -Wextra -static -o "$job/kvm" "$here/selftest/kvm.c" || exit 1
sh "$here/run.sh" "$1" "$job" 120 || exit
if [ "$(cksum < "$job/out/bytes")" = "$(cat "$job/out/sum")" ]; then
	echo "ok host.files-come-back"
else
	echo "FAIL host.files-come-back: not as they were"
	exit 1
fi

# Status, streams and stdin are the job's own.
cat > "$job/run.sh" <<-'END'
	cat
	echo err >&2
	exit 7
END
head -c 300000 /dev/urandom > "$job/in"
sh "$here/run.sh" -i "$1" "$job" < "$job/in" > "$job/stdout" 2> "$job/stderr"
status=$?
if [ $status -eq 7 ] && cmp "$job/in" "$job/stdout" && [ "$(cat "$job/stderr")" = err ]; then
	echo "ok host.streams-and-status"
else
	echo "FAIL host.streams-and-status: status $status"
	exit 1
fi

echo 'sleep 100' > "$job/run.sh"
sh "$here/run.sh" "$1" "$job" 1 2> /dev/null
status=$?
if [ $status -eq 124 ]; then
	echo "ok host.time-limit"
else
	echo "FAIL host.time-limit: status $status"
	exit 1
fi
