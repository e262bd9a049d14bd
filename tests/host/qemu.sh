# qemu.sh - sourced: the machine that is the test host, and how to talk to QEMU.
#
# The machine is always started in a work directory that holds, under fixed names, all it
# uses: vmlinuz initrd root.ext4 ram job.img, and the FIFOs made here.  fds 3 and 4 are QMP;
# 5 and 6 the control port of the host's pid 1.

launcher=			# timeout, or any other program to run QEMU with
HOST_MEMORY=3072M
JOB_SIZE=4G
CMDLINE='console=ttyS0 quiet panic=-1 mitigations=off tsc=reliable nokaslr audit=0'
CMDLINE="$CMDLINE rcupdate.rcu_expedited=1 nowatchdog no_timer_check"

# What QEMU 7.2's emulation does not bear, as seen in gigabytes through a nested guest:
# - more than one processor: one that runs code which another has patched - KVM's jump labels, with
#   every machine that starts - could go on for ever with the breakpoint of the patch in its
#   translation cache.  One is no slower: it needs no second thread to keep in step with.
# - nested paging: once in about 1 GB, a guest ended in a triple fault, a guest found a
#   sequence counter odd for ever, or the host's own scheduler stood still.
# - a tickless host: an interrupt is now and then forgotten until the next one comes: a vcpu
#   then slept for minutes.  With a timer that ticks by itself there is a next one.
CMDLINE="$CMDLINE nohz=off highres=off"

# make_job DIRECTORY IMAGE: the disk that brings a job in.
make_job() {
	rm -f "$2"
	PATH=$PATH:/usr/sbin:/sbin mke2fs -q -t ext4 -O '^has_journal' -m 0 \
		-E lazy_itable_init=1,root_owner=0:0 -d "$1" "$2" $JOB_SIZE > /dev/null
}

# host_start WORK SHARE [OPTION...]: SHARE is on where ram is to be kept, else off.
# Sets $qemu to the process.
host_start() {
	work=$1 share=$2
	shift 2
	mkfifo "$work/qmp.in" "$work/qmp.out" "$work/control.in" "$work/control.out"
	(cd "$work" && exec $launcher qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot \
		-M q35,memory-backend=ram -cpu max,la57=off,npt=off -smp 1 -m $HOST_MEMORY \
		-accel tcg \
		-object "memory-backend-file,id=ram,size=$HOST_MEMORY,mem-path=ram,share=$share" \
		-kernel vmlinuz -initrd initrd -append "$CMDLINE" \
		-drive file=root.ext4,format=raw,if=none,id=root,readonly=on \
		-device virtio-blk-pci,drive=root \
		-drive file=job.img,format=raw,if=none,id=job,cache=unsafe \
		-device virtio-blk-pci,drive=job \
		-serial file:console.log \
		-chardev stdio,id=qmp,signal=off -mon chardev=qmp,mode=control \
		-device virtio-serial-pci \
		-chardev pipe,id=control,path=control -device virtserialport,nr=1,chardev=control \
		-chardev file,id=stdout,path=stdout -device virtserialport,nr=2,chardev=stdout \
		-chardev file,id=stderr,path=stderr -device virtserialport,nr=3,chardev=stderr \
		-chardev file,id=results,path=results -device virtserialport,nr=4,chardev=results \
		-chardev socket,id=stdin,path=stdin,server=on,wait=off \
		-device virtserialport,nr=5,chardev=stdin \
		"$@" < qmp.in > qmp.out 2> qemu.log) &
	qemu=$!
	exec 3> "$work/qmp.in" 4< "$work/qmp.out"
	qmp '{"execute": "qmp_capabilities"}' || return 1
	exec 5> "$work/control.in" 6< "$work/control.out"
}

# qmp COMMAND: waits for the answer and leaves it in $answer.
qmp() {
	# A QEMU that has died must be an answer, not the end of this shell.
	(trap '' PIPE; echo "$1" >&3) 2> /dev/null || return 1
	while read -r answer <&4; do
		case $answer in
		*'"return"'*)	return 0 ;;
		*'"error"'*)	echo "QEMU: $answer" >&2; return 1 ;;
		esac
	done
	return 1
}

# RAM is a file that is already there: only the rest of the machine goes to the state file.
qmp_ignore_shared() {
	qmp '{"execute": "migrate-set-capabilities", "arguments": {"capabilities":
		[{"capability": "x-ignore-shared", "state": true}]}}'
}

host_quit() {
	qmp '{"execute": "quit"}'
	wait "$qemu"
	exec 3>&- 4<&- 5>&- 6<&-
}
