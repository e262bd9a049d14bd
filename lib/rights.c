/* rights.c - the rights of a process nobody trusts: none, each followed by a look. */
#include "lib/rights.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY 65534

/* The bounding set first: emptying it takes a capability. */
static int become_nobody(struct err *err)
{
	for (unsigned cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return err_sys(err, "bounding set");
	if (setgroups(0, NULL) < 0)
		return err_sys(err, "groups");
	if (setresgid(NOBODY, NOBODY, NOBODY) < 0)
		return err_sys(err, "gid %u", NOBODY);
	if (setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return err_sys(err, "uid %u", NOBODY);
	if (setuid(0) == 0 || setgid(0) == 0 || getuid() != NOBODY || geteuid() != NOBODY)
		return err_set(err, EPERM, "root is still to be had");
	return 0;
}

static int empty_caps(struct err *err)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct set[2] = { 0 };

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
	    syscall(SYS_capset, &head, set) < 0 || syscall(SYS_capget, &head, set) < 0)
		return err_sys(err, "capabilities");
	for (unsigned i = 0; i < 2; i++)
		if (set[i].effective | set[i].permitted | set[i].inheritable)
			return err_set(err, EPERM, "capabilities are left");
	return 0;
}

int rights_drop(struct err *err)
{
	bool root = getuid() == 0 || geteuid() == 0;
	int rc = root ? become_nobody(err) : 0;

	if (rc == 0)
		rc = empty_caps(err);
	if (rc < 0)
		return rc;
	/* after the change of uid, which may undo it */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return err_sys(err, "dumpable");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return err_sys(err, "no_new_privs");
	return 0;
}
