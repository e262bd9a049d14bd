/* launch.c - opens what the run needs and starts the jailer with it.
 *
 * Every descriptor is kept above the numbers of lib/fds.h until the child puts it in its
 * place: no order of dup2() can then overwrite one that is still needed. */
#include "runner/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"
#include "runner/card.h"
#include "runner/files.h"
#include "runner/image.h"
#include "runner/scratch.h"
#include "runner/warm.h"

void launch_init(struct launch *l)
{
	memset(l->fd, -1, sizeof(l->fd));
	machine_init(&l->machine);
	usernet_init(&l->net);
	l->kernel = l->files = -1;
	l->jailer = 0;
	l->why_cold[0] = '\0';
}

/* Takes fd over as the child's descriptor `number`. */
static int place(struct launch *l, int number, int fd, struct err *err)
{
	l->fd[number] = fcntl(fd, F_DUPFD_CLOEXEC, FD_JAILER_END);
	if (l->fd[number] < 0)
		err_sys(err, "cannot keep a descriptor");
	close(fd);
	return l->fd[number] < 0 ? -err->code : 0;
}

static int place_image(struct launch *l, int number, const char *path, enum image_use use,
		       struct err *err)
{
	int fd, rc = image_open(path, use, &fd, err);

	return rc < 0 ? rc : place(l, number, fd, err);
}

/* --- the steps ---------------------------------------------------------------------- */

/* /proc/meminfo is slow to read, so only where free memory alone does not settle it. */
static int check_memory(struct launch *l, struct spec *spec, const struct paths *p,
			struct err *err)
{
	unsigned long long available;
	struct sysinfo si;
	char text[512] = { 0 }, *at;
	autoclose int fd = -1;

	(void)l;
	(void)p;
	if (sysinfo(&si) < 0 || spec->memory < (uint64_t)si.freeram * si.mem_unit)
		return 0;
	fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || io_read_some(fd, text, sizeof(text) - 1) <= 0)
		return 0;
	at = strstr(text, "MemAvailable:");
	if (!at || sscanf(at, "MemAvailable: %llu", &available) != 1 ||
	    spec->memory >> 10 < available)
		return 0;
	return err_set(err, ENOMEM, "memory: %lluM is more than this host has available (%lluM); "
		       "ask for less with --memory", (unsigned long long)spec->memory >> 20,
		       available >> 10);
}

/* Opened by the jailer; only looked at here, because this is the commonest thing to miss. */
static int check_kvm(struct launch *l, struct spec *spec, const struct paths *p, struct err *err)
{
	struct stat st;
	int fd;

	(void)p;
	if (!spec->kvm_fd) {
		if (access("/dev/kvm", F_OK) == 0)
			return 0;
		return err_set(err, ENOENT, "there is no /dev/kvm on this host; load the kvm module or "
			       "enable virtualization, and see: sandbox doctor");
	}
	if (fstat((int)spec->kvm_fd, &st) < 0)
		return err_sys(err, "kvm-fd: descriptor %u", spec->kvm_fd);
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(10, 232))
		return err_set(err, EINVAL, "kvm-fd: descriptor %u is not /dev/kvm", spec->kvm_fd);
	fd = fcntl((int)spec->kvm_fd, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? err_sys(err, "kvm-fd") : place(l, FD_KVM, fd, err);
}

/* A machine that is saved hears nothing of the network and says nothing to it.  Its state is the
 * same for a tap and a stream, so whatever it is restored with fits. */
static int silent_card(struct launch *l, struct spec *spec, struct err *err)
{
	int pair[2];			/* ours stays open for as long as we are: no hang-up */

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return err_sys(err, "no socket pair");
	spec->net = NET_STREAM;
	return place(l, FD_NET, pair[1], err);
}

/* One that we make: it starts while the rest is opened. */
static int make_net(struct launch *l, struct spec *spec, struct err *err)
{
	int fd, rc = usernet_start(&l->net, spec, &fd, err);

	spec->net = NET_STREAM;
	return rc < 0 ? rc : place(l, FD_NET, fd, err);
}

static int ready_net(struct launch *l, struct spec *spec, const struct paths *p, struct err *err)
{
	(void)spec;
	return l->net.passt > 0 ? usernet_ready(&l->net, p, err) : 0;
}

