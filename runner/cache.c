/* cache.c - the user's cache directory. */
#include "runner/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"

#define MAX_FILES 1024

/* --- the directory ----------------------------------------------------------------------- */

static int parent_dir(char out[PATH_MAX], struct err *err)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int n;

	if (xdg && xdg[0] == '/')
		n = snprintf(out, PATH_MAX, "%s", xdg);
	else if (home && home[0] == '/')
		n = snprintf(out, PATH_MAX, "%s/.cache", home);
	else
		return err_set(err, ENOENT, "cache: neither XDG_CACHE_HOME nor HOME says where it is");
	if (n >= PATH_MAX - 100)
		return err_set(err, ENAMETOOLONG, "cache: its path is too long");
	return mkdir(out, 0700) < 0 && errno != EEXIST ? err_sys(err, "cache: %s", out) : 0;
}

int cache_dir(char out[PATH_MAX], struct err *err)
{
	struct stat st;
	int rc = parent_dir(out, err);

	if (rc < 0)
		return rc;
	strcat(out, "/sandbox");
	if (mkdir(out, 0700) < 0 && errno != EEXIST)
		return err_sys(err, "cache: %s", out);
	if (lstat(out, &st) < 0)
		return err_sys(err, "cache: %s", out);
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022))
		return err_set(err, EPERM, "cache: %s is not a directory that only you can write", out);
	return access(out, W_OK | X_OK) < 0 ? err_sys(err, "cache: %s", out) : 0;
}

/* --- what is being made ------------------------------------------------------------------ */

void cache_remove_abandoned(int dir, const char *name)
{
	autoclose int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		unlinkat(dir, name, 0);
}

/* Ours, locked, and not removed by somebody who saw it before it was locked. */
static bool is_kept(int fd)
{
	struct stat st;

	if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return false;
	return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

int cache_create(const char *path)
{
	for (unsigned tries = 0; tries < 8; tries++) {
		int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

		if (fd >= 0 && is_kept(fd))
			return fd;
		if (fd >= 0)
			close(fd);
		else if (errno == EEXIST)
			cache_remove_abandoned(AT_FDCWD, path);
		else
			return -errno;
	}
	return -EEXIST;
}

/* One that was removed meanwhile is nobody's. */
int cache_lock(const char *path)
{
	for (;;) {
		autoclose int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		struct stat st;

		if (fd < 0 || flock(fd, LOCK_EX) < 0 || fstat(fd, &st) < 0)
			return -errno;
		if (st.st_nlink > 0)
			return fd_take(&fd);
	}
}

/* --- the key ----------------------------------------------------------------------------- */

static int read_key(const char *path, uint8_t key[SNAP_KEY], struct err *err)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "cache: %s", path);
	if (st.st_uid != geteuid() || (st.st_mode & 077) || st.st_size != SNAP_KEY)
		return err_set(err, EPERM, "cache: %s is not a key that only you can read; remove it",
			       path);
	return io_pread(fd, key, SNAP_KEY, 0) < 0 ? err_sys(err, "cache: %s", path) : 0;
}

/* Whoever comes first wins: a link() never replaces a key that is there. */
static int make_key(const char *path, struct err *err)
{
	char tmp[PATH_MAX + 32];
	uint8_t key[SNAP_KEY];
	autoclose int fd = -1;
	int rc;

	snprintf(tmp, sizeof(tmp), "%s.%d.tmp", path, getpid());
	if (getrandom(key, sizeof(key), 0) != sizeof(key))
		return err_sys(err, "cache: no random key");
	fd = cache_create(tmp);
	if (fd < 0)
		return err_set(err, -fd, "cache: %s: %s", tmp, strerror(-fd));
	rc = io_write(fd, key, sizeof(key));
	if (rc == 0 && fsync(fd) < 0)
		rc = -errno;
	if (rc == 0 && link(tmp, path) < 0 && errno != EEXIST)
		rc = -errno;
	unlink(tmp);
	return rc < 0 ? err_set(err, -rc, "cache: %s: %s", path, strerror(-rc)) : 0;
}

int cache_key(uint8_t key[SNAP_KEY], struct err *err)
{
	char path[PATH_MAX];
	int rc = cache_dir(path, err);

	if (rc < 0)
		return rc;
	strcat(path, "/key");
	rc = read_key(path, key, err);
	if (rc != -ENOENT)
		return rc;
	rc = make_key(path, err);
	if (rc == 0)
		rc = read_key(path, key, err);
	return rc == -ENOENT ? err_set(err, ENOENT, "cache: %s is gone again", path) : rc;
}

/* --- what lies there --------------------------------------------------------------------- */

static int by_use(const void *a, const void *b)
{
	const struct timespec *x = &((const struct cache_entry *)a)->used;
	const struct timespec *y = &((const struct cache_entry *)b)->used;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec > y->tv_sec ? -1 : 1;
	return x->tv_nsec > y->tv_nsec ? -1 : x->tv_nsec < y->tv_nsec;
}

static bool ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && !strcmp(name + n - m, end);
}

static unsigned list(int dir, DIR *d, struct cache_entry *e)
{
	struct dirent *f;
	struct stat st;
	unsigned n = 0;

	while (n < MAX_FILES && (f = readdir(d))) {
		if (ends_in(f->d_name, ".tmp") || ends_in(f->d_name, CACHE_LOCK))
			cache_remove_abandoned(dir, f->d_name);
		if (!ends_in(f->d_name, CACHE_SUFFIX) ||
		    fstatat(dir, f->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		e[n] = (struct cache_entry){ .bytes = (uint64_t)st.st_blocks * 512, .used = st.st_mtim };
		strcpy(e[n++].name, f->d_name);
	}
	qsort(e, n, sizeof(*e), by_use);
	return n;
}

/* Opens the directory, too: *d is the caller's. */
static int look(DIR **d, struct cache_entry **e, struct err *err)
{
	static struct cache_entry entries[MAX_FILES];
	char path[PATH_MAX];
	int rc = cache_dir(path, err);

	if (rc < 0)
		return rc;
	*d = opendir(path);
	if (!*d)
		return err_sys(err, "cache: %s", path);
	*e = entries;
	return (int)list(dirfd(*d), *d, entries);
}

int cache_list(const struct cache_entry **out, struct err *err)
{
	struct cache_entry *e = NULL;
	DIR *d;
	int n = look(&d, &e, err);

	*out = e;
	if (n >= 0)
		closedir(d);
	return n;
}

int cache_trim(uint64_t limit, struct err *err)
{
	struct cache_entry *e;
	uint64_t sum = 0;
	int gone = 0;
	DIR *d;
	int n = look(&d, &e, err);

	if (n < 0)
		return n;
	for (int i = 0; i < n; i++) {
		sum += e[i].bytes;
		if (sum > limit && unlinkat(dirfd(d), e[i].name, 0) == 0)
			gone++;
	}
	closedir(d);
	return gone;
}

int cache_forget(struct err *err)
{
	char path[PATH_MAX];
	int rc = cache_dir(path, err);
	DIR *d = rc < 0 ? NULL : opendir(path);
	struct dirent *f;

	if (rc < 0)
		return rc;
	if (!d)
		return err_sys(err, "cache: %s", path);
	while ((f = readdir(d)))
		if (ends_in(f->d_name, CACHE_FAILED))
			unlinkat(dirfd(d), f->d_name, 0);
	closedir(d);
	return 0;
}
