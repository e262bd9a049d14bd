/* warm.c - does this run boot its machine, or restore it, and from which snapshot? */
#include "runner/warm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sodium.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"
#include "runner/cache.h"
#include "runner/failures.h"
#include "runner/processor.h"
#include "runner/savefile.h"
#include "runner/say.h"
#include "runner/snapfile.h"

#define NAME_HEX 32
#define PATIENCE_MS 2000	/* what is wrong with the input shows sooner than this, also on a slow host */

/* --- what a machine is, as text ------------------------------------------------------------ */

struct text {
	size_t n;
	char s[SNAP_TEXT];
};

static void __attribute__((format(printf, 2, 3))) add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->s + t->n, sizeof(t->s) - t->n, fmt, ap);
	va_end(ap);
	t->n += (size_t)n;
	if (t->n >= sizeof(t->s))
		t->n = sizeof(t->s);
}

/* A file by what changes when it is written or replaced; its content would take too long. */
static void add_file(struct text *t, const char *key, int fd)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	add(t, "%s = %llx:%llu %llu %lld.%09ld %lld.%09ld\n", key, (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino, (unsigned long long)st.st_size,
	    (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
	    (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
}

static void add_path(struct text *t, const char *key, const char *path)
{
	char *real = path ? realpath(path, NULL) : NULL;

	if (real)
		add(t, "%s = %s\n", key, real);
	free(real);
}

#define COMMAND "session = "	/* the first of the lines about a command that goes on */

/* Whatever a restored machine must agree with, one `key = value` a line. */
static int describe(struct text *t, const struct launch *l, const struct spec *spec, struct err *err)
{
	char cpu[PROCESSOR_NAME];
	struct utsname host;

	uname(&host);
	t->n = 0;
	add(t, "memory = %llu\ncpus = %u\n", (unsigned long long)spec->memory, spec->cpus);
	if (spec->cmdline[0])
		add(t, "cmdline = %s\n", spec->cmdline);
	if (spec->net != NET_NONE)
		add(t, "net = yes\n");
	if (spec->files)
		add(t, "files = yes\n");
	add_path(t, "root", spec->root);
	add_path(t, "kernel", spec->kernel);
	add_path(t, "initrd", spec->initrd_path);
	add_file(t, "kernel file", l->fd[FD_KERNEL]);
	add_file(t, "root file", l->fd[FD_DISK0]);
	add_file(t, "initrd file", l->fd[FD_INITRD]);
	add_file(t, "agent file", l->fd[FD_AGENT]);
	add_file(t, "monitor file", l->fd[FD_VMM]);
	add(t, "host kernel = %s %s\n", host.release, host.version);
	processor_name(cpu);
	add(t, "processor = %s\n", cpu);
	return t->n < sizeof(t->s) ? 0 : err_set(err, ENAMETOOLONG, "snapshot: the options of the "
						 "machine are too long");
}

/* --- --from -------------------------------------------------------------------------------- */

static struct snap_header header;	/* of the snapshot that is restored */
static int from_fd = -1;		/* --from's, until warm_choose() */

static int place_snapshot(struct launch *l, int fd, struct err *err)
{
	l->fd[FD_SNAPSHOT] = fcntl(fd, F_DUPFD_CLOEXEC, FD_JAILER_END);
	return l->fd[FD_SNAPSHOT] < 0 ? err_sys(err, "cannot keep a descriptor") : 0;
}

/* Checked, with its header in `header`: the descriptor, or an error. */
static int open_snapshot(const char *path, struct err *err)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	uint8_t key[SNAP_KEY];
	int rc = fd < 0 ? err_sys(err, "snapshot %s", path) : cache_key(key, err);

	if (rc == 0)
		rc = snapfile_read(fd, key, path, &header, err);
	return rc < 0 ? rc : fd_take(&fd);
}

static const char *const keys[] = { "memory", "cpus", "cmdline", "root", "kernel", "initrd",
				    "hostname" };

#define N_KEYS (sizeof(keys) / sizeof(keys[0]))
#define HOSTNAME (N_KEYS - 1)		/* only of a command that goes on */

/* One option of the snapshot's machine, if it had that. */
static int adopt(struct spec *spec, unsigned n, struct err *err)
{
	static char values[N_KEYS][SNAP_TEXT];	/* the strings of *spec point into these */
	const char *key = keys[n];
	const char *value;
	int len = snapfile_value(header.text, key, &value);

	if (len < 0)
		return 0;
	memcpy(values[n], value, (size_t)len);
	return spec_set(spec, spec_find(key, SPEC_FLAG), values[n], err);
}

/* Of a command that was saved while it ran: it has been told already who and where it is. */
static int adopt_command(struct spec *spec, struct err *err)
{
	struct spec plain;
	const char *value;

	if (snapfile_value(header.text, "session", &value) < 0)
		return 0;
	spec->going_on = (uint32_t)atoi(value);
	if (spec->env.n || spec->user || spec->workdir || spec->tty != TTY_AUTO)
		return err_set(err, EINVAL, "from: the command that was saved goes on; leave out "
			       "--env, --user, --workdir, --tty and --no-tty");
	spec->tty = snapfile_value(header.text, "terminal", &value) == 3 ? TTY_ON : TTY_OFF;
	spec_init(&plain);
	return strcmp(spec->hostname, plain.hostname) ? 0 : adopt(spec, HOSTNAME, err);
}

int warm_adopt(struct spec *spec, struct err *err)
{
	struct spec plain;
	int rc = 0;

	if (!spec->from)
		return 0;
	spec_init(&plain);
	if (spec->memory != plain.memory || spec->cpus != plain.cpus || spec->cmdline[0] ||
	    spec->root || spec->kernel || spec->initrd_path || spec->disk.n || spec->scratch ||
	    spec->cold)
		return err_set(err, EINVAL, "from: the snapshot says what the machine is; leave out "
			       "--memory, --cpus, --cmdline, --root, --kernel, --initrd, --disk, --scratch and "
			       "--cold");
	from_fd = open_snapshot(spec->from, err);
	if (from_fd < 0)
		return from_fd;
	for (unsigned i = 0; rc == 0 && i < HOSTNAME; i++)
		rc = adopt(spec, i, err);
	return rc < 0 ? rc : adopt_command(spec, err);
}

/* The first line in which they differ, by its key.  What is said of a command is no matter. */
static int same_machine(const char *path, const char *was, const char *is, struct err *err)
{
	size_t n = 0;

	while (was[n] && was[n] == is[n])
		n++;
	if (was[n] == is[n] || (!is[n] && !strncmp(was + n, COMMAND, strlen(COMMAND))))
		return 0;
	while (n > 0 && was[n - 1] != '\n')
		n--;
	was = was[n] ? was + n : is + n;
	return err_set(err, ESTALE, "snapshot %s: was made with another %.*s; take it again", path,
		       (int)strcspn(was, "=") - 1, was);
}

/* What the restored machine has in memory already is not handed down; the result still wants
 * the kernel's hash. */
static void restore(struct launch *l, struct spec *spec)
{
	static const int loaded[] = { FD_KERNEL, FD_AGENT, FD_INITRD };

	l->kernel = fcntl(l->fd[FD_KERNEL], F_DUPFD_CLOEXEC, FD_JAILER_END);
	for (size_t i = 0; i < sizeof(loaded) / sizeof(loaded[0]); i++)
		if (l->fd[loaded[i]] >= 0) {
			close(l->fd[loaded[i]]);
			l->fd[loaded[i]] = -1;
		}
	spec->initrd = false;
	spec->snapshot = SNAP_RESTORE;
}

/* --- templates ----------------------------------------------------------------------------- */

/* Named after all that it is of, and after what was required: what a template's machine did, it
 * did behind no less than that. */
static int template_path(const struct text *t, const char *require, char out[PATH_MAX],
			 struct err *err)
{
	struct text all = *t;
	uint8_t sum[NAME_HEX / 2];
	int rc = cache_dir(out, err);
	size_t n = strlen(out);

	if (rc < 0)
		return rc;
	if (require)
		add(&all, "require = %s\n", require);
	crypto_generichash(sum, sizeof(sum), (const uint8_t *)all.s, all.n, NULL, 0);
	out[n++] = '/';
	sodium_bin2hex(out + n, NAME_HEX + 1, sum, sizeof(sum));
	strcat(out, CACHE_SUFFIX);
	return 0;
}

/* 0, -ENOENT, or another error when there is one that is no good. */
static int use_template(struct launch *l, const char *path, const struct text *t, struct err *err)
{
	autoclose int fd = -1;
	int rc;

	if (access(path, F_OK) < 0)
		return err_set(err, ENOENT, "there is no template %s", path);
	fd = open_snapshot(path, err);
	rc = fd < 0 ? fd : same_machine(path, header.text, t->s, err);
	if (rc < 0)
		return rc;
	futimens(fd, NULL);		/* it is in use: the last to be trimmed */
	return place_snapshot(l, fd, err);
}

#define TAKE_ARGS 32
#define TAKE_KVM "3"		/* the descriptors that it has /dev/kvm and our card as, if... */
#define TAKE_NET "4"		/* ...there is one, or it was handed to us */

static unsigned add_option(const char *argv[TAKE_ARGS], unsigned n, const char *name,
			   const char *value)
{
	if (!value || !value[0])
		return n;
	argv[n] = name;
	argv[n + 1] = value;
	return n + 2;
}

static void take_args(const struct spec *spec, const char *path, const char *argv[TAKE_ARGS])
{
	static char memory[32], cpus[16];
	unsigned n = 4;

	snprintf(memory, sizeof(memory), "%llu", (unsigned long long)spec->memory);
	snprintf(cpus, sizeof(cpus), "%u", spec->cpus);
	n = add_option(argv, n, "--memory", memory);
	n = add_option(argv, n, "--cpus", cpus);
	n = add_option(argv, n, "--cmdline", spec->cmdline);
	n = add_option(argv, n, "--root", spec->root);
	n = add_option(argv, n, "--kernel", spec->kernel);
	n = add_option(argv, n, "--initrd", spec->initrd_path);
	n = add_option(argv, n, "--kvm-fd", spec->kvm_fd ? TAKE_KVM : NULL);
	n = add_option(argv, n, "--net-fd", spec->net != NET_NONE ? TAKE_NET : NULL);
	n = add_option(argv, n, "--require", spec->require);
	if (spec->files)
		argv[n++] = "--with-files";
	add_option(argv, n, "--", path);
}

/* `sandbox snapshot take --template` with the options of this machine, as a process of its own:
 * a machine is a process's whole business.  What it says is remembered and not shown: what
 * cannot be saved for what is wrong with it is booted next, and that says what is wrong. */
static int spawn_take(const struct launch *l, const struct spec *spec, const char *path, int said,
		      pid_t *pid)
{
	const char *argv[TAKE_ARGS] = { "sandbox", "snapshot", "take", "--template" };
	posix_spawn_file_actions_t actions;
	extern char **environ;
	int rc;

	take_args(spec, path, argv);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, said, STDERR_FILENO);
	if (spec->kvm_fd)
		posix_spawn_file_actions_adddup2(&actions, l->fd[FD_KVM], atoi(TAKE_KVM));
	if (spec->net != NET_NONE)
		posix_spawn_file_actions_adddup2(&actions, l->fd[FD_NET], atoi(TAKE_NET));
	rc = -posix_spawn(pid, "/proc/self/exe", &actions, NULL, (char *const *)(uintptr_t)argv,
			  environ);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

static bool ends_soon(pid_t pid)
{
	autoclose int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return fd >= 0 && poll(&p, 1, PATIENCE_MS) > 0;
}

static int take(const struct launch *l, const struct spec *spec, const char *path, struct err *err)
{
	autoclose int said = memfd_create("said", MFD_CLOEXEC);
	int status, rc;
	pid_t pid;

	if (said < 0)
		return err_sys(err, "cannot start myself");
	rc = spawn_take(l, spec, path, said, &pid);
	if (rc < 0)
		return err_set(err, -rc, "cannot start myself: %s", strerror(-rc));
	if (!ends_soon(pid))
		say("first run of this machine: booting it once, to start in a moment ever after");
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(err, "waiting for the template");
	if (status)
		return failures_add(path, said, err);
	failures_forget(path);
	return 0;
}

/* One that is no good is replaced. */
static int make_locked(struct launch *l, const struct spec *spec, const char *path,
		       const struct text *t, struct err *err)
{
	struct err trim;
	int rc = use_template(l, path, t, err);

	if (rc == 0)
		return 0;			/* who had the lock before us has made it */
	if (rc != -ENOENT) {
		say("%s", err->msg);
		unlink(path);
	}
	rc = failures_check(path, err);
	if (rc == 0)
		rc = take(l, spec, path, err);
	if (rc < 0)
		return rc;
	cache_trim(CACHE_LIMIT, &trim);
	return use_template(l, path, t, err);
}

/* One maker at a time. */
static int make_template(struct launch *l, const struct spec *spec, const char *path,
			 const struct text *t, struct err *err)
{
	char name[PATH_MAX + 8];
	autoclose int lock = -1;
	int rc;

	snprintf(name, sizeof(name), "%s" CACHE_LOCK, path);
	lock = cache_lock(name);
	if (lock < 0)
		return err_set(err, -lock, "cache: %s: %s", name, strerror(-lock));
	rc = make_locked(l, spec, path, t, err);
	unlink(name);
	return rc;
}

/* Without a template the machine is booted; that is slower and nothing else. */
static void warm(struct launch *l, struct spec *spec, const struct text *t)
{
	char path[PATH_MAX];
	struct err err;
	int rc = template_path(t, spec->require, path, &err);

	if (rc == 0) {
		rc = use_template(l, path, t, &err);
		if (rc < 0 && !spec->explain)
			rc = make_template(l, spec, path, t, &err);
	}
	if (rc == 0)
		restore(l, spec);
	else if (!spec->explain)
		snprintf(l->why_cold, sizeof(l->why_cold), "%s", err.msg);
}

/* --- saving -------------------------------------------------------------------------------- */

static struct text saved;		/* what the machine was when its images were opened */

int warm_saved(struct launch *l, const struct spec *spec, uint32_t state_len, struct err *err)
{
	return savefile_close(l->fd[FD_SNAPSHOT], spec->save, state_len, spec->memory, saved.s, err);
}

const char *warm_running(const struct spec *spec, uint32_t session, bool tty)
{
	static struct text t;

	t = saved;
	add(&t, COMMAND "%u\nterminal = %s\nhostname = %s\n", session, tty ? "yes" : "no",
	    spec->hostname);
	return t.s;
}

/* A block device changes without a sign that describe() could see, and the machine has parts
 * of it in memory. */
static bool root_is_file(const struct launch *l)
{
	struct stat st;

	return fstat(l->fd[FD_DISK0], &st) == 0 && S_ISREG(st.st_mode);
}

static int check_savable(const struct launch *l, const struct spec *spec, struct err *err)
{
	if (root_is_file(l) && spec->disk.n == 0 && !spec->scratch && !(spec->files && spec->savable))
		return 0;
	return err_set(err, EINVAL, "snapshot: a machine with a block device, a --disk, --scratch or "
		       "files of its own cannot be saved");
}

static int save(struct launch *l, struct spec *spec, struct err *err)
{
	int fd = savefile_open(spec->save, err), rc;

	if (fd < 0)
		return fd;
	spec->snapshot = SNAP_TAKE;
	rc = place_snapshot(l, fd, err);
	close(fd);
	return rc;
}

/* Said apart, for it is the one difference that this run's options can mend. */
static int same_card(const struct spec *spec, struct err *err)
{
	const char *value;
	bool had = snapfile_value(header.text, "net", &value) >= 0;

	if (had == (spec->net != NET_NONE))
		return 0;
	return err_set(err, EINVAL, had ? "snapshot %s: its machine has a network card; give one with "
		       "--net user or --net-fd" : "snapshot %s: its machine has no network card; leave "
		       "out --net and --net-fd", spec->from);
}

static int restore_from(struct launch *l, struct spec *spec, const struct text *t, struct err *err)
{
	autoclose int fd = fd_take(&from_fd);
	int rc = same_card(spec, err);

	if (rc == 0)
		rc = same_machine(spec->from, header.text, t->s, err);
	if (rc == 0)
		rc = place_snapshot(l, fd, err);
	if (rc == 0)
		restore(l, spec);
	return rc;
}

int warm_choose(struct launch *l, struct spec *spec, const struct paths *p, struct err *err)
{
	static struct text t;
	int rc;

	(void)p;
	l->kernel = l->fd[FD_KERNEL];
	if (spec->cold && !spec->save && !spec->savable)
		return 0;
	rc = describe(&t, l, spec, err);
	if (rc == 0 && (spec->save || spec->savable))
		rc = check_savable(l, spec, err);
	if (rc < 0)
		return rc;
	saved = t;
	if (spec->save)
		return save(l, spec, err);
	if (spec->from)
		return restore_from(l, spec, &t, err);
	if (!spec->cold && spec->disk.n == 0 && !spec->scratch && !spec->console && !spec->fault[0] && root_is_file(l))
		warm(l, spec, &t);
	return 0;
}
