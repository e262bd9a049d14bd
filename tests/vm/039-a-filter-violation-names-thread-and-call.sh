. "$(dirname "$0")/lib.sh"
[ -x "$FAULTY" ] || skip "no test build: make FAULTS=1"
refused open "$FAULTY" run --fault loop-open --result "$T/r" -- true
equal "$(result "$T/r" .reason)" policy-kill reason
equal "$(result "$T/r" .violation.thread)" main thread
refused socket "$FAULTY" run --fault vcpu-socket --result "$T/r" -- true
equal "$(result "$T/r" '.violation.thread, .violation.syscall' | tr '\n' ' ')" "vcpu0 socket " violation
