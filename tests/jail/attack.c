/* attack.c - what a user may do to a jailer that has file capabilities, and to what it became: kill
 * it at any moment, look into it, take from it, outnumber it. */
#include "tests/jail/hostile.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"

#define N(array) (sizeof(array) / sizeof(array[0]))

/* --- against what runs ----------------------------------------------------------------- */

static bool opens(pid_t pid, const char *name, int flags)
{
	char path[64];
	autoclose int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, flags | O_CLOEXEC);
	return fd >= 0;
}

static bool can_signal(pid_t pid)
{
	static const int signals[] = { 0, SIGCONT, SIGSTOP, SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGKILL };

	for (size_t i = 0; i < N(signals); i++)
		if (kill(pid, signals[i]) == 0)
			return true;
	return false;
}

static bool can_trace(pid_t pid)
{
	return ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0 || ptrace(PTRACE_ATTACH, pid, NULL, NULL) == 0;
}

static bool can_read_memory(pid_t pid)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { (void *)0x1000, 1 };

	return process_vm_readv(pid, &here, 1, &there, 1, 0) >= 0 || errno != EPERM ||
	       opens(pid, "mem", O_RDONLY) || opens(pid, "maps", O_RDONLY);
}

static bool can_look_into_proc(pid_t pid)
{
	static const char *const names[] = { "environ", "auxv", "fd", "fd/3", "fd/6", "root/.", "cwd/.",
					     "ns/pid", "ns/mnt", "io", "stack", "syscall" };

	for (size_t i = 0; i < N(names); i++)
		if (opens(pid, names[i], O_RDONLY))
			return true;
	return false;
}

static bool can_take_a_descriptor(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	return fd >= 0 && syscall(SYS_pidfd_getfd, fd, FD_KVM, 0) >= 0;
}

static bool can_change_its_limits(pid_t pid)
{
	const struct rlimit none = { 0, 0 };

	return prlimit(pid, RLIMIT_NOFILE, &none, NULL) == 0 || prlimit(pid, RLIMIT_CPU, &none, NULL) == 0 ||
	       opens(pid, "oom_score_adj", O_WRONLY);
}

static bool can_schedule_it(pid_t pid)
{
	const struct sched_param none = { 0 };
	cpu_set_t first;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	return setpriority(PRIO_PROCESS, (id_t)pid, 19) == 0 ||
	       sched_setscheduler(pid, SCHED_IDLE, &none) == 0 ||
	       sched_setaffinity(pid, sizeof(first), &first) == 0 ||
	       syscall(SYS_migrate_pages, pid, 0, NULL, NULL) == 0;
}

static const struct {
	const char *what;
	bool (*works)(pid_t pid);
} attacks[] = {
	{ "look into /proc", can_look_into_proc }, { "read its memory", can_read_memory },
	{ "trace", can_trace }, { "take a descriptor", can_take_a_descriptor },
	{ "change its limits", can_change_its_limits }, { "schedule it", can_schedule_it },
	{ "signal", can_signal },
};

/* From a process of that user: the number of the first attack that worked, from 1. */
static int attack_as_user(pid_t pid)
{
	pid_t attacker = fork();
	int status;

	if (attacker == 0) {
		rig_become_user();
		for (size_t i = 0; i < N(attacks); i++)
			if (attacks[i].works(pid))
				_exit((int)i + 1);
		_exit(0);
	}
	return waitpid(attacker, &status, 0) == attacker && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static bool keeper_and_monitor_are_out_of_the_users_reach(struct rig *r)
{
	if (!up(r))
		return false;
	for (int i = 0; i < 2; i++) {
		int worked = attack_as_user(i ? r->pid : r->jailed.jailed.vmm_pid);

		if (worked)
			return no("the user can %s the %s", attacks[worked - 1].what, i ? "keeper" : "monitor");
	}
	return order_and_down(r, ORDER_FRUITLESS, 0, 0, 0);
}

/* --- its control groups --------------------------------------------------------------- */

static bool user_can_write(const char *path)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		rig_become_user();
		_exit(access(path, W_OK) == 0);
	}
	return waitpid(child, &status, 0) != child || status != 0;
}

