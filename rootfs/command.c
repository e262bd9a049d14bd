/* command.c - from a request to a running process: what it is called with, who it is, and
 * where on the way it failed. */
#include "rootfs/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/sched.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define N_DEFAULTS 5			/* of the environment */

/* The value of `name` in env, or NULL. */
static const char *env_get(char *const *env, const char *name)
{
	size_t n = strlen(name);

	for (; *env; env++)
		if (!strncmp(*env, name, n) && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}

/* Append "name=value" to env, which has `used` entries and room, unless it is there. */
static unsigned env_default(char **env, unsigned used, char *buf, size_t n,
			    const char *name, const char *value)
{
	if (env_get(env, name))
		return used;
	snprintf(buf, n, "%s=%s", name, value);
	env[used] = buf;
	env[used + 1] = NULL;
	return used + 1;
}

void command_strings(struct command *c, const struct msg *m)
{
	static char *argv[MAX_ARGS + 1], *env[MAX_ARGS + N_DEFAULTS + 1];
	static char defaults[N_DEFAULTS][300];
	char generation[24];
	char *s = (char *)(uintptr_t)msg_exec_string(m, 0);
	unsigned used = m->exec.envc;

	c->workdir = s;
	for (unsigned i = 0; i < m->exec.argc; i++)
		argv[i] = s += strlen(s) + 1;
	argv[m->exec.argc] = NULL;
	for (unsigned i = 0; i < used; i++)
		env[i] = s += strlen(s) + 1;
	env[used] = NULL;

	used = env_default(env, used, defaults[0], sizeof(defaults[0]), "HOME", c->who->home);
	used = env_default(env, used, defaults[1], sizeof(defaults[1]), "USER", c->who->name);
	used = env_default(env, used, defaults[2], sizeof(defaults[2]), "SHELL", c->who->shell);
	used = env_default(env, used, defaults[3], sizeof(defaults[3]), "PATH", DEFAULT_PATH);
	snprintf(generation, sizeof(generation), "%llu", (unsigned long long)c->generation);
	env_default(env, used, defaults[4], sizeof(defaults[4]), "SANDBOX_GENERATION", generation);
	c->argv = argv;
	c->env = env;
}

/* As a shell looks for it.  access() is much cheaper than an execve() that fails. */
int command_find(const char *name, const char *path, char *out, size_t n)
{
	int rc = -ENOENT;

	if (strchr(name, '/') || !*name) {
		int len = snprintf(out, n, "%s", name);

		return !*name ? -ENOENT : (size_t)len < n ? 0 : -ENAMETOOLONG;
	}
	for (;;) {
		size_t len = strcspn(path, ":");
		int put = snprintf(out, n, "%.*s%s%s", (int)len, path, len ? "/" : "", name);

		if ((size_t)put >= n)
			return -ENAMETOOLONG;
		if (access(out, X_OK) == 0)
			return 0;
		if (errno == EACCES)
			rc = -EACCES;
		if (!path[len])
			return rc;
		path += len + 1;
	}
}

/* --- in the child ------------------------------------------------------------------- */

/* The child shares the agent's memory until its exec, and the agent waits for that: why it
 * failed is simply written down. */
static void __attribute__((noreturn)) child_fail(struct msg_spawn_failed *why,
						 enum spawn_stage stage, int error)
{
	*why = (struct msg_spawn_failed){ .stage = stage, .error = error };
	_exit(127);
}

/* A session of its own, the three streams, and nothing of pid 1's oddities. */
static int child_settle(const struct command *c)
{
	sigset_t none;

	setsid();
	if (c->tty && ioctl(c->fd[0], TIOCSCTTY, 0) < 0)
		return -errno;
	for (int i = 0; i < N_STREAMS; i++)
		if (dup2(c->fd[i], i) < 0)
			return -errno;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(022);
	return 0;
}

static bool has_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	return syscall(SYS_capget, &head, data) < 0 ||
	       data[0].permitted || data[1].permitted ||
	       data[0].inheritable || data[1].inheritable;
}

/* Root stays root of the guest.  For anybody else, leaving uid 0 empties the capability
 * sets, no_new_privs keeps set-uid files from filling them again, and then we look.  libc
 * would block signals around each of the three, to tell threads that are not there. */
static int child_become(const struct account *who)
{
	if (syscall(SYS_setgroups, who->n_groups, who->groups) < 0 ||
	    syscall(SYS_setresgid, who->gid, who->gid, who->gid) < 0 ||
	    syscall(SYS_setresuid, who->uid, who->uid, who->uid) < 0)
		return -errno;
	if (who->uid == 0)
		return 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return has_capabilities() ? -EPERM : 0;
}

