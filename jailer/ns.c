/* ns.c - the split: the child gets namespaces and control groups of its own. */
#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <net/if.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "jailer/jail.h"
#include "lib/fd.h"
#include "lib/io.h"

#define NAMESPACES (CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)

/* From the strongest split to the weakest that is still one. */
static const struct attempt {
	bool userns, into_cgroup;
} attempts[] = {
	{ true, true }, { true, false }, { false, true }, { false, false },
};

/* Some hosts refuse users a user namespace, some let them make one and give no rights in it.
 * Whoever is inside when that shows cannot go back, so a process of its own looks first.  Want
 * of memory or processes is no refusal: the split then fails too, and says so. */
static bool is_refused_namespaces(void)
{
	pid_t pid = fork();
	int status, code;

	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
		      mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? errno : 0);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return false;
	code = WEXITSTATUS(status);
	return code == EPERM || code == EACCES || code == ENOSPC || code == EUSERS || code == EINVAL ||
	       code == ENOSYS;
}

static bool makes_sense(const struct attempt *a, const struct jail *j)
{
	if (a->userns ? j->bare : !j->privileged && !j->bare)
		return false;
	return !a->into_cgroup || j->cgroups.d[CG_V2].parent >= 0;
}

static pid_t split(const struct attempt *a, struct jail *j)
{
	struct clone_args args = {
		.flags = CLONE_PIDFD | (j->bare ? 0 : NAMESPACES) | (a->userns ? CLONE_NEWUSER : 0),
		.pidfd = (uint64_t)(uintptr_t)&j->pidfd,
		.exit_signal = SIGCHLD,
	};
	long pid;

	if (a->into_cgroup) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)j->cgroups.d[CG_V2].dir;
	}
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0 && errno == ENOSYS && !a->into_cgroup)	/* before 5.3, or filtered */
		pid = syscall(SYS_clone, args.flags | SIGCHLD, NULL, &j->pidfd, NULL, 0);
	return (pid_t)pid;
}

/* What the child may only do once the keeper has written its id map. */
static int await_keeper(struct jail *j, struct err *err)
{
	struct go go;
	int rc = io_read(j->child_end, &go, sizeof(go));

	if (rc < 0) {
		err->code = 0;	/* the keeper has told why, or was killed */
		return rc;
	}
	j->pid = go.pid;
	j->cpu_ns = go.cpu_ns;
	return 0;
}

static int begin_child(const struct attempt *a, struct jail *j, struct err *err)
{
	sigset_t none;
	int rc;

	j->child = true;
	close(j->keeper_end);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (setsid() < 0)
		return err_sys(err, "setsid");
	rc = await_keeper(j, err);
	if (rc < 0)
		return rc;
	j->layers |= cgroups_attach(&j->cgroups, a->into_cgroup);
	cgroups_settle(&j->cgroups);
	if (j->bare)
		return 0;
	/* Only now, so that the root of the namespace is our own group. */
	if (unshare(CLONE_NEWCGROUP) < 0)
		return err_sys(err, "cgroup namespace");
	for (enum layer l = LAYER_PIDNS; l <= LAYER_CGROUPNS; l++)
		layer_on(j, l);
	if (a->userns)
		layer_on(j, LAYER_USERNS);
	return 0;
}

uint64_t cpu_so_far(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

int enter_namespaces(struct jail *j, struct err *err)
{
	int ends[2];

	j->uid = j->privileged ? JAIL_HOST_ID + (uid_t)getpid() : getuid();
	j->gid = j->privileged ? JAIL_HOST_ID + (gid_t)getpid() : getgid();
	/* The keeper of root shall not see the host's files either; and with the mounts gone
	 * the child has none to copy. */
	if (j->privileged) {
		if (unshare(CLONE_NEWNS) < 0)
			return err_sys(err, "mount namespace");
		if (empty_root(j, err) < 0)
			return -err->code;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return err_sys(err, "socket pair");
	j->keeper_end = ends[0];
	j->child_end = ends[1];
	j->bare = !j->privileged && is_refused_namespaces();
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		if (!makes_sense(&attempts[i], j))
			continue;
		j->pid = split(&attempts[i], j);
		if (j->pid == 0)
			return begin_child(&attempts[i], j, err);
		j->cpu_ns = cpu_so_far();
		if (j->pid > 0)
			keep(j, attempts[i].userns);
	}
	return err_sys(err, "namespaces");
}

/* A new network namespace has only a loopback interface, and it is down. */
static int check_network(struct err *err)
{
	autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = "lo" };

	if (fd < 0 && (errno == EAFNOSUPPORT || errno == EPERM || errno == EACCES))
		return 0;	/* without IPv4, or the right to it, there is nothing to check */
	if (fd < 0)
		return err_sys(err, "loopback interface: no socket to look at it");
	if (ioctl(fd, SIOCGIFFLAGS, &ifr) < 0)
		return err_sys(err, "loopback interface");
	if (ifr.ifr_flags & IFF_UP)
		return err_set(err, ENOTUNIQ, "loopback interface: is up");
	return 0;
}

int name_host(struct jail *j, struct err *err)
{
	char name[65];

	if (j->bare)
		return 0;
	if (sethostname(JAIL_HOSTNAME, strlen(JAIL_HOSTNAME)) < 0 || setdomainname("", 0) < 0)
		return err_sys(err, "host name");
	if (gethostname(name, sizeof(name)) < 0 || strcmp(name, JAIL_HOSTNAME))
		return err_set(err, EPERM, "host name: is not what it was set to");
	return check_network(err);
}

void explain_ids(const struct jail *j, FILE *out)
{
	fprintf(out, "\tuser pid mount net ipc uts cgroup; uid and gid %u inside, ", JAIL_ID);
	if (j->privileged)
		fprintf(out, "outside %u + the keeper's pid,\n\tof which no other process or "
			"file is\n", JAIL_HOST_ID);
	else
		fprintf(out, "outside this user's own %u;\n\tnone of them where user namespaces "
			"are refused to this user\n", (unsigned)j->uid);
}