static int open_net(struct launch *l, struct spec *spec, const struct paths *p, struct err *err)
{
	int kind = spec->net_fd ? card_kind((int)spec->net_fd, err) : NET_NONE, fd;

	(void)p;
	if (kind < 0 || (kind == NET_NONE && !spec->network))
		return kind;
	if (spec->save || (spec->network && spec->explain))
		return silent_card(l, spec, err);
	if (spec->network)
		return make_net(l, spec, err);
	spec->net = (uint32_t)kind;
	fd = fcntl((int)spec->net_fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0 || fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
		return err_sys(err, "net-fd");
	return place(l, FD_NET, fd, err);
}

/* Names up to here, bits from here on. */
static int name_layers(struct launch *l, struct spec *spec, const struct paths *p, struct err *err)
{
	uint64_t layers = 0;
	int rc = spec->require ? report_layers(spec->require, &layers, err) : 0;

	(void)l;
	(void)p;
	spec->layers = (uint32_t)layers;
	return rc;
}

static int open_kernel(struct launch *l, struct spec *spec, const struct paths *p,
		       struct err *err)
{
	return place_image(l, FD_KERNEL, spec->kernel ? spec->kernel : p->kernel, IMAGE_KERNEL, err);
}

static int open_cpios(struct launch *l, struct spec *spec, const struct paths *p, struct err *err)
{
	int rc = place_image(l, FD_AGENT, p->agent, IMAGE_AGENT, err);

	if (rc < 0 || !spec->initrd_path)
		return rc;
	spec->initrd = true;
	return place_image(l, FD_INITRD, spec->initrd_path, IMAGE_INITRD, err);
}

/* FILE or FILE:ro */
static int open_disk(struct launch *l, struct spec *spec, const char *arg, struct err *err)
{
	char path[4096];
	size_t n = strlen(arg);
	bool ro = n > 3 && !strcmp(arg + n - 3, ":ro");
	int fd, rc;

	if (n >= sizeof(path))
		return err_set(err, ENAMETOOLONG, "disk: %.60s... is too long a path", arg);
	memcpy(path, arg, n + 1);
	if (ro)
		path[n - 3] = '\0';
	rc = image_open_disk(path, ro, IMAGE_DISK, &fd, err);
	if (rc < 0)
		return rc;
	spec->disks_ro |= (uint32_t)ro << spec->disks;
	return place(l, FD_DISK0 + (int)spec->disks++, fd, err);
}

/* One more, whose number the guest is told. */
static int add_disk(struct launch *l, struct spec *spec, int fd, bool ro, uint32_t *number, struct err *err)
{
	if (spec->disks >= MAX_DISKS) {
		close(fd);
		return err_set(err, E2BIG, "disk: more than %d with those for --copy-in and --scratch",
			       MAX_DISKS - 1);
	}
	*number = spec->disks;
	spec->disks_ro |= (uint32_t)ro << spec->disks;
	return place(l, FD_DISK0 + (int)spec->disks++, fd, err);
}

/* Behind the user's own, which keep their names. */
static int open_files(struct launch *l, struct spec *spec, const struct paths *p, struct err *err)
{
	int fd = fd_take(&l->files), rc = 0;

	(void)p;
	if (!spec->files)
		return 0;
	if (fd < 0)
		rc = files_empty(&fd, err);
	return rc < 0 ? rc : add_disk(l, spec, fd, true, &spec->files_disk, err);
}

static int open_scratch(struct launch *l, struct spec *spec, const struct paths *p, struct err *err)
{
	int fd, rc;

	(void)p;
	if (!spec->scratch)
		return 0;
	rc = scratch_open(spec->scratch, &fd, err);
	return rc < 0 ? rc : add_disk(l, spec, fd, false, &spec->scratch_disk, err);
}

static int open_disks(struct launch *l, struct spec *spec, const struct paths *p, struct err *err)
{
	int rc = place_image(l, FD_DISK0, spec->root ? spec->root : p->root, IMAGE_ROOT, err);

	spec->disks = 1;
	spec->disks_ro = 1;	/* the root: the guest's overlay takes the writes */
	for (unsigned i = 0; rc == 0 && i < spec->disk.n; i++)
		rc = open_disk(l, spec, spec->disk.v[i], err);
	return rc;
}

static int open_vmm(struct launch *l, struct spec *spec, const struct paths *p, struct err *err)
{
	int fd = open(p->vmm, O_RDONLY | O_CLOEXEC);

	(void)spec;
	return fd < 0 ? err_sys(err, "monitor %s", p->vmm) : place(l, FD_VMM, fd, err);
}

static int open_null(struct launch *l, struct spec *spec, const struct paths *p, struct err *err)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC), rc;

	(void)spec;
	(void)p;
	rc = fd < 0 ? err_sys(err, "/dev/null") : place(l, FD_NULL0, fd, err);
	l->fd[FD_NULL1] = l->fd[FD_NULL2] = l->fd[FD_NULL0];
	return rc;
}

