/* mounts.c - from the initramfs to the root that the command sees: the disk, read-only,
 * under an overlay that lives in memory and dies with the machine.
 *
 * One tmpfs holds all that can be written, so that one limit - half of the memory, the
 * kernel's own default - keeps a full disk from becoming a guest out of memory. */
#include "rootfs/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"

#define ROOT_DISK "/dev/vda"
#define DISK_WAIT_MS 5000		/* a driver in a module may still be probing */
#define FRUGAL_READAHEAD 16384		/* bytes */
#define FRUGAL_FAULTAROUND "8192"

struct place {
	const char *what, *where, *type;
	unsigned long flags;
	const char *data;
};

/* What every program may expect, below the new root.  Binds are of directories of the
 * tmpfs; /dev itself is moved. */
static const struct place places[] = {
	{ "/dev", "/root/dev", NULL, MS_MOVE, NULL },
	{ "devpts", "/root/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
	  "gid=5,mode=620,ptmxmode=666" },
	{ "/over/shm", "/root/dev/shm", NULL, MS_BIND, NULL },
	{ "proc", "/root/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL },
	{ "sysfs", "/root/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL },
	{ "/over/tmp", "/root/tmp", NULL, MS_BIND, NULL },
	{ "/over/run", "/root/run", NULL, MS_BIND, NULL },
};

static const struct { const char *to, *at; } links[] = {
	{ "/proc/self/fd", "/root/dev/fd" },
	{ "/proc/self/fd/0", "/root/dev/stdin" },
	{ "/proc/self/fd/1", "/root/dev/stdout" },
	{ "/proc/self/fd/2", "/root/dev/stderr" },
};

/* Mount it, making the place if the image has none. */
static int mount_at(const struct place *p)
{
	if (mount(p->what, p->where, p->type, p->flags, p->data) == 0)
		return 0;
	if (errno != ENOENT || mkdir(p->where, 0755) < 0)
		return -errno;
	return mount(p->what, p->where, p->type, p->flags, p->data) < 0 ? -errno : 0;
}

/* A kernel without a console starts us with no descriptors; the numbers must not go to
 * sockets. */
int mounts_early(void)
{
	int fd;

	umask(0);
	if (mount("dev", "/dev", "devtmpfs", MS_NOSUID | MS_NOEXEC, "mode=755") < 0)
		return -errno;
	fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO)
		fd = dup(fd);
	return fd < 0 ? -errno : close(fd);
}

int mounts_wait(const char *device)
{
	const struct timespec nap = { .tv_nsec = 5000000 };

	for (int ms = 0; ms < DISK_WAIT_MS; ms += 5) {
		if (access(device, F_OK) == 0)
			return 0;
		nanosleep(&nap, NULL);
	}
	return -ENXIO;
}

/* The kernel hands us what it does not know of its command line.  Our host says "frugal" where
 * pages are dear: where reading a page of a file, and mapping it, costs more than asking again. */
static bool is_frugal(void)
{
	return getenv("frugal");
}

/* How much of a file to read around a page that is asked for. */
static void limit_readahead(void)
{
	autoclose int fd = is_frugal() ? open(ROOT_DISK, O_RDONLY | O_CLOEXEC) : -1;

	if (fd >= 0 && ioctl(fd, BLKRASET, FRUGAL_READAHEAD / 512) < 0)
		host_log("readahead: %s", strerror(errno));
}

/* How much of a file to map along with the page that was touched.  debugfs is the only place to
 * tell the kernel, and is gone again before anybody could look. */
static void limit_faultaround(void)
{
	autoclose int fd = -1;

	if (!is_frugal() || mount("debugfs", "/root", "debugfs", 0, NULL) < 0)
		return;
	fd = open("/root/fault_around_bytes", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || io_write(fd, FRUGAL_FAULTAROUND, strlen(FRUGAL_FAULTAROUND)) < 0)
		host_log("faultaround: %s", strerror(errno));
	umount2("/root", MNT_DETACH);
}

/* A read-only ext4 must not replay its journal.  Where there is no disk, nobody is asked twice. */
static int mount_disk(void)
{
	static const struct { const char *type, *data; } kinds[] = {
		{ "erofs", NULL }, { "ext4", "noload" }, { "squashfs", NULL },
	};
	int rc = -EINVAL;

	limit_readahead();
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (mount(ROOT_DISK, "/lower", kinds[i].type, MS_RDONLY | MS_NODEV, kinds[i].data) == 0)
			return 0;
		rc = -errno;
		if (rc == -ENOENT || rc == -ENXIO)
			break;
	}
	return rc;
}

static int mount_overlay(void)
{
	static const struct { const char *path; mode_t mode; } dirs[] = {
		{ "/over/upper", 0755 }, { "/over/work", 0700 }, { "/over/run", 0755 },
		{ "/over/tmp", 01777 }, { "/over/shm", 01777 },
	};
	int rc;

	if (mount("tmpfs", "/over", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0)
		return -errno;
	for (unsigned i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (mkdir(dirs[i].path, dirs[i].mode) < 0)
			return -errno;
	rc = identity_file();
	if (rc == 0 && mount("overlay", "/root", "overlay", MS_NODEV,
			     "lowerdir=/lower,upperdir=/over/upper,workdir=/over/work") < 0)
		rc = -errno;
	return rc;
}

static int furnish(void)
{
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int rc = mount_at(&places[i]);

		if (rc < 0)
			return rc;
	}
	for (unsigned i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (symlink(links[i].to, links[i].at) < 0)
			return -errno;
	return 0;
}

static int below = -1;			/* the initramfs, under the root */

int mounts_below(void)
{
	return below;
}

int mounts_enter(const char *root)
{
	if (chdir(root) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 ||
	    chroot(".") < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}

int mounts_root(void)
{
	int rc;

	limit_faultaround();
	rc = mount_disk();
	if (rc == -ENOENT || rc == -ENXIO) {
		rc = mounts_wait(ROOT_DISK);
		if (rc == 0)
			rc = mount_disk();
	}
	if (rc == 0)
		rc = mount_overlay();
	if (rc == 0)
		rc = furnish();
	below = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (rc == 0 && below < 0)
		rc = -errno;
	return rc ? rc : mounts_enter("/root");
}
