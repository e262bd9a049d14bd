. "$(dirname "$0")/lib.sh"
[ -x "$FAULTY" ] || skip "no test build: make FAULTS=1"

# violates FAULT THREAD CALL: one line and the record name that thread and call.
violates() {
	refused "thread $2 called $3(" "$FAULTY" run --fault "$1" --result "$T/r" -- true
	equal "$(result "$T/r" '"\(.reason) \(.violation.thread) \(.violation.syscall)"')" \
		"policy-kill $2 $3" "the record"
}

# argument NUMBER HEX: the line and the record have it.
argument() {
	sed 's/.*(\(.*\))$/\1/' "$T/refused.err" | awk -F', ' -v i="$1" '{ print $(i + 1) }' > "$T/said"
	equal "$(cat "$T/said")" "$2" "argument $1 in the message"
	equal "$(result "$T/r" ".violation.args[$1]")" "$(($2))" "argument $1 in the record"
}

violates loop-open main open
violates vcpu-socket vcpu0 socket
argument 0 0x1				# AF_UNIX
argument 1 0x1				# SOCK_STREAM
violates vcpu-ioctl vcpu0 ioctl		# KVM_RUN is allowed, this is another request:
argument 1 0xae01			# KVM_CREATE_VM
violates blk-mmap disk0 mmap		# the root's
argument 1 0x1000			# the length
