# Ends that no test of those recorded has: a runner that is killed, a template that is given up.
. "$(dirname "$0")/../vm/lib.sh"
"$SANDBOX" run --cold -- sh -c 'echo ready; sleep 60' > "$T/out" &
for _ in $(seq 3000); do grep -q ready "$T/out" && break; sleep 0.1; done
kill -9 $!
"$SANDBOX" snapshot take --template --memory 96M "$T/snap" &
sleep 8
kill -TERM $!
wait
