. "$(dirname "$0")/lib.sh"
status 139 "$SANDBOX" run --result "$T/r" -- sh -c 'kill -SEGV $$'
equal "$(result "$T/r" '.reason, .signal' | tr '\n' ' ')" "signal 11 " result
