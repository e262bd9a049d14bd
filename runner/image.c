/* image.c - is a file what it is given as? */
#include "runner/image.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"

#define SECTOR 512
#define SUPERBLOCK 1024		/* of ext4 and of erofs */

const char *const image_use_names[] = {
	[IMAGE_KERNEL] = "kernel", [IMAGE_AGENT] = "agent", [IMAGE_INITRD] = "initrd",
	[IMAGE_ROOT] = "root", [IMAGE_DISK] = "disk",
};

static uint16_t le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t le32(const uint8_t *p)
{
	return le16(p) | (uint32_t)le16(p + 2) << 16;
}

static uint64_t le64(const uint8_t *p)
{
	return le32(p) | (uint64_t)le32(p + 4) << 32;
}

/* Bytes the file system says it has: 0 is "not this kind", UINT64_MAX "absurd". */
static uint64_t file_system_size(uint64_t blocks, uint32_t log_block)
{
	if (log_block < 9 || log_block > 16 || blocks == 0 || blocks >> 47)
		return UINT64_MAX;
	return blocks << log_block;
}

static uint64_t ext4_size(const uint8_t *sb)
{
	const uint32_t incompat_64bit = 0x80;
	uint64_t blocks = le32(sb + 0x04);

	if (le16(sb + 0x38) != 0xef53)
		return 0;
	if (le32(sb + 0x60) & incompat_64bit)
		blocks |= (uint64_t)le32(sb + 0x150) << 32;
	return file_system_size(blocks, le32(sb + 0x18) <= 6 ? 10 + le32(sb + 0x18) : 0);
}

static uint64_t erofs_size(const uint8_t *sb)
{
	if (le32(sb) != 0xe0f5e1e2)
		return 0;
	return file_system_size(le32(sb + 0x24), sb[0x0c]);
}

/* This one has its superblock at the very begin. */
static uint64_t squashfs_size(const uint8_t *sb)
{
	uint64_t bytes = le64(sb + 40);

	if (le32(sb) != 0x73717368)
		return 0;
	return bytes == 0 || bytes >> 48 ? UINT64_MAX : bytes;
}

/* Not for being too short, which is -EPIPE. */
static int unreadable(int rc, enum image_use use, const char *path, struct err *err)
{
	return err_set(err, -rc, "%s: %s cannot be read: %s", image_use_names[use], path,
		       strerror(-rc));
}

static int check_root(int fd, uint64_t size, const char *path, struct err *err)
{
	uint8_t head[SUPERBLOCK + 1024];
	const uint8_t *sb = head + SUPERBLOCK;
	uint64_t said = 0;
	int rc = io_pread(fd, head, sizeof(head), 0);

	if (rc < 0 && rc != -EPIPE)
		return unreadable(rc, IMAGE_ROOT, path, err);
	if (rc == 0)
		said = ext4_size(sb) ? ext4_size(sb) : erofs_size(sb);
	if (rc == 0 && said == 0)
		said = squashfs_size(head);
	if (said == 0)
		return err_set(err, EINVAL, "root: %s is neither an ext4, erofs or squashfs image nor a tar",
			       path);
	if (said > size)
		return err_set(err, EINVAL, "root: %s is truncated: its file system is %llu bytes, "
			       "the image only %llu; make or copy it again", path,
			       (unsigned long long)said, (unsigned long long)size);
	return 0;
}

static int check_kernel(int fd, const char *path, struct err *err)
{
	uint8_t head[0x206] = { 0 };
	int rc = io_pread(fd, head, sizeof(head), 0);

	if (rc < 0 && rc != -EPIPE)
		return unreadable(rc, IMAGE_KERNEL, path, err);
	if (rc == 0 &&
	    (!memcmp(head, "\177ELF", 4) || !memcmp(head + 0x202, "HdrS", 4)))
		return 0;
	return err_set(err, ENOEXEC, "kernel: %s is neither an ELF vmlinux nor a bzImage", path);
}

static int check_kind(int fd, enum image_use use, const char *path, struct err *err)
{
	const char *name = image_use_names[use];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(err, "%s: %s", name, path);
	if (S_ISREG(st.st_mode) || (S_ISBLK(st.st_mode) && use >= IMAGE_ROOT))
		return 0;
	if (S_ISDIR(st.st_mode))
		return err_set(err, EISDIR, "%s: %s is a directory, not a file", name, path);
	return err_set(err, EINVAL, "%s: %s is not a regular file%s", name, path,
		       use >= IMAGE_ROOT ? " or block device" : "");
}

int image_check(int fd, enum image_use use, const char *path, struct err *err)
{
	off_t size;
	int rc = check_kind(fd, use, path, err);

	if (rc < 0)
		return rc;
	size = lseek(fd, 0, SEEK_END);		/* also right for block devices */
	if (size < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(err, "%s: %s", image_use_names[use], path);
	if (size == 0)
		return err_set(err, EINVAL, "%s: %s is empty", image_use_names[use], path);
	if (use == IMAGE_KERNEL)
		return check_kernel(fd, path, err);
	if (use == IMAGE_ROOT)
		rc = check_root(fd, (uint64_t)size, path, err);
	if (rc == 0 && use >= IMAGE_ROOT && size % SECTOR)
		return err_set(err, EINVAL, "%s: %s has %lld bytes, which is not a multiple of %d; "
			       "lengthen it with truncate -s %%%d", image_use_names[use], path,
			       (long long)size, SECTOR, SECTOR);
	return rc;
}

/* Open file description locks: they go with the descriptor into the jail and end with the
 * last process that has it. */
static int lock(int fd, bool read_only, enum image_use use, const char *path, struct err *err)
{
	struct flock l = { .l_type = read_only ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_SETLK, &l) == 0)
		return 0;
	if (errno != EAGAIN && errno != EACCES)
		return err_sys(err, "%s: cannot lock %s", image_use_names[use], path);
	if (read_only)
		return err_set(err, EBUSY, "%s: %s is in use by another run (a writer); wait for its "
			       "end or copy the image", image_use_names[use], path);
	return err_set(err, EBUSY, "%s: %s is in use by another run; only readers may share it: "
		       "--disk FILE:ro", image_use_names[use], path);
}

int image_open_disk(const char *path, bool read_only, enum image_use use, int *out,
		    struct err *err)
{
	autoclose int fd = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK |
				O_NOCTTY);
	int rc;

	if (fd < 0)
		return err_sys(err, "%s: %s", image_use_names[use], path);
	rc = image_check(fd, use, path, err);
	if (rc == 0 && use >= IMAGE_ROOT)
		rc = lock(fd, read_only, use, path, err);
	if (rc < 0)
		return rc;
	fcntl(fd, F_SETFL, 0);	/* O_NONBLOCK was for opening a FIFO without waiting */
	*out = fd_take(&fd);
	return 0;
}

int image_open(const char *path, enum image_use use, int *out, struct err *err)
{
	return image_open_disk(path, true, use, out, err);
}
