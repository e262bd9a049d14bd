/* inject.c - COMMAND, in which one system call of one process fails or is the last.
 *
 *	inject REPORT COMMAND...			which calls there are
 *	inject REPORT TASK CALL NTH ERROR COMMAND...	the NTH CALL of TASK fails with ERROR
 *	inject REPORT TASK CALL NTH KILL COMMAND...	the task is killed as it makes that call
 *
 * Tasks - processes and threads - are numbered as they appear, 0 is COMMAND.  strace counts the
 * same way but for every process at once, and what it injects is a call that a filter does not
 * let pass: here a call behind a filter is made with an argument that does nothing.
 *
 * The status is COMMAND's own, 128 + n if a signal ended it.  All that COMMAND left running is
 * waited for, and killed after a while; the report says so, a line each:
 *
 *	call TASK CALL COUNT FIRST ERROR...	FIRST: before it, the call is the dynamic loader's
 *	task TASK PID
 *	done, or nothing: the call was not met
 *	left PID NAME */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

#define MAX_TASKS 64
#define MAX_CALLS 512
#define DUP (MAX_CALLS - 1)	/* fcntl() that makes a descriptor; the others cannot fail */
#define READ_FILE (MAX_CALLS - 2)	/* only a file has errors of its own: a pipe, a socket or an */
#define WRITE_FILE (MAX_CALLS - 3)	/* eventfd can at most be interrupted */
#define PATIENCE 20		/* seconds, for what COMMAND left running */
#define LIMIT 240		/* seconds, for all */

