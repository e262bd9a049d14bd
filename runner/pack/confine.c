/* confine.c - what sandbox-pack gives up besides its rights. */
#include "runner/pack/confine.h"

#include <errno.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runner/pack/wire.h"
#include "seccomp/load.h"

#define METADATA (2ull << 30)		/* bytes of an image besides content */
#define MAX_MEMORY (3ull << 30)		/* the tree, and what decompressors need */
#define MAX_SECONDS 3600		/* of processor time */

static int limit(int what, uint64_t most, const char *name, struct err *err)
{
	const struct rlimit l = { most, most };

	return setrlimit((__rlimit_resource_t)what, &l) < 0 ? err_sys(err, "a limit of %s", name) : 0;
}

int confine_belongings(uint64_t max_bytes, struct err *err)
{
	int rc;

	if (syscall(SYS_close_range, PACK_FD_END, ~0u, 0) < 0)
		return err_sys(err, "close_range");
	if (chdir("/") < 0)
		return err_sys(err, "/");
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	rc = limit(RLIMIT_FSIZE, 2 * max_bytes + METADATA, "file size", err);
	if (rc == 0)
		rc = limit(RLIMIT_CPU, MAX_SECONDS, "processor time", err);
	return rc < 0 ? rc : limit(RLIMIT_CORE, 0, "no core", err);
}

/* After the change of uid, which undoes it.  Who was gone before has hung up. */
int confine_to_parent(struct err *err)
{
	char byte;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return err_sys(err, "parent");
	if (recv(PACK_FD_ASK, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0)
		return err_set(err, EPIPE, "nobody wants the image any more");
	return 0;
}

/* Where no filter can be installed, in sanitizer builds, memory cannot be bounded, either. */
int confine_calls(struct err *err)
{
	struct rlimit was, bound;
	int rc;

	if (getrlimit(RLIMIT_AS, &was) < 0)
		return err_sys(err, "memory");
	bound = (struct rlimit){ was.rlim_cur < MAX_MEMORY ? was.rlim_cur : MAX_MEMORY, was.rlim_max };
	if (setrlimit(RLIMIT_AS, &bound) < 0)
		return err_sys(err, "a limit of memory");
	rc = seccomp_install(POLICY_PACK);	/* it can change no limit after that */
	if (rc == -ENOTSUP)
		return setrlimit(RLIMIT_AS, &was) < 0 ? err_sys(err, "memory") : 0;
	return rc < 0 ? err_set(err, -rc, "seccomp filter: %s", strerror(-rc)) : 0;
}
