. "$(dirname "$0")/lib.sh"
status 7 "$SANDBOX" run --result "$T/r" -- sh -c 'echo out; echo err >&2; exit 7' > "$T/out" 2> "$T/err"
equal "$(cat "$T/out")" out stdout
equal "$(cat "$T/err")" err stderr
equal "$(result "$T/r" '.reason, .code' | tr '\n' ' ')" "exit 7 " result
