/* files.c - disks that come with a run: files to be laid over the root, and room to throw away.
 *
 * Both are mounted when the host has said which they are; until then, be it in a machine that is
 * saved and restored, nobody has read a byte of them.  The root is an overlay already and cannot be
 * given one more layer, so another overlay takes its place, with the files above what it was made
 * of; what is mounted in it moves over. */
#include "rootfs/agent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"

/* All of these are paths from the initramfs, which is the working directory meanwhile. */
#define LAYERS "lowerdir=files:over/upper:lower,upperdir=over/laid,workdir=over/laid-work"

static const char *const moved[] = { "dev", "proc", "sys", "tmp", "run" };

/* The kernel has looked at the disk when it found it, and may have kept that. */
static int find_disk(unsigned number, char device[16])
{
	autoclose int fd = -1;
	int rc;

	snprintf(device, 16, "/dev/vd%c", 'a' + (int)number);
	rc = mounts_wait(device);
	if (rc < 0)
		return rc;
	fd = open(device, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, BLKFLSBUF, 0) < 0)
		return -errno;
	return 0;
}

/* Directories under `files` that are only there on the way to something: in `upper` they are made as
 * the root has them.  All three are descriptors; `root` may be -1: there is none. */
static int settle(int files, int root, int upper);

static int settle_one(int files, int root, int upper, const char *name)
{
	struct stat st = { .st_mode = S_IFDIR | 0755 };
	bool there = root >= 0 && fstatat(root, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
	autoclose int sub = openat(files, name, flags);
	autoclose int like = there ? openat(root, name, flags) : -1;
	autoclose int to = -1;

	if (sub < 0 || mkdirat(upper, name, 0700) < 0)
		return -errno;
	to = openat(upper, name, flags);
	if (to < 0 || (there && fchown(to, st.st_uid, st.st_gid) < 0) ||
	    fchmod(to, there ? st.st_mode & 07777 : 0755) < 0)
		return -errno;
	return settle(sub, like, to);
}

static int settle(int files, int root, int upper)
{
	DIR *d = fdopendir(dup(files));
	struct dirent *e;
	struct stat st;
	int rc = d ? 0 : -errno;

	while (rc == 0 && (e = readdir(d))) {
		if (e->d_type != DT_DIR || !strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (fstatat(files, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			rc = -errno;
		else if (st.st_uid == FILES_ON_THE_WAY)
			rc = settle_one(files, root, upper, e->d_name);
	}
	if (d)
		closedir(d);
	return rc;
}

static int settle_all(void)
{
	autoclose int files = open("files", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autoclose int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autoclose int upper = open("over/laid", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return files < 0 || root < 0 || upper < 0 ? -errno : settle(files, root, upper);
}

static int mount_files(const char *device)
{
	int rc;

	if (mkdir("files", 0755) < 0 || mkdir("over/laid", 0755) < 0 || mkdir("over/laid-work", 0700) < 0)
		return -errno;
	if (mount(device, "files", "erofs", MS_RDONLY | MS_NODEV | MS_NOSUID, NULL) < 0)
		return -errno;
	rc = settle_all();
	if (rc == 0 && mount("overlay", "root", "overlay", MS_NODEV, LAYERS) < 0)
		rc = -errno;
	return rc;
}

static int move_mounts(void)
{
	char from[16], to[24];

	for (size_t i = 0; i < sizeof(moved) / sizeof(moved[0]); i++) {
		snprintf(from, sizeof(from), "/%s", moved[i]);
		snprintf(to, sizeof(to), "root/%s", moved[i]);
		if (mount(from, to, NULL, MS_MOVE, NULL) < 0)
			return -errno;
	}
	return 0;
}

int files_lay(unsigned disk)
{
	char device[16];
	int rc = find_disk(disk, device);

	if (rc == 0 && fchdir(mounts_below()) < 0)
		rc = -errno;
	if (rc == 0)
		rc = mount_files(device);
	if (rc == 0)
		rc = move_mounts();
	if (rc == 0)
		rc = mounts_enter("root");
	return rc < 0 ? rc : account_init();
}

int files_scratch(unsigned disk)
{
	char device[16];
	int rc = find_disk(disk, device);

	if (rc < 0)
		return rc;
	if (mkdir("/scratch", 0755) < 0 && errno != EEXIST)
		return -errno;
	if (mount(device, "/scratch", "ext4", MS_NODEV | MS_NOSUID | MS_NOATIME, NULL) < 0)
		return -errno;
	return chmod("/scratch", 01777) < 0 ? -errno : 0;
}

int files_work(const struct account *who)
{
	if (mkdir(WORK_DIR, 0755) < 0 && errno != EEXIST)
		return -errno;
	return chown(WORK_DIR, who->uid, who->gid) < 0 ? -errno : 0;
}
