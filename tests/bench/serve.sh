#!/bin/sh
# serve.sh BUILD_DIR JSON_FILE - $CALLS (200) calls through `sandbox serve`, 16 at a time, each in
# a machine of its own: right answers, and how long they took.
set -eu
build=$1 json=$2 n=${CALLS:-200} at_once=${AT_ONCE:-16}
here=$(cd "$(dirname "$0")" && pwd)
t=$(mktemp -d); trap 'kill $serve 2> /dev/null; wait; rm -rf "$t"' EXIT
. "$here/lib.sh"
processes() { ps -eo comm= | grep -c '^sandbox' || true; }
before=$(processes)

cat > "$t/config" <<END
listen = unix:$t/socket
[function double]
command = sh -c 'read x; echo \$((2 * x))'
concurrency = ${CONCURRENCY:-4}
queue = 256
timeout = 120s
END
: > "$t/log"
"$build/sandbox" serve --config "$t/config" 2> "$t/log" & serve=$!
until grep -q ' at unix' "$t/log"; do sleep 0.1; kill -0 $serve; done

# "I ANSWER STATUS SECONDS", a line a call
one='echo "$1 $(echo "$1" | curl -s --data-binary @- --unix-socket "$SOCKET" -w "%{http_code} %{time_total}" \
	http://x/v1/functions/double | paste -s -d " ")"'
start=$(date +%s%N)
seq "$n" | SOCKET=$t/socket xargs -P "$at_once" -n 1 sh -c "$one" sh > "$t/answers"
end=$(date +%s%N)
kill -TERM $serve
wait $serve || true

echo "$n calls of a function, $at_once at a time"
right=$(awk '$2 == 2 * $1 && $3 == 200' "$t/answers" | wc -l)
row serve_calls "calls answered rightly" "$right" ""
row serve_p50_ms "  p50 (ms)" "$(awk '{ print int($4 * 1000) }' "$t/answers" | percentile 50)" "with the time in the queue"
row serve_p99_ms "  p99 (ms)" "$(awk '{ print int($4 * 1000) }' "$t/answers" | percentile 99)" ""
row serve_per_second "  calls a second" "$(awk -v n="$n" -v ns=$((end - start)) 'BEGIN { printf "%.2f", n * 1e9 / ns }')" ""
row serve_left "processes left behind" "$(($(processes) - before))" ""
save "$json"
[ "$right" -eq "$n" ] || { echo "serve.sh: not every answer was right:"; awk '!($2 == 2 * $1 && $3 == 200)' "$t/answers" | head; exit 1; }
