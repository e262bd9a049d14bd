/* cgroup.c - make, fill and remove the run's control groups; see cgroup.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>
#include <unistd.h>

#include "jailer/jail.h"
#include "lib/fd.h"
#include "lib/io.h"

#define OVERHEAD	(64ull << 20)	/* of the vmm and of KVM, besides guest memory */
#define CPU_PERIOD	100000u		/* microseconds */
#define MOST_GROUPS	4096		/* in one of a user; a host has 65535 in all */
#define BIT(layer)	(1ull << (layer))

/* What each hierarchy is called, where systemd and everybody else mounts it. */
static const struct hierarchy {
	const char *mount[2];		/* the first of the right type is used */
	unsigned long magic;
	const char *controller;		/* in /proc/self/cgroup; "" is v2 */
} hierarchies[N_CGROUPS] = {
	[CG_V2] = { { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" }, CGROUP2_SUPER_MAGIC, "" },
	[CG_MEMORY] = { { "/sys/fs/cgroup/memory" }, CGROUP_SUPER_MAGIC, "memory" },
	[CG_PIDS] = { { "/sys/fs/cgroup/pids" }, CGROUP_SUPER_MAGIC, "pids" },
	[CG_CPU] = { { "/sys/fs/cgroup/cpu" }, CGROUP_SUPER_MAGIC, "cpu" },
	[CG_IO] = { { "/sys/fs/cgroup/blkio" }, CGROUP_SUPER_MAGIC, "blkio" },
};

static uint64_t memory_limit(const struct spec *s)
{
	/* Page tables, the guest's second ones and ours, take 8 bytes per 4 KiB each. */
	return s->memory + s->memory / 256 + OVERHEAD;
}

/* Threads of the vmm, and the few that KVM starts in its name. */
static unsigned pids_limit(const struct spec *s)
{
	return s->cpus + s->disks + 4;
}

/* One for the loop and the disks, which rest when the guest does. */
static unsigned cpu_quota(const struct spec *s)
{
	return (s->cpus + 1) * CPU_PERIOD;
}

int cgroup_put(int dir, const char *file, const char *fmt, ...)
{
	autoclose int fd = openat(dir, file, O_WRONLY | O_CLOEXEC);
	char buf[64];
	va_list ap;
	int n;

	if (fd < 0)
		return -errno;
	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	return write(fd, buf, (size_t)n) == n ? 0 : -errno;
}

/* The caller's group in that hierarchy, as in /proc/self/cgroup: "ID:CONTROLLERS:/PATH". */
static int own_group(const char *controller, char *path, size_t n)
{
	autoclose int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
	char text[4096], *line, *save = NULL;
	ssize_t got = fd < 0 ? -1 : io_read_some(fd, text, sizeof(text) - 1);

	if (got <= 0)
		return -ENOENT;
	text[got] = '\0';
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *list = strchr(line, ':'), *at = list ? strchr(list + 1, ':') : NULL;

		if (!at)
			continue;
		*at++ = '\0';
		if (strcmp(list + 1, controller))
			continue;
		return (size_t)snprintf(path, n, "%s", at) < n ? 0 : -ENAMETOOLONG;
	}
	return -ENOENT;
}

/* The mount point, or -1 when nothing of that type is there. */
static int open_mount(const struct hierarchy *h, const char **mount)
{
	for (unsigned i = 0; i < 2 && h->mount[i]; i++) {
		autoclose int fd = open(h->mount[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		struct statfs fs;

		if (fd < 0 || fstatfs(fd, &fs) < 0 || (unsigned long)fs.f_type != h->magic)
			continue;
		*mount = h->mount[i];
		return fd_take(&fd);
	}
	return -1;
}

static int make_dir(struct cgroup_dir *d, const char *name, const char *parent)
{
	int rc = mkdirat(d->parent, name, 0755);

	if (rc < 0 && errno == EEXIST) {	/* left by a keeper that was killed with our pid */
		unlinkat(d->parent, name, AT_REMOVEDIR);
		rc = mkdirat(d->parent, name, 0755);
	}
	if (rc < 0)
		return -errno;
	d->dir = openat(d->parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->dir < 0) {
		rc = -errno;
		unlinkat(d->parent, name, AT_REMOVEDIR);
		return rc;
	}
	snprintf(d->path, sizeof(d->path), "%s/%s", parent, name);
	return 0;
}

/* Try `path` of the hierarchy as the directory to make ours in. */
static int make_in(struct cgroup_dir *d, const char *name, const char *mount, const char *path)
{
	char full[sizeof(d->path) - sizeof(((struct cgroups *)0)->name)];
	int rc;

	if (strstr(path, "/.."))	/* outside our cgroup namespace */
		return -ENOENT;
	if ((size_t)snprintf(full, sizeof(full), "%s%s", mount, path) >= sizeof(full))
		return -ENAMETOOLONG;
	d->parent = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->parent < 0)
		return -errno;
	rc = make_dir(d, name, full);
	if (rc < 0) {
		close(d->parent);
		d->parent = -1;
	}
	return rc;
}

/* A user makes it beside the own group, when the one above is delegated (systemd's
 * user@.service), since a group with processes in it cannot hand controllers down; else
 * inside the own one. */
static int make_group(struct cgroups *c, unsigned i, enum cgroup_place place)
{
	const struct hierarchy *h = &hierarchies[i];
	struct cgroup_dir *d = &c->d[i];
	char path[256], *slash;
	const char *mount;
	autoclose int top = open_mount(h, &mount);

	if (top < 0)
		return -ENOENT;
	if (place == ON_TOP)
		return make_in(d, c->name, mount, "");
	if (own_group(h->controller, path, sizeof(path)) < 0)
		return -ENOENT;
	slash = place == WHERE_ALLOWED ? strrchr(path, '/') : NULL;
	if (slash) {
		*slash = '\0';
		if (make_in(d, c->name, mount, path) == 0)
			return 0;
		*slash = '/';
	}
	return make_in(d, c->name, mount, path);
}

/* A v2 group has the controllers that the one above hands down.  If that one has processes in it,
 * to ask for some of them would only make ours useless: then for none. */
static void ask_for_controllers(int parent, const struct spec *s)
{
	static const char *const want[] = { "memory", "pids", "cpu", "io" };
	autoclose int fd = openat(parent, "cgroup.subtree_control", O_RDONLY | O_CLOEXEC);
	char have[256] = " ";
	ssize_t n = fd < 0 ? -1 : io_read_some(fd, have + 1, sizeof(have) - 3);

	if (n < 0)
		return;
	for (char *p = have; *p; p++)
		if (*p == '\n')
			*p = ' ';
	for (unsigned i = 0; i < (s->disk_rate ? 4 : 3); i++) {
		char word[16];

		snprintf(word, sizeof(word), " %s ", want[i]);
		if (!strstr(have, word) &&
		    cgroup_put(parent, "cgroup.subtree_control", "+%s", want[i]) == -EBUSY)
			return;
	}
}

static void limit_v2(struct cgroups *c, const struct spec *s)
{
	struct cgroup_dir *d = &c->d[CG_V2];

	if (cgroup_put(d->dir, "memory.max", "%llu", (unsigned long long)memory_limit(s)) == 0) {
		d->layers |= BIT(LAYER_CGROUP_MEMORY);
		cgroup_put(d->dir, "memory.swap.max", "0");
		cgroup_put(d->dir, "memory.oom.group", "1");
		c->events = openat(d->dir, "memory.events", O_RDONLY | O_CLOEXEC);
	}
	if (cgroup_put(d->dir, "pids.max", "%u", pids_limit(s)) == 0)
		d->layers |= BIT(LAYER_CGROUP_PIDS);
	if (cgroup_put(d->dir, "cpu.max", "%u %u", cpu_quota(s), CPU_PERIOD) == 0)
		d->layers |= BIT(LAYER_CGROUP_CPU);
	if (s->disk_rate && limit_io(d, true, s) == 0)
		d->layers |= BIT(LAYER_CGROUP_IO);
	c->kill = openat(d->dir, "cgroup.kill", O_WRONLY | O_CLOEXEC);
	if (c->kill >= 0)
		d->layers |= BIT(LAYER_CGROUP_KILL);
	d->attach = openat(d->dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);
}

static void limit_v1(struct cgroups *c, unsigned i, const struct spec *s)
{
	unsigned long long memory = memory_limit(s);
	struct cgroup_dir *d = &c->d[i];

	if (i == CG_MEMORY && cgroup_put(d->dir, "memory.limit_in_bytes", "%llu", memory) == 0) {
		d->layers = BIT(LAYER_CGROUP_MEMORY);
		cgroup_put(d->dir, "memory.memsw.limit_in_bytes", "%llu", memory);
		c->events = openat(d->dir, "memory.oom_control", O_RDONLY | O_CLOEXEC);
	}
	if (i == CG_PIDS && cgroup_put(d->dir, "pids.max", "%u", pids_limit(s)) == 0)
		d->layers = BIT(LAYER_CGROUP_PIDS);
	if (i == CG_CPU && cgroup_put(d->dir, "cpu.cfs_period_us", "%u", CPU_PERIOD) == 0 &&
	    cgroup_put(d->dir, "cpu.cfs_quota_us", "%u", cpu_quota(s)) == 0)
		d->layers = BIT(LAYER_CGROUP_CPU);
	if (i == CG_IO && limit_io(d, false, s) == 0)
		d->layers = BIT(LAYER_CGROUP_IO);
	/* A thread that moves itself through `tasks` does so without the lock that every
	 * fork and exit of the host takes; cgroup.procs would wait milliseconds for it. */
	d->attach = openat(d->dir, "tasks", O_WRONLY | O_CLOEXEC);
}

static void drop_dir(struct cgroup_dir *d, const char *name)
{
	if (d->dir >= 0)
		close(d->dir);
	if (d->attach >= 0)
		close(d->attach);
	unlinkat(d->parent, name, AT_REMOVEDIR);
	close(d->parent);
	*d = (struct cgroup_dir){ .parent = -1, .dir = -1, .attach = -1 };
}

void cgroups_init(struct cgroups *c)
{
	c->kill = c->events = -1;
	snprintf(c->name, sizeof(c->name), "sandbox-%d", getpid());
	for (unsigned i = 0; i < N_CGROUPS; i++)
		c->d[i] = (struct cgroup_dir){ .parent = -1, .dir = -1, .attach = -1 };
}

/* What the caller's own group hands down is not ours to change with rights the caller has not. */
void cgroups_make(struct cgroups *c, const struct spec *s, enum cgroup_place place)
{
	uint64_t have = 0;

	for (unsigned i = 0; i < N_CGROUPS; i++) {
		static const enum layer gives[] = { [CG_MEMORY] = LAYER_CGROUP_MEMORY,
						    [CG_PIDS] = LAYER_CGROUP_PIDS,
						    [CG_CPU] = LAYER_CGROUP_CPU,
						    [CG_IO] = LAYER_CGROUP_IO };
		struct cgroup_dir *d = &c->d[i];

		have |= d->layers;
		if (d->parent >= 0 || (i != CG_V2 && have & BIT(gives[i])))
			continue;	/* v2 has that controller, so v1 does not */
		if (i == CG_IO && !s->disk_rate)
			continue;
		if (make_group(c, i, place) < 0)
			continue;
		if (i == CG_V2) {
			if (place != INSIDE_OWN)
				ask_for_controllers(d->parent, s);
			limit_v2(c, s);
		} else {
			limit_v1(c, i, s);
		}
		if (!d->layers)
			drop_dir(d, c->name);
		have |= d->layers;
	}
}

uint64_t cgroups_attach(struct cgroups *c, bool already_in_v2)
{
	uint64_t layers = 0;

	for (unsigned i = 0; i < N_CGROUPS; i++) {
		struct cgroup_dir *d = &c->d[i];

		if (d->parent < 0)
			continue;
		if ((i == CG_V2 && already_in_v2) || write(d->attach, "0", 1) == 1)
			layers |= d->layers;
	}
	return layers;
}

void cgroups_settle(struct cgroups *c)
{
	for (unsigned i = 0; i < N_CGROUPS; i++) {
		struct cgroup_dir *d = &c->d[i];

		if (d->parent < 0)
			continue;
		close(d->dir);
		close(d->attach);
		d->dir = d->attach = -1;
	}
}

unsigned cgroups_remove(struct cgroups *c)
{
	struct timespec pause = { .tv_nsec = 200000 };
	unsigned left = 0;

	for (unsigned i = 0; i < N_CGROUPS; i++) {
		struct cgroup_dir *d = &c->d[i];
		int rc = -1;

		if (d->parent < 0)
			continue;
		/* Busy while its last task is still on its way out: 0.8 s at the most. */
		for (int tries = 0; tries < 12 && rc < 0; tries++) {
			rc = unlinkat(d->parent, c->name, AT_REMOVEDIR);
			if (rc < 0 && errno != EBUSY)
				break;
			if (rc < 0) {
				ppoll(NULL, 0, &pause, NULL);	/* see keep.c */
				pause.tv_nsec = pause.tv_nsec < 100000000 ? pause.tv_nsec * 2 :
						pause.tv_nsec;
			}
		}
		left += rc < 0;
	}
	return left;
}

int cgroups_kill(const struct cgroups *c)
{
	if (c->kill < 0)
		return -ENOENT;
	return write(c->kill, "1", 1) == 1 ? 0 : -errno;
}

unsigned cgroups_oom_kills(const struct cgroups *c)
{
	char text[512];
	ssize_t n = c->events < 0 ? -1 : pread(c->events, text, sizeof(text) - 1, 0);
	const char *at;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	at = strstr(text, "oom_kill ");
	return at ? (unsigned)strtoul(at + strlen("oom_kill "), NULL, 10) : 0;
}

bool cgroups_need_override(const struct cgroups *c)
{
	for (unsigned i = 0; i < N_CGROUPS; i++) {
		struct stat st;

		if (c->d[i].parent >= 0 && fstat(c->d[i].parent, &st) == 0 &&
		    !(st.st_uid == geteuid() && st.st_mode & S_IWUSR))
			return true;
	}
	return false;
}

/* What a host does not give is missing from the layers; a rate was asked for by name. */
static int keep_disk_rate(const struct jail *j, struct err *err)
{
	const struct cgroups *c = &j->cgroups;

	if (!j->spec.disk_rate || (c->d[CG_V2].layers | c->d[CG_IO].layers) & BIT(LAYER_CGROUP_IO))
		return 0;
	return err_set(err, EOPNOTSUPP, "disk-rate: cannot be had here: each disk must be on a "
		       "block device, and the control group io (version 2) or blkio writable");
}

int make_cgroups(struct jail *j, struct err *err)
{
	cgroups_make(&j->cgroups, &j->spec, j->privileged && !j->lent ? ON_TOP : WHERE_ALLOWED);
	return j->lent ? 0 : keep_disk_rate(j, err);
}

/* Keeper and monitor do not count as the caller's processes any more, so their groups are counted
 * instead, also those that were left by keepers the host has killed. */
int stay_in_groups(struct jail *j, struct err *err)
{
	struct rlimit most;
	unsigned made = 0;

	if (!j->lent)
		return 0;
	cgroups_make(&j->cgroups, &j->spec, INSIDE_OWN);
	if (getrlimit(RLIMIT_NPROC, &most) < 0)
		return err_sys(err, "limit of processes");
	for (unsigned i = 0; i < N_CGROUPS; i++) {
		const struct cgroup_dir *d = &j->cgroups.d[i];
		struct stat st;

		if (d->parent < 0)
			continue;
		if (fstat(d->parent, &st) < 0)
			return err_sys(err, "control groups");
		if (st.st_nlink > 2 + MOST_GROUPS || st.st_nlink - 2 > most.rlim_cur)
			return err_set(err, EDQUOT, "control groups: there are too many in %.100s already",
				       d->path);
		made++;
	}
	if (!made)
		return err_set(err, EPERM, "control groups: none can be made in the caller's, and a jailer "
			       "with file capabilities is not without");
	return keep_disk_rate(j, err);
}

void explain_cgroups(const struct jail *j, FILE *out)
{
	const struct spec *s = &j->spec;

	fprintf(out, "\tmemory %llu MiB without swap, %u tasks, %u%% of one cpu, as far as the\n"
		"\thierarchies under /sys/fs/cgroup can be written by %s\n",
		(unsigned long long)memory_limit(s) >> 20, pids_limit(s),
		cpu_quota(s) / (CPU_PERIOD / 100), j->lent ? "root inside this user's own" :
		j->privileged ? "root" : "this user");
	if (s->disk_rate)
		fprintf(out, "\t%llu bytes a second read from the devices of its disks, and as many "
			"written\n", (unsigned long long)s->disk_rate);
}
