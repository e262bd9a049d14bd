. "$(dirname "$0")/lib.sh"
HOST_ONLY=secret PASSED=along "$SANDBOX" run --env K=V --env PASSED --workdir /tmp --user 7:8 --hostname box -- \
	sh -c 'echo "$K $PASSED ${HOST_ONLY:-none} $(pwd) $(id -u):$(id -g) $(hostname)"' > "$T/out"
equal "$(cat "$T/out")" "V along none /tmp 7:8 box" "what the command saw"
