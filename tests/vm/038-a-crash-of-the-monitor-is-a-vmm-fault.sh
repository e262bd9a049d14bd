. "$(dirname "$0")/lib.sh"
[ -x "$FAULTY" ] || skip "no test build: make FAULTS=1"
refused signal "$FAULTY" run --fault crash --result "$T/r" -- true
equal "$(result "$T/r" .reason)" vmm-fault reason
