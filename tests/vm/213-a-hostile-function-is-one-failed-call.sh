# It ends with a reason, and its neighbour is answered all the while.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/serve.sh"
cat > "$T/config" <<'E2'
listen = unix:SOCKET
max-output = 64K

[function neighbour]
command = echo fine

[function bomb]
command = sh -c 'b() { b | b & }; b; sleep 60'
timeout = 4s

[function memory]
command = tail /dev/zero
memory = 32M
timeout = 120s

[function deaf]
command = echo did not listen

[function mute]
command = sh -c 'exec >&-; sleep 0.1; exit 4'

[function endless]
command = yes
[function endless-errors]
command = sh -c 'yes >&2'

[function panic]
command = reboot -f
user = root
E2
serve
head -c 1M /dev/zero > "$T/in"

aside bomb -d x > "$T/bomb" & bomb=$!
sleep 1
expect neighbour 200 0 exit -d x
wait $bomb
expect bomb 504 124 timeout -d x
expect memory 500 137 oom -d x
expect deaf 200 0 exit --data-binary "@$T/in"
equal "$(cat "$T/out")" "did not listen" "output of who reads no input"
expect mute 500 4 exit -d x
expect endless 500 125 output-limit -d x
equal "$(wc -c < "$T/out")" 65536 "bytes of an endless output"
expect endless-errors 500 125 output-limit -d x
expect panic 502 125 guest-panic -d x
expect neighbour 200 0 exit -d x
[ "$(wc -l < "$T/log")" -lt 20 ] || fail "it logs at the functions' pace: $(cat "$T/log")"
