# A body goes in, an output comes out, byte for byte; what went wrong is a status and a reason.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/serve.sh"
cat > "$T/config" <<'E2'
listen = unix:SOCKET
max-body = 2M
max-output = 4M

[function cat]
command = cat

[function hello]
command = sh -c "echo hello, $NAME; echo not shown >&2"
env = NAME=you

[function exit]
command = sh -c 'echo some; exit 3'

[function signal]
command = sh -c 'kill -SEGV $$'

[function missing]
command = /no/such/program

[function slow]
command = sleep 60
timeout = 1s
concurrency = 1
queue = 1

[function file]
command = sh -c 'echo x >> /tmp/file; wc -l < /tmp/file'

[function kept]
command = sh -c 'echo x >> /tmp/file; wc -l < /tmp/file'
reuse = 3
concurrency = 1
E2
serve

head -c 1M /dev/urandom > "$T/in"
status 0 call cat --data-binary "@$T/in" > "$T/unused"
cmp "$T/in" "$T/out" || fail "a megabyte came back changed"
expect cat 200 0 exit --data-binary ''
expect hello 200 0 exit -d x
equal "$(cat "$T/out")" "hello, you" "stdout of the function"
grep -q '^Server-Timing: queue;dur=.*start;dur=.*command;dur=.*total;dur=' "$T/head" || fail "no phases"
[ "$(header X-Sandbox-Memory-KiB)" -gt 0 ] || fail "no memory in the headers"
expect exit 500 3 exit -d x
equal "$(cat "$T/out")" "some" "stdout of a function that failed"
expect signal 500 139 signal -d x
expect missing 500 127 spawn-failed -d x
expect slow 504 124 timeout -d x
expect none 404 '' '' -d x
head -c 3M /dev/zero > "$T/in"
expect cat 413 '' '' --data-binary "@$T/in"

# A fresh machine for each call, unless it is wanted otherwise.
for i in 1 2; do
	expect file 200 0 exit -d x
	equal "$(cat "$T/out")" 1 "what the call before has left"
done
for i in 1 2 3 1; do
	expect kept 200 0 exit -d x
	equal "$(cat "$T/out")" "$i" "calls of that machine"
done

# One runs, one waits, one is refused.
for i in 1 2; do aside slow -d x > "$T/slow.$i" & calls="${calls:-} $!"; sleep 0.3; done
expect slow 429 '' '' -d x
equal "$(header Retry-After)" 1 "Retry-After"
wait $calls

status 0 get metrics
grep -q '^sandbox_calls_total{function="hello",status="200"} 1$' "$T/out" || fail "metrics: calls"
grep -q '^sandbox_calls_total{function="slow",status="429"} 1$' "$T/out" || fail "metrics: refused"
grep -q '^sandbox_calls_reused_total{function="kept"} 2$' "$T/out" || fail "metrics: reused"
grep -q '^sandbox_call_seconds_count{function="cat"} 2$' "$T/out" || fail "metrics: seconds"

# The file is read again; one that is wrong changes nothing.
echo 'no such key = 1' >> "$T/config"
reload 'not reloaded: .*no such key'
expect hello 200 0 exit -d x
sed -i '/no such key/d; s/NAME=you/NAME=all/' "$T/config"
reload 'reloaded, 8 functions'
expect hello 200 0 exit -d x
equal "$(cat "$T/out")" "hello, all" "a function after it was changed"
get metrics
grep -q '^sandbox_calls_total{function="hello",status="200"} 3$' "$T/out" || fail "metrics after reload"

# What is asked for is answered, then it ends.
aside hello -d x > "$T/last" & last=$!
until get metrics; grep -q -e '^sandbox_calls_running{function="hello"} 1$' \
	-e '^sandbox_calls_total{function="hello",status="200"} 4$' "$T/out"; do sleep 0.05; done
kill -TERM $serve
wait $last
equal "$(cat "$T/last")" "hello, all" "a call when it was told to end"
status 0 wait $serve
[ ! -e "$T/socket" ] || fail "the socket is left"

# Bad files are refused in one line.
bad() { printf '%b' "$2" > "$T/bad"; refused "$1" "$SANDBOX" serve --config "$T/bad"; }
bad 'no [function NAME]' 'listen = 127.0.0.1:0\n'
bad 'has no `command`' '[function x]\n'
bad 'left open' '[function x]\ncommand = sh -c "\n'
bad 'is there twice' '[function x]\ncommand = x\n[function x]\ncommand = x\n'
bad 'not [function NAME]' '[functions x]\ncommand = x\n'
bad 'not of this host' 'listen = 0.0.0.0:80\n[function x]\ncommand = x\n'
bad 'line 2: there is no option' '[function x]\ncolor = red\n'
bad 'no-such-root' '[function x]\ncommand = x\nroot = /no-such-root\n'
refused '--config FILE' "$SANDBOX" serve