/* tests/jail/run.sh has put us into groups of that name, which are root's. */
static bool its_groups_are_within_the_callers_and_not_the_users(struct rig *r)
{
	static const char *const files[] = { "", "/cgroup.procs", "/tasks", "/memory.max", "/pids.max",
					     "/memory.limit_in_bytes" };
	unsigned groups = 0;

	if (!up(r))
		return false;
	for (int i = 0; i < 4; i++) {
		const char *group = r->jailed.jailed.cgroup[i];
		char path[256];

		if (!*group)
			continue;
		groups++;
		if (!strstr(group, "/jail-test-"))
			return no("%s is not within the caller's", group);
		for (size_t f = 0; f < N(files); f++) {
			snprintf(path, sizeof(path), "%s%s", group, files[f]);
			if (user_can_write(path))
				return no("%s can be written", path);
		}
	}
	if (!groups)
		return no("there is none");
	return order_and_down(r, ORDER_EXIT, 0, 0, 0);
}

static void two_processes(void)
{
	const struct rlimit two = { 2, 2 };

	setrlimit(RLIMIT_NPROC, &two);
}

/* The machines' processes are not the user's to count, so their groups are. */
static bool a_user_has_no_more_machines_than_processes(struct rig *r)
{
	static struct rig more[2];
	bool good;

	rig_init(&more[0]);
	rig_init(&more[1]);
	r->before_exec = more[0].before_exec = more[1].before_exec = two_processes;
	good = up(r) && up(&more[0]) && refused(&more[1], "control groups: there are too many") &&
	       order_and_down(r, ORDER_EXIT, 0, 0, 0) && order_and_down(&more[0], ORDER_EXIT, 0, 0, 0);
	rig_free(&more[0]);
	rig_free(&more[1]);
	return good;
}

/* A user may mount file systems of their own over directories that are theirs. */
static void something_else_mounted_there(void)
{
	glob_t own;

	if (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    glob("/sys/fs/cgroup{,/*}/jail-test-*", GLOB_BRACE, NULL, &own))
		_exit(122);
	for (size_t i = 0; i < own.gl_pathc; i++)
		if (mount("x", own.gl_pathv[i], "tmpfs", 0, "mode=777") < 0)
			_exit(122);
}

static bool what_is_no_control_group_is_not_used(struct rig *r)
{
	r->before_exec = something_else_mounted_there;
	return refused(r, "control groups: none can be made in the caller's");
}

/* --- at any moment ---------------------------------------------------------------------- */

#define MOMENTS 150

static void pass(unsigned moment)
{
	const struct timespec t = { .tv_nsec = moment * 40000 };

	nanosleep(&t, NULL);
}

static bool ends_with_nothing_left(struct rig *r, unsigned moment)
{
	close(r->leash);
	r->leash = -1;
	if (!rig_down(r))
		return no("it goes on, at moment %u", moment);
	return rig_nothing_left(r) || no("something is left, at moment %u", moment);
}

static bool a_caller_may_die_at_any_moment(struct rig *r)
{
	for (unsigned i = 0; i < MOMENTS; i++) {
		rig_again(r);
		rig_start(r);
		pass(i);
		if (!ends_with_nothing_left(r, i))
			return false;
	}
	return true;
}

/* Until it takes up rights it can be killed, and has made nothing; then it can not.  On a slow
 * host that point comes late. */
static bool a_user_may_kill_it_at_any_moment(struct rig *r)
{
	unsigned killed = 0, i;
	pid_t killer;

	for (i = 0; i < MOMENTS || (killed == i && i < 20 * MOMENTS); i++) {
		rig_again(r);
		rig_start(r);
		killer = fork();
		if (killer == 0) {
			rig_become_user();
			pass(i);
			kill(r->pid, SIGKILL);
			_exit(0);
		}
		waitpid(killer, NULL, 0);
		if (!ends_with_nothing_left(r, i))
			return false;
		killed += WIFSIGNALED(r->status);
	}
	return (killed > 0 && killed < i) || no("killed %u times of %u", killed, i);
}

/* --- how not to be given rights ---------------------------------------------------------- */

/* As started by a user from a program like any other. */
static bool has_only_the_users_rights(struct rig *r)
{
	if (!up(r))
		return false;
	if (r->jailed.jailed.layers >> LAYER_OWN_UID & 1 || r->jailed.jailed.uid != rig_user)
		return no("uid %u, layers %#llx", r->jailed.jailed.uid,
			  (unsigned long long)r->jailed.jailed.layers);
	return order_and_down(r, ORDER_FRUITLESS, 0, 0, 0);
}

static void no_new_privileges(void)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static void empty_bounding_set(void)
{
	for (unsigned long cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++)
		;
}

