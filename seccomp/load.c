/* load.c - installs a compiled filter.  Linked into the jailer and the vmm (musl),
 * sandbox-http and sandbox-pack (glibc); the programs come from the build, see gen.c. */
#include "seccomp/load.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "policies.h"

_Static_assert(sizeof(policy_programs) / sizeof(policy_programs[0]) == N_POLICIES,
	       "one program for each policy_id");

#if defined(__has_feature)
# if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#  define SANITIZED 1
# endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
# define SANITIZED 1
#endif

int seccomp_install(enum policy_id id)
{
	struct sock_fprog prog = {
		.len = policy_programs[id].n,
		.filter = (struct sock_filter *)(uintptr_t)policy_programs[id].insns,
	};

#ifdef SANITIZED
	(void)prog;
	return -ENOTSUP;
#else
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0 ? -errno : 0;
#endif
}
