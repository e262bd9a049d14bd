. "$(dirname "$0")/lib.sh"
head -c 1M /dev/zero > "$T/disk"
"$SANDBOX" run --disk "$T/disk" -- sh -c 'echo ready; sleep 30' > "$T/out" &
pid=$!
for _ in $(seq 600); do grep -q ready "$T/out" && break; sleep 0.1; done
refused "$T/disk" "$SANDBOX" run --disk "$T/disk" -- true
refused "$T/disk" "$SANDBOX" run --disk "$T/disk:ro" -- true
kill -TERM $pid; wait $pid; equal $? 143 "status of the run that held it"