/* Which errors fit, and which register makes the call do nothing where its number must stay. */
static const struct call {
	int nr;
	const char *name, *errors;
	size_t reg;
	long value;
} calls[] = {
#define FD offsetof(struct user_regs_struct, rdi), -1
#define LEN offsetof(struct user_regs_struct, rsi), 0
#define FLAGS offsetof(struct user_regs_struct, rsi), 0x7777
#define THREAD offsetof(struct user_regs_struct, rdi), 0x10000	/* CLONE_THREAD, and nothing with it */
	{ SYS_open, "open", "EMFILE EACCES", FD }, { SYS_openat, "openat", "EMFILE EACCES", FD },
	{ SYS_read, "read", "EINTR", FD }, { READ_FILE, "read-file", "EIO EINTR", FD },
	{ SYS_write, "write", "EINTR", FD }, { WRITE_FILE, "write-file", "EIO ENOSPC", FD },
	{ SYS_pread64, "pread64", "EIO EINTR", FD },
	{ SYS_pwrite64, "pwrite64", "ENOSPC", FD },
	{ SYS_writev, "writev", "EINTR", FD }, { SYS_readv, "readv", "EINTR", FD },
	{ SYS_preadv, "preadv", "EIO EINTR", FD }, { SYS_lseek, "lseek", "EIO", FD },
	{ SYS_mmap, "mmap", "ENOMEM", LEN }, { SYS_mprotect, "mprotect", "ENOMEM", LEN },
	{ SYS_madvise, "madvise", "ENOMEM", LEN }, { SYS_ioctl, "ioctl", "ENOMEM EINTR", FD },
	{ SYS_socketpair, "socketpair", "EMFILE ENOMEM", FD }, { SYS_pipe2, "pipe2", "EMFILE", FD },
	{ SYS_socket, "socket", "EMFILE", FD }, { SYS_eventfd2, "eventfd2", "EMFILE", FLAGS },
	{ SYS_epoll_create1, "epoll_create1", "EMFILE", FD }, { SYS_epoll_ctl, "epoll_ctl", "ENOSPC", FD },
	{ SYS_epoll_wait, "epoll_wait", "EINTR", FD }, { SYS_epoll_pwait, "epoll_pwait", "EINTR", FD },
	{ DUP, "dup", "EMFILE", FD }, { SYS_dup2, "dup2", "EMFILE", FD }, { SYS_dup3, "dup3", "EBUSY", FD },
	{ SYS_memfd_create, "memfd_create", "EMFILE", FD }, { SYS_signalfd4, "signalfd4", "EMFILE", FD },
	{ SYS_pidfd_open, "pidfd_open", "EMFILE", FD }, { SYS_fork, "fork", "EAGAIN", FD },
	{ SYS_vfork, "vfork", "EAGAIN", FD }, { SYS_clone, "clone", "EAGAIN", THREAD },
	{ SYS_clone3, "clone3", "EAGAIN ENOMEM", FD }, { SYS_execve, "execve", "ENOMEM", FD },
	{ SYS_execveat, "execveat", "ENOMEM", FD }, { SYS_unshare, "unshare", "ENOSPC", FD },
	{ SYS_mount, "mount", "ENOMEM", FD }, { SYS_umount2, "umount2", "EBUSY", FD },
	{ SYS_pivot_root, "pivot_root", "EINVAL", FD }, { SYS_chdir, "chdir", "EACCES", FD },
	{ SYS_setresuid, "setresuid", "EAGAIN", FD }, { SYS_setresgid, "setresgid", "EPERM", FD },
	{ SYS_setgroups, "setgroups", "EPERM", FD }, { SYS_capset, "capset", "EPERM", FD },
	{ SYS_capget, "capget", "EPERM", FD }, { SYS_prctl, "prctl", "EINVAL", FLAGS },
	{ SYS_seccomp, "seccomp", "ENOMEM", FLAGS }, { SYS_setsid, "setsid", "EPERM", FD },
	{ SYS_sethostname, "sethostname", "EPERM", FD }, { SYS_prlimit64, "prlimit64", "EPERM", FD },
	{ SYS_setdomainname, "setdomainname", "EPERM", FD },
	{ SYS_landlock_create_ruleset, "landlock_create_ruleset", "EOPNOTSUPP EMFILE", FD },
	{ SYS_landlock_add_rule, "landlock_add_rule", "ENOMEM", FD },
	{ SYS_landlock_restrict_self, "landlock_restrict_self", "ENOMEM", FD },
	{ SYS_mkdir, "mkdir", "ENOSPC EACCES", FD }, { SYS_mkdirat, "mkdirat", "ENOSPC EACCES", FD },
	{ SYS_unlink, "unlink", "EACCES", FD }, { SYS_unlinkat, "unlinkat", "EBUSY", FD },
	{ SYS_rename, "rename", "EACCES", FD }, { SYS_linkat, "linkat", "ENOSPC", FD },
	{ SYS_fsync, "fsync", "ENOSPC", FD }, { SYS_ftruncate, "ftruncate", "EIO", FD },
	{ SYS_flock, "flock", "ENOLCK", FD }, { SYS_fstat, "fstat", "EIO", FD },
	{ SYS_newfstatat, "newfstatat", "EIO", FD }, { SYS_readlink, "readlink", "EACCES", FD },
	{ SYS_utimensat, "utimensat", "EACCES", FD }, { SYS_getrandom, "getrandom", "ENOSYS", FD },
	{ SYS_poll, "poll", "ENOMEM EINTR", FD }, { SYS_wait4, "wait4", "EINTR", FD },
	{ SYS_waitid, "waitid", "EINTR", FD }, { SYS_recvmsg, "recvmsg", "ENOMEM EINTR", FD },
	{ SYS_sendmsg, "sendmsg", "ENOBUFS EINTR", FD },
	{ SYS_close_range, "close_range", "ENOSYS", FD }, { SYS_fstatfs, "fstatfs", "EIO", FD },
	{ SYS_pidfd_send_signal, "pidfd_send_signal", "EPERM", FD },
};

static const struct { const char *name; int code; } errors[] = {
	{ "EMFILE", EMFILE }, { "EACCES", EACCES }, { "EIO", EIO }, { "EINTR", EINTR },
	{ "ENOSPC", ENOSPC }, { "ENOMEM", ENOMEM }, { "EBUSY", EBUSY }, { "EAGAIN", EAGAIN },
	{ "EINVAL", EINVAL }, { "EPERM", EPERM }, { "EOPNOTSUPP", EOPNOTSUPP }, { "ENOLCK", ENOLCK },
	{ "ENOSYS", ENOSYS }, { "ENOBUFS", ENOBUFS },
};

#define N_CALLS (sizeof(calls) / sizeof(calls[0]))
#define N_ERRORS (sizeof(errors) / sizeof(errors[0]))

