/* outer.c - the policy the jailer leaves the vmm with: all it does until lock_down().
 *
 * The filters of the vmm's threads come on top of this one, so whatever they allow must be
 * allowed here too (gen.c checks it).  There is no way to a file, a socket or another
 * program in it: what the vmm needs, it was handed. */
#include <asm/unistd.h>
#include <linux/kvm.h>
#include <linux/prctl.h>
#include <sched.h>
#include <sys/mman.h>

#include "lib/fds.h"
#include "seccomp/rules.h"

#define KVM_TYPE ((uint64_t)KVMIO << 8)	/* where _IOC() has the driver's letter */

static const struct rule rules[] = {
	/* the jailer's last steps */
	{ "write", "reports, kicks, console, disks", ANY, 0, 0, 0 },
	{ "execveat", "become the monitor: only the descriptor that closes as it runs",
	  EQ, 0, FD_VMM, 0 },
	{ "exit_group", "the end", ANY, 0, 0, 0 },

	/* the C library starts up */
	{ "arch_prctl", "thread pointer", WHERE_KNOWN, 0, 0, 0 },
	{ "set_tid_address", "thread id", ANY, 0, 0, 0 },
	{ "mmap", "guest memory, stacks, vcpu pages; never executable", MASKED, 2, 0, PROT_EXEC },
	{ "mprotect", "guard pages, relocations; never executable", MASKED, 2, 0, PROT_EXEC },
	{ "munmap", "the stack of a thread that could not be started", ANY, 0, 0, 0 },
	{ "madvise", "no dump and no merging of guest memory", ANY, 0, 0, 0 },

	/* threads and signals */
	{ "clone", "threads, never processes", MASKED, 0, CLONE_THREAD, CLONE_THREAD },
	{ "gettid", "know the thread in a report", ANY, 0, 0, 0 },
	{ "prctl", "name a thread", EQ, 0, PR_SET_NAME, 0 },
	{ "prctl", "no ptrace and no dump, which an exec turns on again", EQ, 0,
	  PR_SET_DUMPABLE, 0 },
	{ "prctl", "see that it is so", EQ, 0, PR_GET_DUMPABLE, 0 },
	{ "prctl", "the monitor asks for this itself, jailed or not", EQ, 0,
	  PR_SET_NO_NEW_PRIVS, 0 },
	{ "seccomp", "each thread narrows itself further", ANY, 0, 0, 0 },
	{ "rt_sigaction", "report a violation before it ends us", ANY, 0, 0, 0 },
	{ "rt_sigprocmask", "thread start", ANY, 0, 0, 0 },
	{ "rt_sigreturn", "return from a handler", ANY, 0, 0, 0 },
	{ "tkill", "kick a vcpu out of the guest", ANY, 0, 0, 0 },

	/* KVM and the disks */
	{ "ioctl", "KVM", MASKED, 1, KVM_TYPE, 0xff00 },
	{ "fstat", "what a handed descriptor is, how large a file", ANY, 0, 0, 0 },
	{ "fcntl", "spec seals, access mode of a disk, non-blocking", ANY, 0, 0, 0 },
	{ "lseek", "the size of a file or block device", ANY, 0, 0, 0 },
	{ "read", "eventfds, spec, tap", ANY, 0, 0, 0 },
	{ "pread64", "spec, kernel, initramfs", ANY, 0, 0, 0 },
	{ "preadv", "disk reads", ANY, 0, 0, 0 },
	{ "pwritev", "disk writes", ANY, 0, 0, 0 },
	{ "pwrite64", "disk writes", ANY, 0, 0, 0 },
	{ "fdatasync", "disk flushes", ANY, 0, 0, 0 },

	/* the loops */
	{ "eventfd2", "kicks, interrupts, hand-over between threads", ANY, 0, 0, 0 },
	{ "epoll_create1", "a loop", ANY, 0, 0, 0 },
	{ "epoll_ctl", "what a loop waits for", ANY, 0, 0, 0 },
	{ "epoll_pwait", "a loop waits", ANY, 0, 0, 0 },
	{ "recvmsg", "vsock streams; connected descriptors from the broker", ANY, 0, 0, 0 },
	{ "sendmsg", "vsock streams; requests to the broker", ANY, 0, 0, 0 },
	{ "shutdown", "half-close of a vsock stream", ANY, 0, 0, 0 },
	{ "close", "connections that ended", ANY, 0, 0, 0 },
	{ "clock_gettime", "where the vDSO cannot tell", ANY, 0, 0, 0 },
};

const struct policy policy_outer = {
	"outer", "the monitor, from its first instruction",
	rules, sizeof(rules) / sizeof(rules[0]),
};
