/* savefile.c - a file that becomes a snapshot when all of it is there, and else goes again. */
#include "runner/savefile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/cache.h"

#define BESIDE (PATH_MAX + 32)

static void beside(const char *path, char tmp[BESIDE])
{
	snprintf(tmp, BESIDE, "%s.%d.tmp", path, getpid());
}

/* Without a name, it is gone with us however we end; some file systems do not have that. */
static int open_nameless(const char *path)
{
	char dir[BESIDE], *slash;

	beside(path, dir);
	slash = strrchr(dir, '/');
	if (slash)
		slash[1] = '\0';
	return open(slash ? dir : ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

int savefile_open(const char *path, struct err *err)
{
	char tmp[BESIDE];
	int fd, rc = snapfile_look(path, err);

	if (rc < 0 && rc != -ENOENT)
		return rc;
	fd = open_nameless(path);
	if (fd >= 0)
		return fd;
	beside(path, tmp);
	fd = cache_create(tmp);
	return fd < 0 ? err_set(err, -fd, "snapshot %s: %s", path, strerror(-fd)) : fd;
}

static int give_name(int fd, const char *tmp)
{
	char self[32];
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_nlink > 0)
		return 0;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	unlink(tmp);
	return linkat(AT_FDCWD, self, AT_FDCWD, tmp, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

int savefile_close(int fd, const char *path, uint32_t state_len, uint64_t memory_len,
		   const char *text, struct err *err)
{
	char tmp[BESIDE];
	uint8_t key[SNAP_KEY];
	int rc = state_len ? cache_key(key, err) : err_set(err, EIO, "snapshot %s: not saved", path);

	beside(path, tmp);
	if (rc == 0)
		rc = snapfile_finish(fd, key, state_len, memory_len, text, err);
	if (rc == 0 && (give_name(fd, tmp) < 0 || rename(tmp, path) < 0))
		rc = err_sys(err, "snapshot %s", path);
	if (rc < 0)
		unlink(tmp);
	return rc;
}