/* A child that lives as long as the test, and holds nothing of ours. */
static void companion(unsigned long shared, bool traces)
{
	pid_t parent = getpid();
	int ready[2];
	char byte;

	rig_become_user();
	prctl(PR_SET_DUMPABLE, 1);	/* the change of user has undone it */
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	if (pipe(ready) < 0)
		_exit(122);
	if (syscall(SYS_clone, shared | SIGCHLD, NULL, NULL, NULL, 0) == 0) {
		if (traces && ptrace(PTRACE_SEIZE, parent, NULL, NULL) < 0)
			_exit(1);
		byte = 1;
		(void)!write(ready[1], &byte, 1);
		syscall(SYS_close_range, 0, ~0u, 0);
		while (kill(parent, 0) == 0 && waitpid(parent, NULL, WNOHANG | __WALL) <= 0)
			usleep(5000);
		_exit(0);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		_exit(122);
	close(ready[0]);
}

static void traced(void)
{
	companion(0, true);
}

static void directory_shared(void)
{
	companion(CLONE_FS, false);
}

static void user_namespace(void)
{
	rig_become_user();
	if (syscall(SYS_unshare, CLONE_NEWUSER) < 0)
		_exit(122);
}

static bool rights_are_not_given_where_the_caller_keeps_a_hand_on_it(struct rig *r)
{
	static const struct {
		const char *what;
		void (*arrange)(void);
	} all[] = {
		{ "no_new_privs", no_new_privileges }, { "an empty bounding set", empty_bounding_set },
		{ "a tracer", traced }, { "a shared directory", directory_shared },
	};

	for (size_t i = 0; i < N(all); i++) {
		rig_again(r);
		r->before_exec = all[i].arrange;
		if (!has_only_the_users_rights(r))
			return and_no("%s", all[i].what);
	}
	return true;
}

/* Root of a namespace of one's own is not root. */
static bool rights_are_not_given_in_a_users_namespace(struct rig *r)
{
	char hello[256];

	r->before_exec = user_namespace;
	rig_start(r);
	if (rig_up(r, hello, sizeof(hello)) && r->jailed.jailed.layers >> LAYER_OWN_UID & 1)
		return no("it has a uid of its own");
	rig_order(r, ORDER_EXIT, 0);
	return rig_down(r) ? rig_nothing_left(r) || no("something is left") : no("it goes on");
}

/* A copy beside it, of that mode, with these capabilities. */
static bool copy_jailer(char *to, size_t n, mode_t mode, uint64_t caps)
{
	struct vfs_cap_data data = { .magic_etc = VFS_CAP_REVISION_2 };
	char command[600];

	snprintf(to, n, "%s.copy", rig_jailer);
	snprintf(command, sizeof(command), "install -m %o %s %s", mode, rig_jailer, to);
	data.data[0].permitted = (uint32_t)caps;
	if (system(command) != 0 || (caps && setxattr(to, "security.capability", &data, sizeof(data), 0) < 0))
		return no("%s cannot be made", to);
	return true;
}

static bool with_a_capability_fewer_it_is_refused(struct rig *r)
{
	static const unsigned needed[] = { CAP_SYS_ADMIN, CAP_SETUID, CAP_SETGID, CAP_SETPCAP };
	char path[256];
	bool good = true;

	for (size_t i = 0; good && i < N(needed); i++) {
		uint64_t caps = 1ull << CAP_DAC_OVERRIDE;

		for (size_t k = 0; k < N(needed); k++)
			caps |= k == i ? 0 : 1ull << needed[k];
		rig_again(r);
		r->jailer = path;
		good = copy_jailer(path, sizeof(path), 0755, caps) &&
		       (refused(r, "some of the file capabilities") ||
			and_no("without capability %u", needed[i]));
	}
	unlink(path);
	return good;
}

static bool a_set_uid_jailer_is_refused(struct rig *r)
{
	static const mode_t modes[] = { 04755, 02755 };
	char path[256];
	bool good = true;

	for (size_t i = 0; good && i < N(modes); i++) {
		rig_again(r);
		r->jailer = path;
		good = copy_jailer(path, sizeof(path), modes[i], 0) && refused(r, "set-uid or set-gid");
	}
	unlink(path);
	return good;
}

const struct test attack_tests[] = {
	TEST(keeper_and_monitor_are_out_of_the_users_reach),
	TEST(its_groups_are_within_the_callers_and_not_the_users),
	TEST(a_user_has_no_more_machines_than_processes),
	TEST(what_is_no_control_group_is_not_used),
	TEST(a_caller_may_die_at_any_moment),
	TEST(a_user_may_kill_it_at_any_moment),
	TEST(rights_are_not_given_where_the_caller_keeps_a_hand_on_it),
	TEST(rights_are_not_given_in_a_users_namespace),
	TEST(with_a_capability_fewer_it_is_refused),
	TEST(a_set_uid_jailer_is_refused),
};

const size_t attack_n_tests = N(attack_tests);
