# A name is allowed where this host's resolver says it is, and nowhere before that was asked; what
# points home is refused; other names are not asked for at all.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/net.sh"
command -v dnsmasq > /dev/null || skip "no dnsmasq: install the package dnsmasq-base"
[ -e /etc/resolv.conf ] || skip "no /etc/resolv.conf to put another over"
echo "nameserver 203.0.113.8
options attempts:1 timeout:2" > "$T/resolv.conf"
mount --bind "$T/resolv.conf" /etc/resolv.conf
nsenter -t $there -n dnsmasq -k -q -C /dev/null --no-resolv --no-hosts --log-facility="$T/asked" --pid-file= --local-service \
	--listen-address=203.0.113.8 --bind-interfaces --user=root --address=/www.example.org/203.0.113.7 \
	--address=/home.example.org/10.77.0.1 --address=/meta.example.org/169.254.169.254 \
	--address=/deep.sub.example.net/203.0.113.8 --address=/local.example.org/127.0.0.1 --address=/#/ &
dnsmasq=$!
servers="$servers $dnsmasq"
until grep -q started "$T/asked" 2> /dev/null; do sleep 0.1; done

status 0 $run --result "$T/r" --net-log "$T/log" --allow www.example.org:80 --allow home.example.org --allow local.example.org \
	--allow nowhere.example.org -- sh -c "$fetch" - http://203.0.113.7/word http://www.example.org/word \
	http://203.0.113.7/word http://home.example.org/word http://other.example.com/word \
	http://nowhere.example.org/ http://local.example.org/word http://203.0.113.7:81/word > "$T/out"
equal "$(sed 's/.*\(refused\|bad address\).*/\1/' "$T/out" | tr '\n' ',')" \
	"refused,hello,hello,bad address,bad address,bad address,bad address,refused," "what became of them"
equal "$(result "$T/r" '.net | "\(.allowed) \(.denied) \(.names)"')" "2 2 1" "what was counted"
[ "$(result "$T/r" .net.names_denied)" -ge 3 ] || fail "names: $(jq -c .net "$T/r")"
grep -q 'allow tcp 203.0.113.7:80 www.example.org$' "$T/log" || fail "no name in $(cat "$T/log")"
grep -q 'deny name other.example.com' "$T/log" || fail "no refused name in $(cat "$T/log")"
grep -q 'query.* www.example.org' "$T/asked" || fail "the host's resolver was not asked: $(cat "$T/asked")"
! grep -q 'other.example.com' "$T/asked" || fail "the host's resolver was asked for another name"

# Without a rule every name, but none that leads home; a home that is named by its number; a star.
status 0 $run -- sh -c "$fetch" - http://www.example.org/word http://meta.example.org/word > "$T/out"
equal "$(sed 's/.*\(bad address\).*/\1/' "$T/out" | tr '\n' ',')" "hello,bad address," "without a rule"
status 0 $run --allow home.example.org --allow 10.77.0.1:80 --allow '*.example.net' -- sh -c "$fetch" - \
	http://home.example.org/word http://deep.sub.example.net/word http://www.example.org/word > "$T/out"
equal "$(sed 's/.*\(bad address\).*/\1/' "$T/out" | tr '\n' ',')" "hello,hello,bad address," "by number and star"

# A resolver that is not there fails at once, also in the guest.
kill $dnsmasq
status 0 $run --result "$T/r" -- sh -c "$fetch" - http://www.example.org/word > "$T/out"
grep -q 'bad address' "$T/out" || fail "without a resolver: $(cat "$T/out")"
[ "$(result "$T/r" .phases_us.command)" -lt 15000000 ] || fail "it took $(result "$T/r" .phases_us.command) us"
