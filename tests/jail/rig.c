/* rig.c - plays the runner for one start of the jailer; see rig.h. */
#include "tests/jail/rig.h"

#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/io.h"

#define ABOVE 100	/* the rig's own descriptors stay clear of the contract's numbers */

const char *rig_build, *rig_jailer;
int rig_kvm = -1;
uid_t rig_user;

static void fail(const char *what)
{
	perror(what);
	exit(2);
}

static int above(int fd)
{
	int up = fcntl(fd, F_DUPFD_CLOEXEC, ABOVE);

	if (fd < 0 || up < 0)
		fail("rig: descriptor");
	close(fd);
	return up;
}

static int open_built(const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", rig_build, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail(path);
	return above(fd);
}

static void make_pipe(int *ours, int *theirs)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		fail("pipe");
	*ours = above(p[0]);
	*theirs = above(p[1]);
}

void rig_replace(struct rig *r, int number, int fd)
{
	if (r->fd[number] >= 0)
		close(r->fd[number]);
	r->fd[number] = fd < 0 ? -1 : above(fd);
}

void rig_spec(struct rig *r, const char *text)
{
	int fd = memfd_create("spec", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || io_write(fd, text, strlen(text)) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		fail("spec");
	rig_replace(r, FD_SPEC, fd);
}

void rig_init(struct rig *r)
{
	static char jailer[256];
	int pair[2];

	*r = (struct rig){ .jailer = rig_jailer ? rig_jailer : jailer };
	snprintf(jailer, sizeof(jailer), "%s/sandbox-jailer", rig_build);
	for (int i = 0; i < FD_JAILER_END; i++)
		r->fd[i] = -1;
	for (int i = 0; i < 3; i++)
		rig_replace(r, i, dup(i));
	rig_spec(r, "memory = 64M\ncpus = 2\ndisks = 1\ndisks-ro = 1\n");
	make_pipe(&r->log, &r->fd[FD_LOG]);
	make_pipe(&r->console, &r->fd[FD_CONSOLE]);
	make_pipe(&r->leash, &r->fd[FD_LEASH]);
	fcntl(r->fd[FD_LOG], F_SETFL, O_NONBLOCK);
	fcntl(r->fd[FD_CONSOLE], F_SETFL, O_NONBLOCK);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		fail("broker");
	r->broker = above(pair[0]);
	r->fd[FD_BROKER] = above(pair[1]);
	r->fd[FD_KERNEL] = open_built("jail/probe");
	r->fd[FD_AGENT] = open_built("jail/probe");
	r->fd[FD_DISK0] = open_built("jail/probe");
	r->fd[FD_VMM] = open_built("jail/probe");
	if (rig_kvm >= 0)
		r->fd[FD_KVM] = above(dup(rig_kvm));
}

static void drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void rig_free(struct rig *r)
{
	for (int i = 0; i < FD_JAILER_END; i++)
		drop(&r->fd[i]);
	drop(&r->log);
	drop(&r->console);
	drop(&r->leash);
	drop(&r->broker);
}

void rig_again(struct rig *r)
{
	void (*before_exec)(void) = r->before_exec;

	rig_free(r);
	rig_init(r);
	r->before_exec = before_exec;
}

void rig_become_user(void)
{
	const gid_t group = rig_user;

	if (rig_user && geteuid() != rig_user &&
	    (setgroups(1, &group) < 0 || setresgid(rig_user, rig_user, rig_user) < 0 ||
	     setresuid(rig_user, rig_user, rig_user) < 0))
		fail("rig: user");
}

/* The descriptors are all above the contract's numbers, so none is overwritten unread. */
static void become_jailer(struct rig *r, const char *arg)
{
	char *const argv[] = { (char *)(uintptr_t)r->jailer, (char *)(uintptr_t)arg, NULL };

	for (int i = 0; i < FD_JAILER_END; i++) {
		if (r->fd[i] < 0)
			close(i);
		else if (dup2(r->fd[i], i) < 0)
			_exit(120);
	}
	if (r->before_exec)
		r->before_exec();
	rig_become_user();
	execv(r->jailer, argv);
	_exit(121);
}

static void start(struct rig *r, const char *arg)
{
	r->pid = fork();
	if (r->pid < 0)
		fail("fork");
	if (r->pid == 0)
		become_jailer(r, arg);
	for (int i = 0; i < FD_JAILER_END; i++)	/* theirs alone now */
		drop(&r->fd[i]);
}

void rig_start(struct rig *r)
{
	start(r, NULL);
}

int rig_explain(struct rig *r)
{
	int ours, theirs, status;
	size_t have = 0;
	ssize_t n;

	make_pipe(&ours, &theirs);
	rig_replace(r, 1, theirs);
	start(r, "--explain");
	while ((n = io_read_some(ours, r->out + have, sizeof(r->out) - 1 - have)) > 0)
		have += (size_t)n;
	r->out[have] = '\0';
	close(ours);
	waitpid(r->pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* One report if there is one within that time; false at the leash's end. */
static bool take_report(struct rig *r, int timeout_ms)
{
	struct pollfd p = { .fd = r->leash, .events = POLLIN };
	struct report got;

	if (poll(&p, 1, timeout_ms) <= 0)
		return true;
	if (io_read(r->leash, &got, sizeof(got)) < 0)
		return false;
	if (got.kind == REPORT_JAILED)
		r->jailed = got;
	else if (got.kind == REPORT_ENDED)
		r->ended = got;
	else
		r->error = got;
	return true;
}

bool rig_up(struct rig *r, char *hello, size_t n)
{
	struct pollfd p[] = { { .fd = r->log, .events = POLLIN },
			      { .fd = r->leash, .events = POLLIN } };
	ssize_t got;

	while (!p[0].revents && poll(p, 2, 5000) > 0)
		if (p[1].revents && !take_report(r, 0))
			p[1].fd = -1;
	if (!(p[0].revents & POLLIN))
		return false;
	got = io_read_some(r->log, hello, n - 1);
	hello[got > 0 ? got : 0] = '\0';
	while (!r->jailed.kind && take_report(r, 1000))
		;
	return got > 0;
}

void rig_order(struct rig *r, uint64_t what, uint64_t arg)
{
	struct order order = { what, arg };

	send(r->broker, &order, sizeof(order), MSG_NOSIGNAL);
}

bool rig_down(struct rig *r)
{
	for (int ms = 0; ms < 5000; ms += 5) {
		if (r->leash >= 0)
			take_report(r, 0);
		if (waitpid(r->pid, &r->status, WNOHANG) == r->pid) {
			while (r->leash >= 0 && take_report(r, 100) && !r->ended.kind)
				;
			return true;
		}
		usleep(5000);
	}
	return false;
}

const char *rig_refusal(struct rig *r)
{
	rig_start(r);
	if (!rig_down(r)) {
		kill(r->pid, SIGKILL);
		return NULL;
	}
	if (!WIFEXITED(r->status) || WEXITSTATUS(r->status) != 1 || !r->error.kind)
		return NULL;
	return r->error.err.msg;
}

static bool gone(pid_t pid)
{
	for (int ms = 0; ms < 2000; ms += 5) {
		if (pid <= 0)
			return true;
		waitpid(pid, NULL, WNOHANG);	/* an orphan has come to us */
		if (kill(pid, 0) < 0)
			return true;
		usleep(5000);
	}
	fprintf(stderr, "left: process %d\n", pid);
	return false;
}

static glob_t old;	/* directories that were there before any test */

void rig_remember(void)
{
	if (glob("/sys/fs/cgroup{,/*}/sandbox-*", GLOB_BRACE, NULL, &old))
		old.gl_pathc = 0;
}

static bool is_old(const char *path)
{
	for (size_t i = 0; i < old.gl_pathc; i++)
		if (!strcmp(old.gl_pathv[i], path))
			return true;
	return false;
}

/* Directories of other runs on this machine are not ours to judge, nor those of a run long
 * ago that had this pid and was killed with its keeper. */
static bool no_cgroup_of(const struct rig *r)
{
	static const char *const tops[] = { "", "/unified", "/memory", "/pids", "/cpu", "/blkio" };
	bool none = true;

	for (size_t i = 0; i < sizeof(tops) / sizeof(tops[0]); i++) {
		char path[128];

		snprintf(path, sizeof(path), "/sys/fs/cgroup%s/sandbox-%d", tops[i], r->pid);
		if (access(path, F_OK) == 0 && !is_old(path)) {
			fprintf(stderr, "left: %s\n", path);
			none = false;
		}
	}
	for (int i = 0; i < 5; i++)
		if (r->jailed.jailed.cgroup[i][0] &&
		    access(r->jailed.jailed.cgroup[i], F_OK) == 0)
			none = false;
	return none;
}

bool rig_nothing_left(const struct rig *r)
{
	bool clean = gone(r->pid);

	clean &= gone(r->jailed.jailed.vmm_pid);
	return clean & no_cgroup_of(r);
}