static struct task {
	pid_t pid;
	bool alive;
	bool fails;			/* the call it is in is the one */
	size_t reg;			/* of the call, has been changed and had... */
	long value;			/* ...this in it; 0: none */
	unsigned count[MAX_CALLS], first[MAX_CALLS];
	bool began;			/* it is past its loader */
} tasks[MAX_TASKS];

static unsigned n_tasks;
static FILE *report;
static bool injecting, done;
static unsigned the_task, nth;
static int the_nr, the_error;		/* 0: it is killed */
static int command_status = -1;
static volatile sig_atomic_t too_late;

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(2);
}

/* --- names --------------------------------------------------------------------------------- */

static const struct call *call_of(int nr)
{
	for (size_t i = 0; i < N_CALLS; i++)
		if (calls[i].nr == nr)
			return &calls[i];
	return NULL;
}

static int number_of(const char *name)
{
	for (size_t i = 0; i < N_CALLS; i++)
		if (!strcmp(calls[i].name, name))
			return calls[i].nr;
	return atoi(name);
}

static int error_of(const char *name)
{
	for (size_t i = 0; i < N_ERRORS; i++)
		if (!strcmp(errors[i].name, name))
			return errors[i].code;
	return 0;
}

/* --- tasks --------------------------------------------------------------------------------- */

static struct task *task_of(pid_t pid)
{
	for (unsigned i = 0; i < n_tasks; i++)
		if (tasks[i].pid == pid && tasks[i].alive)
			return &tasks[i];
	if (n_tasks == MAX_TASKS)
		die("too many tasks");
	fprintf(report, "task %u %d\n", n_tasks, pid);
	tasks[n_tasks] = (struct task){ .pid = pid, .alive = true, .began = n_tasks != 0 };
	return &tasks[n_tasks++];
}

static bool any_alive(void)
{
	for (unsigned i = 0; i < n_tasks; i++)
		if (tasks[i].alive)
			return true;
	return false;
}

static void name_of(pid_t pid, char name[32])
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "r");
	if (!f || !fgets(name, 32, f))
		strcpy(name, "?\n");
	if (f)
		fclose(f);
}

static void kill_all(void)
{
	for (unsigned i = 0; i < n_tasks; i++) {
		char name[32];

		if (!tasks[i].alive)
			continue;
		name_of(tasks[i].pid, name);
		fprintf(report, "left %d %s", tasks[i].pid, name);
		kill(tasks[i].pid, SIGKILL);
	}
}

/* --- the call ------------------------------------------------------------------------------ */

static bool is_filtered(pid_t pid)
{
	char path[64], line[256];
	bool filtered = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "Seccomp:\t2", 10))
			filtered = true;
	if (f)
		fclose(f);
	return filtered;
}

static void fail_call(struct task *t)
{
	const struct call *c = call_of(the_nr);
	size_t number = offsetof(struct user_regs_struct, orig_rax);

	t->fails = true;
	t->reg = is_filtered(t->pid) ? c->reg : 0;
	t->value = ptrace(PTRACE_PEEKUSER, t->pid, c->reg, 0);
	if (ptrace(PTRACE_POKEUSER, t->pid, t->reg ? t->reg : number, t->reg ? c->value : -1) < 0)
		die("a call that cannot be changed");
}

static bool is_file(pid_t pid, int fd)
{
	char path[64], name[8];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	return readlink(path, name, sizeof(name)) > 0 && name[0] == '/';
}

/* The number, or one that says more. */
static int kind_of(const struct task *t, int nr, const __u64 *args)
{
	if (nr == SYS_fcntl && (args[1] == F_DUPFD || args[1] == F_DUPFD_CLOEXEC))
		return DUP;
	if ((nr == SYS_read || nr == SYS_write) && is_file(t->pid, (int)args[0]))
		return nr == SYS_read ? READ_FILE : WRITE_FILE;
	return nr;
}

