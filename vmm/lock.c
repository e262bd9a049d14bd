/* lock.c - giving up what only the start needed. */
#include "vmm/lock.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <ucontext.h>
#include <unistd.h>

#include "lib/fds.h"
#include "lib/report.h"
#include "vmm/arch/arch.h"

#define EXIT_VIOLATION 3

/* On the offending thread, under its filter: nothing but write() and exit_group().  The
 * report has no time, because on some hosts asking for it is a system call. */
static void on_violation(int sig, siginfo_t *info, void *context)
{
	struct report r = { .kind = REPORT_VIOLATION };

	(void)sig;
	strncpy(r.violation.thread, thread_name(), sizeof(r.violation.thread) - 1);
	r.violation.nr = (uint32_t)info->si_syscall;
	r.violation.arch = (uint32_t)info->si_arch;
	arch_syscall_args(context, r.violation.arg);
	(void)!write(FD_LOG, &r, sizeof(r));
	_exit(EXIT_VIOLATION);
}

/* On whatever thread.  The first process of a namespace, as the monitor is, takes no harm from
 * SIGXCPU by itself. */
static void on_cpu_limit(int sig)
{
	struct report r = { .kind = REPORT_STOPPED, .stopped.reason = STOP_CPU_LIMIT };

	(void)sig;
	(void)!write(FD_LOG, &r, sizeof(r));
	_exit(0);
}

static int end_at_limit(struct err *err)
{
	struct sigaction limit = { .sa_handler = on_cpu_limit };

	return sigaction(SIGXCPU, &limit, NULL) < 0 ? err_sys(err, "lock: sigaction") : 0;
}

int lock_prepare(bool cpu_limited, struct err *err)
{
	struct sigaction violation = { .sa_sigaction = on_violation, .sa_flags = SA_SIGINFO };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return err_sys(err, "lock: the monitor stays dumpable");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, "lock: no_new_privs");
	if (sigaction(SIGSYS, &violation, NULL) < 0 || sigaction(SIGPIPE, &ignore, NULL) < 0)
		return err_sys(err, "lock: sigaction");
	return cpu_limited ? end_at_limit(err) : 0;
}

int lock_down(struct threads *all, enum policy_id loop, bool *filtered, struct err *err)
{
	int rc = threads_parked(all, filtered, err);

	if (rc < 0)
		return rc;
	rc = seccomp_install(loop);
	if (rc == -ENOTSUP)
		*filtered = false;
	else if (rc < 0)
		return err_set(err, -rc, "lock: no filter for the loop: %s", strerror(-rc));
	return 0;
}
