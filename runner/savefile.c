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
#include "runner/nameless.h"

#define BESIDE (PATH_MAX + 32)

static void beside(const char *path, char tmp[BESIDE])
{
	snprintf(tmp, BESIDE, "%s.%d.tmp", path, getpid());
}

int savefile_open(const char *path, struct err *err)
{
	char tmp[BESIDE];
	int fd, rc = snapfile_look(path, err);

	if (rc < 0 && rc != -ENOENT)
		return rc;
	fd = nameless_open(path, 0600);
	if (fd >= 0)
		return fd;
	beside(path, tmp);
	fd = cache_create(tmp);
	return fd < 0 ? err_set(err, -fd, "snapshot %s: %s", path, strerror(-fd)) : fd;
}

/* Only one that takes the place of another has a name of its own before. */
static int give_name(int fd, const char *tmp, const char *path)
{
	struct stat st;
	int rc;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_nlink == 0) {
		rc = nameless_link(fd, path);
		if (rc != -EEXIST)
			return rc;
		unlink(tmp);
		rc = nameless_link(fd, tmp);
		if (rc < 0)
			return rc;
	}
	return rename(tmp, path) < 0 ? -errno : 0;
}

int savefile_close(int fd, const char *path, uint32_t state_len, uint64_t memory_len,
		   const char *text, struct err *err)
{
	char tmp[BESIDE];
	uint8_t key[SNAP_KEY];
	int rc = state_len ? cache_key(key, err) : err_set(err, EIO, "snapshot %s: not saved", path);
	int named;

	beside(path, tmp);
	if (rc == 0)
		rc = snapfile_finish(fd, key, state_len, memory_len, text, err);
	named = rc == 0 ? give_name(fd, tmp, path) : 0;
	if (named < 0)
		rc = err_set(err, -named, "snapshot %s: %s", path, strerror(-named));
	if (rc < 0)
		unlink(tmp);
	return rc;
}