static void entered(struct task *t, int nr, const __u64 *args)
{
	nr = kind_of(t, nr, args);
	if (nr < 0 || nr >= MAX_CALLS)
		return;
	t->began |= nr == SYS_fcntl;		/* the first thing that main() does */
	t->count[nr]++;
	if (t->began && !t->first[nr])
		t->first[nr] = t->count[nr];
	if (!injecting || t != &tasks[the_task] || nr != the_nr || t->count[nr] != nth)
		return;
	done = true;
	if (the_error)
		fail_call(t);
	else
		kill(t->pid, SIGKILL);
}

static void left(struct task *t)
{
	if (!t->fails)
		return;
	t->fails = false;
	ptrace(PTRACE_POKEUSER, t->pid, offsetof(struct user_regs_struct, rax), (long)-the_error);
	if (t->reg)
		ptrace(PTRACE_POKEUSER, t->pid, t->reg, t->value);
}

static void at_call(struct task *t)
{
	struct ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, t->pid, sizeof(info), &info) <= 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		entered(t, (int)info.entry.nr, info.entry.args);
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		left(t);
}

/* --- watching ------------------------------------------------------------------------------ */

/* Which signal it is to have as it goes on. */
static int stopped(struct task *t, int status)
{
	int event = status >> 16, signo = WSTOPSIG(status);
	unsigned long child;

	if (signo == (SIGTRAP | 0x80)) {
		at_call(t);
		return 0;
	}
	if (event == PTRACE_EVENT_CLONE || event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK) {
		if (ptrace(PTRACE_GETEVENTMSG, t->pid, 0, &child) == 0)
			task_of((pid_t)child);
		return 0;
	}
	return event ? 0 : signo;
}

static void go_on(struct task *t, int signo)
{
	bool calls_matter = !done || t->fails;

	ptrace(calls_matter ? PTRACE_SYSCALL : PTRACE_CONT, t->pid, 0, (long)signo);
}

static void ended(struct task *t, int status)
{
	t->alive = false;
	if (t != &tasks[0])
		return;
	command_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	alarm(PATIENCE);
}

static void on_alarm(int signo)
{
	(void)signo;
	too_late = 1;
}

static void watch(void)
{
	while (any_alive()) {
		int status;
		pid_t pid = waitpid(-1, &status, __WALL);

		if (too_late) {
			kill_all();
			too_late = 0;
		}
		if (pid < 0 && errno != EINTR)
			return;
		if (pid < 0)
			continue;
		if (WIFSTOPPED(status))
			go_on(task_of(pid), stopped(task_of(pid), status));
		else
			ended(task_of(pid), status);
	}
}

static void start(char **argv)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
			     PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		die("start");
	if (pid == 0) {
		close(ready[1]);
		(void)!read(ready[0], &byte, 1);
		execv(argv[0], argv);
		die(argv[0]);
	}
	task_of(pid);
	if (ptrace(PTRACE_SEIZE, pid, 0, options) < 0 || ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0)
		die("ptrace");
	close(ready[0]);
	close(ready[1]);
}

static void tell(void)
{
	for (unsigned i = 0; i < n_tasks; i++)
		for (int nr = 0; nr < MAX_CALLS && !injecting; nr++) {
			const struct task *t = &tasks[i];
			const struct call *c = call_of(nr);
			char number[16];

			if (!t->count[nr])
				continue;
			snprintf(number, sizeof(number), "%d", nr);
			fprintf(report, "call %u %s %u %u %s\n", i, c ? c->name : number,
				t->count[nr], t->first[nr], c ? c->errors : "");
		}
	if (done)
		fputs("done\n", report);
}

int main(int argc, char **argv)
{
	const struct sigaction alarmed = { .sa_handler = on_alarm };

	injecting = argc > 5 && argv[2][0] != '/';
	if (argc < 3 || (injecting && argc < 7) || !(report = fopen(argv[1], "we")))
		die("inject REPORT [TASK CALL NTH ERROR|KILL] /COMMAND...");
	if (injecting) {
		the_task = (unsigned)atoi(argv[2]);
		the_nr = number_of(argv[3]);
		nth = (unsigned)atoi(argv[4]);
		the_error = error_of(argv[5]);
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	sigaction(SIGALRM, &alarmed, NULL);
	alarm(LIMIT);
	start(argv + (injecting ? 6 : 2));
	watch();
	tell();
	return fclose(report) == 0 ? command_status : 2;
}
