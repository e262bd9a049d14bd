/* clean.c - the first step: what a process inherits besides descriptors, set to known values. */
#include <errno.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "jailer/jail.h"

/* The steps need a few numbers above the contract's, whatever soft limit we were given. */
static int allow_own_fds(struct err *err)
{
	const rlim_t need = FD_JAILER_END + 32;
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return err_sys(err, "limit of open files");
	if (r.rlim_max < need)
		return err_set(err, EMFILE, "limit of open files: %llu is too low, "
			       "%llu are needed: raise it with ulimit -n",
			       (unsigned long long)r.rlim_max, (unsigned long long)need);
	if (r.rlim_cur >= need)
		return 0;
	r.rlim_cur = need;
	return setrlimit(RLIMIT_NOFILE, &r) < 0 ? err_sys(err, "limit of open files") : 0;
}

/* The C library does not let its own two signals, 32 and 33, be set; a caller may have. */
static void set_signal(int sig, sighandler_t handler)
{
	const struct {		/* the kernel's struct sigaction: rt_sigaction(2) */
		sighandler_t handler;
		unsigned long flags;
		void *restorer;
		unsigned long mask;
	} action = { .handler = handler };

	syscall(SYS_rt_sigaction, sig, &action, NULL, sizeof(action.mask));
}

/* Ignoring a signal for a moment discards one that is pending. */
static void reset_signals(void)
{
	const struct itimerval never = { 0 };
	sigset_t all;

	setitimer(ITIMER_REAL, &never, NULL);
	for (int i = 1; i < NSIG; i++) {
		set_signal(i, SIG_IGN);
		set_signal(i, SIG_DFL);
	}
	set_signal(SIGPIPE, SIG_IGN);		/* a runner that is gone must not stop us */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
}

int forget_caller(struct jail *j, struct err *err)
{
	int rc;

	cgroups_init(&j->cgroups);
	rc = look_at_rights(j, err);
	if (rc < 0)
		return rc;
	clearenv();
	umask(077);
	reset_signals();
	prctl(PR_SET_TSC, PR_TSC_ENABLE);	/* x86: else to ask for the time may be a SIGSEGV */
	setsid();		/* fails for a process group leader, which is as good */
	if (chdir("/") < 0)
		return err_sys(err, "/");
	if (syscall(SYS_close_range, FD_JAILER_END, ~0u, 0) < 0)
		return err_sys(err, "closing stray descriptors (Linux 5.9 or later is needed)");
	return allow_own_fds(err);
}
