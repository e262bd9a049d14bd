/* keep.c - the process that stays behind: waits for the vmm, kills it when the runner is
 * gone, removes its control groups, reports its status.
 *
 * It holds the pidfd, the leash, a socket to the child, a signalfd and the directories of
 * the control groups.  As root it keeps uid 0, which owns those directories, but no
 * capability beyond what removing them needs; its root is empty and its filter has no way
 * to open, execute or connect.  It waits with ppoll() only, which is a call everywhere and goes
 * on by itself after a stop and a continue. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jailer/jail.h"
#include "lib/fd.h"
#include "lib/io.h"
#include "seccomp/load.h"

#define OOM_SCORE 500	/* when the host runs out of memory, a machine goes before the rest */

/* Write one file of the child's in /proc. */
static int put_proc(const struct jail *j, struct err *err, const char *file, const char *text)
{
	char path[64];
	autoclose int fd = -1;

	snprintf(path, sizeof(path), "%d/%s", j->pid, file);
	fd = openat(j->proc, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return err_sys(err, "/proc/%s", path);
	return 0;
}

/* One id, and not 0: nothing in the namespace is root, even inside. */
static int map_ids(const struct jail *j, struct err *err)
{
	char map[64];
	int rc = 0;

	if (!j->privileged)	/* the kernel's condition for a user's gid map */
		rc = put_proc(j, err, "setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1", JAIL_ID, j->gid);
	if (rc == 0)
		rc = put_proc(j, err, "gid_map", map);
	snprintf(map, sizeof(map), "%u %u 1", JAIL_ID, j->uid);
	if (rc == 0)
		rc = put_proc(j, err, "uid_map", map);
	return rc;
}

static int release_child(const struct jail *j, bool userns, struct err *err)
{
	struct go go = { .pid = j->pid, .cpu_ns = j->cpu_ns };
	char score[16];
	int rc;

	snprintf(score, sizeof(score), "%d", OOM_SCORE);
	rc = put_proc(j, err, "oom_score_adj", score);
	if (rc == 0 && userns)
		rc = map_ids(j, err);
	if (rc == 0 && io_write(j->keeper_end, &go, sizeof(go)) < 0)
		rc = err_sys(err, "the child is gone");
	return rc;
}

/* The machine's descriptors are not the keeper's: the runner waits for their end. */
static void close_others(struct jail *j)
{
	syscall(SYS_close_range, 0, FD_LEASH - 1, 0);
	close(FD_VMM);
	close(j->child_end);
	close(j->proc);
	cgroups_settle(&j->cgroups);
}

/* As real uid it takes the vmm's, so that it may signal that one without CAP_KILL. */
static int shrink_root(struct jail *j, struct err *err)
{
	uint64_t keep = cgroups_need_override(&j->cgroups) ? 1ull << CAP_DAC_OVERRIDE : 0;

	if (lock_securebits(err) < 0 || empty_bounding_set(err) < 0)
		return -err->code;
	if (setresuid(j->uid, 0, 0) < 0)
		return err_sys(err, "keeper: uid");
	return limit_caps(keep, keep, err);
}

static int shrink(struct jail *j, struct err *err)
{
	int rc = j->privileged ? shrink_root(j, err) : 0;

	if (rc < 0)
		return rc;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, "keeper");
	rc = seccomp_install(POLICY_KEEPER);
	if (rc < 0 && rc != -ENOTSUP)
		return err_set(err, -rc, "keeper: seccomp filter: %s", strerror(-rc));
	return 0;
}

static void kill_child(const struct jail *j)
{
	cgroups_kill(&j->cgroups);
	syscall(SYS_pidfd_send_signal, j->pidfd, SIGKILL, NULL, 0);
}

/* Return when the child has ended: by itself, or because the runner did, or asked us. */
static void wait_for_end(const struct jail *j, int signals)
{
	struct pollfd p[] = {
		{ .fd = j->pidfd, .events = POLLIN },
		{ .fd = FD_LEASH },			/* POLLERR: nobody reads it any more */
		{ .fd = signals, .events = POLLIN },
	};
	struct err err;

	while (!p[0].revents) {
		if (ppoll(p, 3, NULL, NULL) < 0 && errno != EINTR) {
			err_sys(&err, "the keeper cannot watch the monitor");
			report_error(FD_LEASH, &err);
			p[1].revents = POLLERR;		/* so end it */
		}
		if (p[1].revents || p[2].revents) {
			kill_child(j);
			p[1].fd = p[2].fd = -1;
			p[1].revents = p[2].revents = 0;
		}
	}
}

static void reap(const struct jail *j, struct report_ended *e)
{
	siginfo_t info = { 0 };
	struct rusage ru = { 0 };

	while (syscall(SYS_waitid, P_PID, j->pid, &info, WEXITED, &ru) < 0 && errno == EINTR)
		;
	if (info.si_code == CLD_EXITED)
		e->code = info.si_status;
	else
		e->signal = info.si_status;
	e->user_us = (uint64_t)ru.ru_utime.tv_sec * 1000000 + (uint64_t)ru.ru_utime.tv_usec;
	e->system_us = (uint64_t)ru.ru_stime.tv_sec * 1000000 + (uint64_t)ru.ru_stime.tv_usec;
	e->maxrss_kib = (uint64_t)ru.ru_maxrss;
}

/* The child writes one byte when a step of it failed; its error is on the leash already. */
static bool child_gave_up(const struct jail *j)
{
	struct pollfd p = { .fd = j->keeper_end, .events = POLLIN };
	const struct timespec at_once = { 0 };
	char byte;

	return ppoll(&p, 1, &at_once, NULL) == 1 && read(j->keeper_end, &byte, 1) == 1;
}

static int stop_signals(void)
{
	sigset_t stop;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGHUP);
	return signalfd(-1, &stop, SFD_CLOEXEC);	/* all signals are blocked already */
}

void keep(struct jail *j, bool userns)
{
	struct report r = { .kind = REPORT_ENDED };
	struct err err;
	int signals = stop_signals();
	int rc = release_child(j, userns, &err);

	close_others(j);
	if (rc == 0)
		rc = shrink(j, &err);
	if (rc < 0) {
		report_error(FD_LEASH, &err);
		kill_child(j);
	}
	wait_for_end(j, signals);
	reap(j, &r.ended);
	r.ended.oom_kill = cgroups_oom_kills(&j->cgroups);
	r.ended.leftovers = cgroups_remove(&j->cgroups);
	report_send(FD_LEASH, &r);
	_exit(rc < 0 || child_gave_up(j));
}
