. "$(dirname "$0")/lib.sh"
refused /nowhere "$SANDBOX" run --workdir /nowhere --result "$T/r" -- true
equal "$(result "$T/r" .reason)" spawn-failed reason
refused nobody-here "$SANDBOX" run --user nobody-here -- true
