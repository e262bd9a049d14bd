/* share.c - what a process shares with others without having asked for it: keeper and monitor
 * inherit that they do not. */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "jailer/jail.h"
#include "lib/fd.h"

/* prctl(2); younger than the C library's header, which cannot stand beside the kernel's. */
#define PR_SCHED_CORE		62
#define PR_SCHED_CORE_GET	0
#define PR_SCHED_CORE_CREATE	1
#define SCOPE_THREAD		0
#define SCOPE_THREAD_GROUP	1
#define PR_SET_MEMORY_MERGE	67
#define PR_GET_MEMORY_MERGE	68

static long keyctl(int op, long a, long b, long c)
{
	return syscall(SYS_keyctl, op, a, b, c);
}

/* A caller's session keyring may hold what opens its encrypted or remote file systems.  A
 * kernel without keys has none to leave. */
static void leave_keyring(struct jail *j)
{
	if (keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0) >= 0 || errno == ENOSYS)
		layer_on(j, LAYER_KEYRING);
}

bool holds_no_key(const struct jail *j)
{
	return !layer_is_on(j, LAYER_KEYRING) ||
	       keyctl(KEYCTL_READ, KEY_SPEC_SESSION_KEYRING, 0, 0) == 0 || errno == ENOSYS;
}

/* Two threads of one core see each other's caches and buffers.  With a cookie of its own the
 * other thread runs this machine's threads, or nothing. */
static int take_core(void)
{
	return prctl(PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0, SCOPE_THREAD_GROUP, 0);
}

static bool has_core(void)
{
	unsigned long cookie = 0;

	return prctl(PR_SCHED_CORE, PR_SCHED_CORE_GET, 0, SCOPE_THREAD, &cookie) == 0 && cookie;
}

/* Where none has two threads, or their second ones are switched off. */
static bool cores_are_single(void)
{
	autoclose int fd = open("/sys/devices/system/cpu/smt/active", O_RDONLY | O_CLOEXEC);
	char active;

	return read(fd, &active, 1) == 1 && active == '0';
}

static void share_no_core(struct jail *j)
{
	j->own_core = take_core() == 0;
	if (j->own_core || cores_are_single())
		layer_on(j, LAYER_CORE);
}

bool shares_no_core(const struct jail *j)
{
	return !j->own_core || has_core();
}

bool merges_no_page(const struct jail *j)
{
	(void)j;
	return prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0) <= 0;
}

int share_nothing(struct jail *j, struct err *err)
{
	leave_keyring(j);
	share_no_core(j);
	if (prctl(PR_SET_MEMORY_MERGE, 0, 0, 0, 0) < 0 && errno != EINVAL)
		return err_sys(err, "merging of pages");
	return 0;
}
