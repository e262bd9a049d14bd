/* rights.c - what the HTTP process gives up besides its rights. */
#include "runner/http/drop.h"

#include <errno.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "runner/http/wire.h"
#include "seccomp/load.h"

#define MAX_FDS 1024	/* 256 connections with a body and an output each; all in an fd_set */

int drop_belongings(struct err *err)
{
	struct rlimit none = { 0, 0 }, files = { MAX_FDS, MAX_FDS };

	if (syscall(SYS_close_range, HTTP_FD_LISTEN + 1, ~0u, 0) < 0)
		return err_sys(err, "close_range");
	if (chdir("/") < 0)
		return err_sys(err, "/");
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		return err_sys(err, "a limit of %u open files", MAX_FDS);
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return err_sys(err, "no core");
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

int drop_calls(struct err *err)
{
	int rc;

	tzset();	/* a Date header asks for it, and the first time it opens a file */
	rc = seccomp_install(POLICY_HTTP);
	if (rc < 0 && rc != -ENOTSUP)
		return err_set(err, -rc, "seccomp filter: %s", strerror(-rc));
	return 0;
}
