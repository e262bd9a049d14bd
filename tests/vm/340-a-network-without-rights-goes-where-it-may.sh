# --net user: one address is allowed, another is refused at once; the metadata of a cloud, private
# networks, this host and its loopback are refused unless they are named.  What was done is counted,
# logged and captured.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/net.sh"
$run -- true || fail "the first run: $?"
busybox httpd -p 127.0.0.1:8080 -h "$T/www"
servers="$servers $(pgrep -f "httpd -p 127.0.0.1:8080")"
busybox httpd -p 198.51.100.2:8081 -h "$T/www"
servers="$servers $(pgrep -f "httpd -p 198.51.100.2:8081")"

# Without a rule: all that is public, and nothing else, each refusal at once.
status 0 $run --result "$T/r" --net-log "$T/log" --pcap "$T/pcap" -- sh -c "$fetch" - \
	http://203.0.113.7/word http://203.0.113.8/word http://169.254.169.254/word http://10.77.0.1/word \
	http://198.51.100.2:8081/word http://192.0.0.1:8080/word http://198.51.100.1/word > "$T/out"
equal "$(grep -c '^hello$' "$T/out")" 2 "pages fetched"
equal "$(grep -c 'refused$' "$T/out")" 5 "connections refused"
equal "$(result "$T/r" '.start')" warm "how a machine with a network starts"
equal "$(result "$T/r" '.net | "\(.allowed) \(.denied) \(.accepted) \(.names)"')" "2 5 0 0" "what was counted"
equal "$(cut -d ' ' -f 2- "$T/log" | tr '\n' ',')" "allow tcp 203.0.113.7:80,allow tcp 203.0.113.8:80,deny tcp \
169.254.169.254:80,deny tcp 10.77.0.1:80,deny tcp 198.51.100.2:8081,deny tcp 192.0.0.1:8080,deny tcp \
198.51.100.1:80," "the log"
[ "$(result "$T/r" .phases_us.command)" -lt 15000000 ] || fail "refusing took $(result "$T/r" .phases_us.command) us"
[ "$(result "$T/r" .net.bytes_in)" -gt 300 ] || fail "bytes: $(jq -c .net "$T/r")"
if command -v tcpdump > /dev/null; then
	tcpdump -Z root -nr "$T/pcap" > "$T/dump" 2> /dev/null || fail "tcpdump cannot read the capture"
	grep -q '192.0.0.2.* > 203.0.113.7.80: Flags \[S\]' "$T/dump" || fail "no SYN in $(cat "$T/dump")"
	grep -q '169.254.169.254.80 > 192.0.0.2.*Flags \[R' "$T/dump" || fail "no refusal in $(cat "$T/dump")"
fi

# With rules: what they name, whatever it is.
status 0 $run --allow 203.0.113.7:80 --allow 169.254.169.254:80 --allow 10.77.0.0/16 --allow 127.0.0.1:8080 \
	-- sh -c "$fetch" - http://203.0.113.7/word http://203.0.113.8/word http://169.254.169.254/word \
	http://10.77.0.1/word http://192.0.0.1:8080/word http://192.0.0.1:8081/word > "$T/out"
equal "$(grep -c '^hello$' "$T/out")" 4 "pages fetched by rule"
equal "$(grep -c 'refused$' "$T/out")" 2 "connections refused by rule"

# What the agent sets up is there without a wait; there is no IPv6 to go around it.
$run -- sh -c 'cat /etc/resolv.conf; ip address show eth0; ip route' > "$T/out"
for line in "nameserver 192.0.0.1" "inet 192.0.0.2/29" "default via 192.0.0.1"; do
	grep -qF "$line" "$T/out" || fail "no '$line' in $(cat "$T/out")"
done
status 0 $run --address 10.9.8.7/24,10.9.8.1 -- sh -c "$fetch" - http://203.0.113.7/word > "$T/out"
equal "$(cat "$T/out")" hello "what was fetched from another address"
