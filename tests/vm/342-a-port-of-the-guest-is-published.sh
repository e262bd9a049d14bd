# --publish: a port of this host is the guest's, at loopback unless it says where; one that is in use
# is one line.  Who comes in is counted, and gets nowhere else.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/net.sh"
$run --result "$T/r" --net-log "$T/log" --publish 8080:8000 --publish 198.51.100.2:8082:8000 --allow 203.0.113.7 -- \
	sh -c 'mkdir /tmp/w; echo inside > /tmp/w/word; busybox httpd -p 8000 -h /tmp/w
		until wget -qO- http://127.0.0.1:8000/word; do sleep 0.1; done 2> /dev/null; echo up; sleep 300' > "$T/up" &
runner=$!
for _ in $(seq 600); do grep -q up "$T/up" && break; sleep 0.1; done
equal "$(busybox wget -qO- http://127.0.0.1:8080/word)" inside "what the guest serves at loopback"
equal "$(beyond busybox wget -qO- http://198.51.100.2:8082/word)" inside "what it serves to others"
beyond busybox wget -qO- http://198.51.100.2:8080/word 2> /dev/null && fail "loopback's port is open to others"
refused "publish: 127.0.0.1:8080: Address already in use" $run --publish 8080:8000 -- true
kill -TERM $runner
wait $runner
equal "$(result "$T/r" '.net | "\(.accepted) \(.allowed) \(.denied)"')" "2 0 0" "what was counted"
equal "$(grep -c 'accept tcp' "$T/log")" 2 "lines of who came"