/* A home directory that is not there is no reason to fail; a directory asked for is. */
static int child_chdir(const struct command *c)
{
	if (*c->workdir)
		return chdir(c->workdir) < 0 ? -errno : 0;
	if (chdir(c->who->home) < 0 && chdir("/") < 0)
		return -errno;
	return 0;
}

/* A frame on the agent's stack that execve() never leaves: AddressSanitizer must not mark it,
 * or the marks stay and the agent steps on them. */
static void __attribute__((noreturn, no_sanitize_address)) child_exec(const struct command *c,
								      struct msg_spawn_failed *why)
{
	const char *path = env_get(c->env, "PATH");
	char file[4096];
	int rc = command_find(c->argv[0], path ? path : DEFAULT_PATH, file, sizeof(file));

	if (rc == 0) {
		execve(file, c->argv, c->env);
		rc = -errno;
	}
	child_fail(why, rc == -ENOENT || rc == -ENOTDIR ? SPAWN_FIND : SPAWN_EXEC, -rc);
}

/* Never inlined: its variables must not share the frame of the agent that waits. */
static void __attribute__((noreturn, noinline)) child(const struct command *c,
						      struct msg_spawn_failed *why)
{
	int rc = child_settle(c);

	if (rc < 0)
		child_fail(why, c->tty ? SPAWN_TTY : SPAWN_STREAMS, -rc);
	rc = child_become(c->who);
	if (rc < 0)
		child_fail(why, SPAWN_USER, -rc);
	rc = child_chdir(c);
	if (rc < 0)
		child_fail(why, SPAWN_WORKDIR, -rc);
	child_exec(c, why);
}

/* --- in the agent ------------------------------------------------------------------- */

/* clone3() for a child on the caller's own stack, as vfork() has it: the return address
 * must not lie there, because the child returns first and goes on to use the place. */
long clone3_on_stack(const struct clone_args *args, size_t size) __attribute__((returns_twice));

#if defined(__x86_64__)
__asm__(".text\n.type clone3_on_stack, @function\n"
	"clone3_on_stack:\n"
	"	mov $435, %eax\n"
	"	pop %rdx\n"
	"	syscall\n"
	"	push %rdx\n"
	"	ret\n");
#elif defined(__aarch64__)
__asm__(".text\n.type clone3_on_stack, %function\n"
	"clone3_on_stack:\n"
	"	mov x8, #435\n"
	"	svc #0\n"
	"	ret\n");
#endif
_Static_assert(SYS_clone3 == 435, "the number above");

/* vfork(), which copies no page tables where that is done by emulation, and into
 * the command's cgroup from the first instruction on: moving it there later would wait for
 * a grace period on a guest with several cpus. */
static pid_t start_child(const struct command *c, struct msg_spawn_failed *why)
{
	int group = group_fd();
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_VFORK | (group < 0 ? 0 : CLONE_INTO_CGROUP),
		.exit_signal = SIGCHLD,
		.cgroup = group < 0 ? 0 : (uint64_t)group,
	};
	long pid = clone3_on_stack(&args, sizeof(args));

	if (pid == 0)
		child(c, why);
	return (pid_t)pid;
}

/* The user must be able to open /dev/stdout, which is the pipe or terminal by its owner. */
static void own_streams(const struct command *c)
{
	if (c->who->uid == 0)
		return;
	for (int i = 0; i < (c->tty ? 1 : N_STREAMS); i++)
		if (fchown(c->fd[i], c->who->uid, (gid_t)-1) < 0)
			host_log("stream %d stays root's: %s", i, strerror(errno));
}

pid_t command_start(const struct command *c, struct msg_spawn_failed *why)
{
	pid_t pid;

	own_streams(c);
	*why = (struct msg_spawn_failed){ 0 };
	pid = start_child(c, why);
	if (pid < 0)
		*why = (struct msg_spawn_failed){ .stage = SPAWN_FORK, .error = -pid };
	if (pid > 0 && why->stage)
		waitpid(pid, NULL, 0);
	return why->stage ? 0 : pid;
}

int warm_up(void)
{
	static struct account who;
	char sh[] = "sh", minus_c[] = "-c", script[] = "true | cat; exec true", true_[] = "true";
	char path[] = "PATH=" DEFAULT_PATH;
	char *shell[] = { sh, minus_c, script, NULL }, *plain[] = { true_, NULL };
	char **commands[] = { shell, plain, plain }, *env[] = { path, NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct command c = { .who = &who, .env = env, .workdir = "", .fd = { null, null, null } };
	struct msg_spawn_failed why;

	if (!getenv("warmup") || null < 0 || account_load(&who, "") < 0)
		return 0;
	for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		pid_t pid;

		c.argv = commands[i];
		pid = start_child(&c, &why);
		if (pid > 0)
			waitpid(pid, NULL, 0);
	}
	close(null);
	mlockall(MCL_CURRENT);		/* our own pages too, the buffers among them */
	munlockall();
	return 0;
}
