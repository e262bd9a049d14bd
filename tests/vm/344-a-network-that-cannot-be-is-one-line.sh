# What is wrong with a network is said in one line, before anything is started.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/net.sh"
refused "install the package passt" env PATH=/nonexistent $run -- true
refused "--net user"		"$SANDBOX" run --allow example.org -- true
refused "--net user"		"$SANDBOX" run --pcap "$T/p" -- true
refused "is not user"		"$SANDBOX" run --net bridge -- true
refused "one network card"	$run --net-fd 3 -- true
refused "is not like"		$run --allow example.org:http -- true
refused "is not like"		$run --allow 10.0.0.1/8 -- true
refused "127.0.0.1"		$run --allow 127.0.0.2 -- true
refused "is not like"		$run --publish 80 -- true
refused "pcap: cannot write"	$run --pcap "$T/none/p" -- true
refused "net-log: cannot write"	$run --net-log "$T/none/l" -- true
refused "leave out --net"	$run --pool "$T/pool" -- true
refused "needs a gateway"	$run --address 10.0.0.2/24 -- true
refused "net-rate"		$run --net-rate 1 -- true
# A log that cannot be kept is an error: who asked for it relies on it.
refused "net-log: cannot write it: No space" $run --net-log /dev/full -- sh -c "$fetch" - http://203.0.113.7/word
ip route del default
refused "passt does not serve"	$run -- true
# In this network namespace, for others have theirs.
ours() { for p in $(pgrep passt); do readlink /proc/$p/ns/net; done | grep -cF "$(readlink /proc/self/ns/net)"; }
for _ in $(seq 30); do [ "$(ours)" = 0 ] && exit 0; sleep 0.1; done
fail "passt stayed"
