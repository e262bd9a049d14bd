/* probe.c - stands in for the monitor: a static program under the outer filter that says
 * how it was started and then does, once, what the test asks for.
 *
 * What a process can be asked about itself from outside (/proc) is looked at from there, so
 * the filter needs no rule for the test's sake. */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/kvm.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/fds.h"
#include "tests/jail/order.h"

/* Each must end us; returning from one is the failure. */
static void do_forbidden(enum forbidden what)
{
	static char name[] = "/x";
	char *argv[] = { name, NULL };
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	switch (what) {
	case TRY_OPEN:
		syscall(SYS_openat, AT_FDCWD, "/", O_RDONLY);
		break;
	case TRY_SOCKET:
		syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
		break;
	case TRY_CONNECT:
		syscall(SYS_connect, FD_BROKER, NULL, 0);
		break;
	case TRY_EXECVE:
		syscall(SYS_execve, name, argv, argv + 1);
		break;
	case TRY_EXECVEAT:
		syscall(SYS_execveat, FD_KERNEL, "", argv, argv + 1, AT_EMPTY_PATH);
		break;
	case TRY_FORK:
		syscall(SYS_clone, 17 /* SIGCHLD */, 0, 0, 0, 0);
		break;
	case TRY_CLONE3:
		syscall(SYS_clone3, NULL, 0);
		break;
	case TRY_EXEC_MAPPING:
		mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		break;
	case TRY_EXEC_PAGE:
		mprotect(page, 4096, PROT_READ | PROT_EXEC);
		break;
	case TRY_PTRACE:
		syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0);
		break;
	case TRY_SETUID:
		syscall(SYS_setuid, 0);
		break;
	case TRY_MOUNT:
		syscall(SYS_mount, "", "/", "tmpfs", 0, 0);
		break;
	case TRY_UNSHARE:
		syscall(SYS_unshare, CLONE_NEWUSER);
		break;
	case TRY_BPF:
		syscall(SYS_bpf, 0, NULL, 0);
		break;
	case TRY_IO_URING:
		syscall(SYS_io_uring_setup, 1, NULL);
		break;
	case TRY_USERFAULTFD:
		syscall(SYS_userfaultfd, 0);
		break;
	case TRY_TTY_INPUT:
		syscall(SYS_ioctl, FD_NULL0, 0x5412 /* TIOCSTI */, "x");
		break;
	case TRY_KILL:
		syscall(SYS_kill, -1, 9);
		break;
	case TRY_PROCESS_VM:
		syscall(SYS_process_vm_readv, 1, NULL, 0, NULL, 0, 0);
		break;
	case TRY_KEYS:
		syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
		break;
	case N_FORBIDDEN:
		break;
	}
}

/* Allowed by the filter, and yet to no avail. */
static int do_fruitless(void)
{
	char *argv[] = { NULL };

	if (syscall(SYS_execveat, FD_VMM, "", argv, argv, AT_EMPTY_PATH) != -1 || errno != EBADF)
		return 1;
	if (write(FD_LEASH, "x", 1) != -1 || errno != EBADF)
		return 2;
	if (ioctl(FD_KVM, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		return 3;
	return 0;
}

/* More than the cgroup has: never returns, or says that it could. */
static int do_eat_memory(uint64_t bytes)
{
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return 1;
	for (uint64_t at = 0; at < bytes; at += 4096)
		p[at] = 1;
	return 2;
}

int main(int argc, char **argv, char **envp)
{
	struct order order;
	char hello[128];
	int n = snprintf(hello, sizeof(hello), "argc %d\nargv0 %s\nenv %s\n", argc,
			 argc ? argv[0] : "-", envp[0] ? envp[0] : "empty");

	if (write(FD_LOG, hello, (size_t)n) != n)
		return 99;
	if (read(FD_BROKER, &order, sizeof(order)) != sizeof(order))
		return 98;
	switch (order.what) {
	case ORDER_EXIT:
		return (int)order.arg;
	case ORDER_FORBIDDEN:
		do_forbidden((enum forbidden)order.arg);
		return 97;
	case ORDER_FRUITLESS:
		return do_fruitless();
	case ORDER_EAT_MEMORY:
		return do_eat_memory(order.arg);
	}
	return 96;
}
