# The job that shows that the test host is what tests take it for.  kvm is kvm.c, static.
failed=0
check() {
	what=$1
	shift
	if why=$("$@" 2>&1); then
		echo "ok host.$what"
	else
		echo "FAIL host.$what: $(echo "$why" | tail -n 1)"
		failed=1
	fi
}

user_can_run_kvm() { as-user ./kvm; }

controllers() {
	for controller in cpu memory pids; do
		grep -qw $controller "/sys/fs/cgroup/${1:-}cgroup.controllers" ||
			{ echo "no controller $controller"; return 1; }
	done
	[ -e /sys/fs/cgroup/user/cgroup.kill ] || { echo "no cgroup.kill"; return 1; }
}

# A cgroup of the user's own making holds a process of the user's and ends it.
user_delegation() {
	as-user sh -ec '
		cd /sys/fs/cgroup/user
		mkdir mine
		echo 64M > mine/memory.max
		sleep 100 & pid=$!
		echo $pid > mine/cgroup.procs
		echo 1 > mine/cgroup.kill
		! wait $pid
		rmdir mine'
}

landlock() { grep -qw landlock /sys/kernel/security/lsm; }

user_namespaces() {
	[ "$(as-user unshare -Urn id -u)" = 0 ]
}

stock_kernel_has_tap() {
	unshare -n sh -ec 'ip tuntap add tap0 mode tap && ip link set tap0 up'
}

# The clock that stood still is right again: the job was made less than a minute ago.
clock() {
	age=$(($(date +%s) - $(stat -c %Y made)))
	[ $age -ge 0 ] && [ $age -lt 60 ] || { echo "$age s off"; return 1; }
}

stdin_is_empty() { [ "$(wc -c)" = 0 ]; }

check kvm-runs-a-guest ./kvm
check kvm-is-the-users-too user_can_run_kvm
check cgroup-controllers controllers
check cgroup-controllers-for-the-user controllers user/
check cgroup-subtree-is-the-users user_delegation
check landlock landlock
check unprivileged-user-namespaces user_namespaces
check tap stock_kernel_has_tap
check erofs grep -qw erofs /proc/filesystems
check clock clock
check stdin stdin_is_empty
head -c 1000000 /dev/urandom > out/bytes
cksum < out/bytes > out/sum
exit $failed
