. "$(dirname "$0")/lib.sh"
status 137 "$SANDBOX" run --memory 48M --result "$T/r" -- tail /dev/zero
equal "$(result "$T/r" .reason)" oom reason