static int make_pipe(struct launch *l, int number, int *read_end, struct err *err)
{
	int end[2];

	if (pipe2(end, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_sys(err, "no pipe");
	*read_end = end[0];
	return place(l, number, end[1], err);
}

/* A socket pair of which the other end is the child's. */
static int make_broker(struct launch *l, struct err *err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return err_sys(err, "no socket pair");
	l->machine.broker = pair[0];
	return place(l, FD_BROKER, pair[1], err);
}

static int write_spec(struct launch *l, const struct spec *spec, struct err *err)
{
	char text[SPEC_MAX_TEXT];
	int n = spec_print(spec, text, sizeof(text)), fd, rc;

	if (n < 0)
		return err_set(err, -n, "cmdline: too long to hand down");
	fd = memfd_create("spec", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return err_sys(err, "no memfd");
	rc = io_write(fd, text, (size_t)n);
	if (rc < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW |
			    F_SEAL_SEAL) < 0) {
		err_sys(err, "cannot seal the spec");
		close(fd);
		return -err->code;
	}
	return place(l, FD_SPEC, fd, err);
}

int launch_open(struct launch *l, struct spec *spec, const struct paths *p, struct err *err)
{
	static int (*const steps[])(struct launch *, struct spec *, const struct paths *,
				    struct err *) = {
		name_layers, check_memory, check_kvm, open_net, open_kernel, open_cpios, open_disks,
		open_scratch, open_files, open_vmm, open_null, ready_net, warm_choose,
	};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(steps) / sizeof(steps[0]); i++)
		rc = steps[i](l, spec, p, err);
	l->machine.kernel = l->kernel;
	l->machine.root = l->fd[FD_DISK0];
	return rc;
}

int launch_machine(struct launch *l, const struct spec *spec, struct err *err)
{
	int rc = make_pipe(l, FD_LEASH, &l->machine.leash, err);

	if (rc == 0)
		rc = make_pipe(l, FD_LOG, &l->machine.log, err);
	if (rc == 0)
		rc = make_pipe(l, FD_CONSOLE, &l->machine.console, err);
	if (rc == 0)
		rc = make_broker(l, err);
	if (rc == 0)
		rc = write_spec(l, spec, err);
	return rc;
}

/* --- starting ----------------------------------------------------------------------- */

/* Our own stay close-on-exec, so the child gets the listed ones from `first` on. */
static int spawn(const struct launch *l, int first, char *const argv[], pid_t *pid)
{
	static char *const no_environment[] = { NULL };
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setpgroup(&attr, 0);	/* a ^C at the terminal is ours to pass on */
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
				 (first == 0 ? POSIX_SPAWN_SETPGROUP : 0));
	posix_spawn_file_actions_init(&fa);
	for (int i = first; i < FD_JAILER_END; i++)
		if (l->fd[i] >= 0)
			posix_spawn_file_actions_adddup2(&fa, l->fd[i], i);
	rc = posix_spawn(pid, argv[0], &fa, &attr, argv, no_environment);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&attr);
	return -rc;
}

/* Of this machine only: the images may be for more. */
void launch_close(struct launch *l)
{
	static const int own[] = { FD_SPEC, FD_LOG, FD_CONSOLE, FD_BROKER, FD_LEASH, FD_NET };

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (l->fd[own[i]] >= 0)
			close(l->fd[own[i]]);
		l->fd[own[i]] = -1;
	}
}

int launch_spawn(struct launch *l, const struct paths *p, struct err *err)
{
	char path[PATH_MAX];
	char *const argv[] = { strcpy(path, p->jailer), NULL };
	int rc = spawn(l, 0, argv, &l->jailer);

	launch_close(l);
	if (rc < 0)
		return err_set(err, -rc, "cannot start the jailer %s: %s", path, strerror(-rc));
	return 0;
}

int launch_explain(const struct launch *l, const char *program, struct err *err)
{
	char path[PATH_MAX], flag[] = "--explain";
	char *const argv[] = { strcpy(path, program), flag, NULL };
	pid_t pid;
	int status, rc = spawn(l, FD_SPEC, argv, &pid);

	if (rc < 0)
		return err_set(err, -rc, "cannot start %s: %s", path, strerror(-rc));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(err, "waiting for %s", path);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE)
		return err_set(err, EPIPE, "stdout: the reader of the plan has left");
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return err_set(err, EPROTO, "%s --explain failed", path);
	return 0;
}
