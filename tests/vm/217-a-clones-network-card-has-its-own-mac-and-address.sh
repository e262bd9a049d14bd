# A tap that is handed over is the guest's card: each clone of one template has its own MAC on it,
# the address it was given and a way through the gateway, before its command's first instruction.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" -eq 0 ] || skip "a tap in a network namespace: run as root"
[ -c /dev/net/tun ] || skip "no /dev/net/tun: load the module tun"
[ "${IN_NETNS:-}" ] || exec env IN_NETNS=1 unshare -n sh "$0"
# Nobody asked for a card: there is lo, and nothing else.
equal "$("$SANDBOX" run -- ls /sys/class/net)" lo "the interfaces without --net-fd"
export XDG_CACHE_HOME=$T/cache
mkdir "$T/cache" "$T/www"
echo hello > "$T/www/word"
ip link set lo up
ip address add 192.0.2.1/32 dev lo
ip tuntap add dev tap0 mode tap
ip address add 10.9.0.1/24 dev tap0
ip link set tap0 up
busybox httpd -f -p 80 -h "$T/www" &
httpd=$!
trap 'kill $httpd; rm -rf "$T"' EXIT
card="$BUILD/vm/card"
run="$SANDBOX run --net-fd 3"

# Beyond the gateway, so that the route counts too; who asked is seen on the host's side.
for i in 2 3; do
	"$card" tap tap0 sh -c 'ip neigh flush dev tap0; "$@"; status=$?; ip neigh show dev tap0 >&2; exit $status' - \
		$run --result "$T/r$i" --address "10.9.0.$i/24,10.9.0.1" -- \
		sh -c 'cat /sys/class/net/eth0/address; wget -qO- http://192.0.2.1/word' > "$T/$i" 2> "$T/neigh$i" ||
		fail "clone $i: $(cat "$T/$i" "$T/neigh$i")"
	equal "$(sed -n 2p "$T/$i")" hello "what clone $i fetched"
	grep -q "^10.9.0.$i lladdr $(sed -n 1p "$T/$i")" "$T/neigh$i" ||
		fail "clone $i has $(sed -n 1p "$T/$i"), the host sees $(cat "$T/neigh$i")"
	equal "$(result "$T/r$i" .start)" warm "how clone $i started"
done
[ "$(sed -n 1p "$T/2")" != "$(sed -n 1p "$T/3")" ] || fail "two clones with the MAC $(sed -n 1p "$T/2")"
equal "$(ls "$T/cache/sandbox" | grep -c '\.snap$')" 1 "templates"

# A stream has the same template, and a MAC that was asked for.
equal "$("$card" stream $run --mac 02:00:5e:10:00:01 --result "$T/r" -- cat /sys/class/net/eth0/address)" \
	02:00:5e:10:00:01 "the MAC"
equal "$(result "$T/r" .start)" warm "how a machine with a stream starts"
# A kernel without a driver for it: the machine ends, and --verbose has its last words.
status 125 "$card" stream $run --cold --verbose --cmdline initcall_blacklist=virtio_net_driver_init -- \
	true 2> "$T/err"
grep -q 'setting up the network card: No such device' "$T/err" || fail "$(cat "$T/err")"

refused "--net-fd"		"$SANDBOX" run --address 10.9.0.2/24 -- true
refused "--net-fd"		"$SANDBOX" run --mac 02:00:00:00:00:01 -- true
refused "neither a tap"		$run -- true
refused "neither a tap"		$run -- true 3< /dev/null
refused "neither a tap"		"$card" unconnected $run -- true
refused "neither a tap"		"$card" datagram $run -- true
refused "tun0 is a tun"		"$card" tun tun0 $run -- true
refused "a header before"	"$card" header tap1 $run -- true
refused "is not like"		"$card" tap tap0 $run --address 10.9.0.2 -- true
refused "/33"			"$card" tap tap0 $run --address 10.9.0.2/33 -- true
refused "of one host"		"$card" tap tap0 $run --address 10.9.0.255/24 -- true
refused "the gateway"		"$card" tap tap0 $run --address 10.9.0.2/24,10.9.1.1 -- true
refused "six bytes"		"$card" tap tap0 $run --mac 02:00 -- true
refused "one station"		"$card" tap tap0 $run --mac 01:00:5e:00:00:01 -- true
refused "net-fd"		"$card" tap tap0 $run --pool "$T/pool" -- true

# A snapshot has a card or has none, and the run must agree.
snap=$(echo "$T/cache/sandbox/"*.snap)
equal "$("$card" tap tap0 $run --from "$snap" --address 10.9.0.4/24 -- wget -qO- http://10.9.0.1/word)" \
	hello "what a clone of a snapshot fetched"
refused "give one with --net user or --net-fd"	"$SANDBOX" run --from "$snap" -- true

# One that was saved while its command ran: the command finds another card under it.
mkfifo "$T/in"
"$card" tap tap0 $run --savable --name "card-$$" --address 10.9.0.5/24,10.9.0.1 -- sh -c 'echo up; read line
	cat /sys/class/net/eth0/address; wget -qO- http://192.0.2.1/word' < "$T/in" > "$T/was" &
saved=$!
exec 9> "$T/in"
until grep -q up "$T/was"; do sleep 0.1; done
status 0 "$SANDBOX" snapshot take "card-$$" "$T/snap"
exec 9>&-
wait $saved
echo | "$card" tap tap0 $run --from "$T/snap" --address 10.9.0.6/24,10.9.0.1 > "$T/is" || fail "the clone: $?"
equal "$(sed -n 3p "$T/was") $(sed -n 2p "$T/is")" "hello hello" "what the machine and its clone fetched"
[ "$(sed -n 2p "$T/was")" != "$(sed -n 1p "$T/is")" ] || fail "both have the MAC $(sed -n 1p "$T/is")"
