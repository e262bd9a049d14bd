# net.sh - sourced after lib.sh by tests of --net user, which run in namespaces of their own: this host
# is 198.51.100.2 in a small network, and beyond its gateway there is an Internet of one machine,
# with the addresses in $INTERNET, where HTTP is served from $T/www.  Nothing leads out of it.
[ "$(id -u)" -eq 0 ] || skip "servers in network namespaces: run as root"
command -v passt > /dev/null || skip "no passt: install the package passt"
[ "${IN_NETNS:-}" ] || { rmdir "$T"; exec env IN_NETNS=1 unshare -nm sh "$0"; }

INTERNET="203.0.113.7 203.0.113.8 169.254.169.254 10.77.0.1"
unshare -n sleep 3600 &
there=$!
until [ "$(readlink /proc/$there/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
beyond() { nsenter -t $there -n "$@"; }
mkdir "$T/www"
echo hello > "$T/www/word"
ip link set lo up
ip link add here type veth peer name there netns $there
ip address add 198.51.100.2/30 dev here
ip link set here up
ip route add default via 198.51.100.1
beyond ip link set lo up
beyond ip address add 198.51.100.1/30 dev there
for a in $INTERNET; do beyond ip address add $a/32 dev lo; done
beyond ip link set there up
nsenter -t $there -n busybox httpd -f -p 80 -h "$T/www" &
servers="$there $!"
runner=
trap 'kill $servers $runner 2> /dev/null; rm -rf "$T"' EXIT
until beyond busybox wget -qO- http://203.0.113.7/word > /dev/null 2>&1; do sleep 0.1; done

run="$SANDBOX run --net user"
fetch='for u; do wget -qO- "$u" 2>&1; done; true'
