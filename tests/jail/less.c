/* less.c - a host that offers less, by a seccomp filter; see less.h. */
#include "tests/jail/less.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define REFUSE(error) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IF(op, value, yes, no) BPF_JUMP(BPF_JMP | (op) | BPF_K, value, yes, no)

#define NO_CALL UINT32_MAX

static void filter(unsigned refused_flags, unsigned refused_call)
{
	struct sock_filter insns[] = {
		LOAD(nr),
		IF(BPF_JEQ, SYS_clone3, 0, 1),
		REFUSE(ENOSYS),
		IF(BPF_JEQ, refused_call, 0, 1),
		REFUSE(EPERM),
		IF(BPF_JEQ, SYS_clone, 1, 0),
		IF(BPF_JEQ, SYS_unshare, 0, 3),
		LOAD(args[0]),
		IF(BPF_JSET, refused_flags, 0, 1),
		REFUSE(EPERM),
		ALLOW,
	};
	struct sock_fprog prog = { sizeof(insns) / sizeof(insns[0]), insns };

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0)
		return;		/* as root, who can leave file capabilities what they are */
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
		_exit(122);
}

void less_clone3(void)
{
	filter(0, NO_CALL);
}

void less_user_namespaces(void)
{
	filter(CLONE_NEWUSER, NO_CALL);
}

void less_rights(void)
{
	filter(0, SYS_mount);
}
