/* store.c - images of roots, by what they were made of and by name. */
#include "runner/store.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"
#include "runner/cache.h"
#include "runner/nameless.h"

#define MAX_IMAGES 1024
#define MAX_SEEN 1024
#define IMAGE ".img"
#define ABOUT ".json"
#define ROOM 160			/* for what is appended to the directory's path */

/* --- the directory ---------------------------------------------------------------------------- */

static int make(const char *path, struct err *err)
{
	return mkdir(path, 0700) < 0 && errno != EEXIST ? err_sys(err, "images: %s", path) : 0;
}

/* $XDG_DATA_HOME, with what is missing of ~/.local/share. */
static int data_dir(char out[PATH_MAX], struct err *err)
{
	const char *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	bool given = xdg && xdg[0] == '/';
	int rc = 0, n;

	if (!given && (!home || home[0] != '/'))
		return err_set(err, ENOENT, "images: neither XDG_DATA_HOME nor HOME says where they are");
	n = snprintf(out, PATH_MAX, "%s", given ? xdg : home);
	if (n >= PATH_MAX - ROOM)
		return err_set(err, ENAMETOOLONG, "images: the path of their directory is too long");
	if (given)
		return make(out, err);
	strcat(out, "/.local");
	rc = make(out, err);
	return rc < 0 ? rc : make(strcat(out, "/share"), err);
}

int store_dir(char out[PATH_MAX], struct err *err)
{
	struct stat st;
	int rc = data_dir(out, err);

	if (rc == 0)
		rc = make(strcat(out, "/sandbox"), err);
	if (rc == 0)
		rc = make(strcat(out, "/images"), err);
	if (rc < 0)
		return rc;
	if (lstat(out, &st) < 0)
		return err_sys(err, "images: %s", out);
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022))
		return err_set(err, EPERM, "images: %s is not a directory that only you can write", out);
	return 0;
}

/* DIR/sub/name.suffix; sub "" is the directory itself. */
static int path_of(char out[PATH_MAX], const char *sub, const char *name, const char *suffix,
		   struct err *err)
{
	int rc = store_dir(out, err);

	if (rc == 0 && *sub) {
		strcat(strcat(out, "/"), sub);
		rc = make(out, err);
	}
	if (rc == 0)
		strcat(strcat(strcat(out, "/"), name), suffix);
	return rc;
}

bool store_is_id(const char *s)
{
	return strspn(s, "0123456789abcdef") == STORE_ID - 1 && !s[STORE_ID - 1];
}

bool store_is_name(const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("._-:", s[i]))
			return false;
	return n > 0 && n < STORE_NAME && isalnum((unsigned char)s[0]) && !store_is_id(s);
}

int store_paths(const char *id, char image[PATH_MAX], char about[PATH_MAX], struct err *err)
{
	int rc = path_of(image, "", id, IMAGE, err);

	return rc < 0 ? rc : path_of(about, "", id, ABOUT, err);
}

/* --- finding ---------------------------------------------------------------------------------- */

/* The ID that a symbolic link is to. */
static bool read_id(const char *path, char id[STORE_ID])
{
	ssize_t n = readlink(path, id, STORE_ID);

	id[n == STORE_ID - 1 ? n : 0] = '\0';
	return store_is_id(id);
}

bool store_has(const char *id)
{
	char image[PATH_MAX], about[PATH_MAX];
	struct err err;

	if (store_paths(id, image, about, &err) < 0 || access(image, R_OK) < 0)
		return false;
	utimensat(AT_FDCWD, about, NULL, 0);	/* not the image's own: templates know it by its times */
	return true;
}

int store_find(const char *name, char id[STORE_ID], struct err *err)
{
	char path[PATH_MAX];
	int rc;

	if (store_is_id(name)) {
		strcpy(id, name);
		return store_has(id) ? 0 : -ENOENT;
	}
	if (!store_is_name(name))
		return -ENOENT;
	rc = path_of(path, "names", name, "", err);
	if (rc < 0)
		return rc;
	return read_id(path, id) && store_has(id) ? 0 : -ENOENT;
}

int store_id_of(const char *path, char id[STORE_ID])
{
	const char *slash = strrchr(path, '/');
	char image[PATH_MAX], about[PATH_MAX];
	struct stat one, other;
	struct err err;

	snprintf(id, STORE_ID, "%s", slash ? slash + 1 : path);
	if (!store_is_id(id) || store_paths(id, image, about, &err) < 0 || stat(path, &one) < 0 ||
	    stat(image, &other) < 0 || one.st_ino != other.st_ino || one.st_dev != other.st_dev)
		return -ENOENT;
	return 0;
}

/* --- links ------------------------------------------------------------------------------------ */

/* Made aside and moved: whoever reads the link sees the one or the other. */
static int link_to(const char *id, const char *path, struct err *err)
{
	char tmp[PATH_MAX + 32];

	snprintf(tmp, sizeof(tmp), "%s.%d.tmp", path, getpid());
	unlink(tmp);
	if (symlink(id, tmp) == 0 && rename(tmp, path) == 0)
		return 0;
	err_sys(err, "images: %s", path);
	unlink(tmp);
	return -err->code;
}

int store_name(const char *id, const char *name, struct err *err)
{
	char path[PATH_MAX];
	int rc = path_of(path, "names", name, "", err);

	return rc < 0 ? rc : link_to(id, path, err);
}

bool store_seen(const char *hash, char id[STORE_ID])
{
	char path[PATH_MAX];
	struct err err;

	return path_of(path, "seen", hash, "", &err) == 0 && read_id(path, id);
}

/* --- making ----------------------------------------------------------------------------------- */

int store_lock(const char *id, struct err *err)
{
	char path[PATH_MAX];
	int fd = path_of(path, "", id, CACHE_LOCK, err);

	if (fd < 0)
		return fd;
	fd = cache_lock(path);
	return fd < 0 ? err_set(err, -fd, "images: %s: %s", path, strerror(-fd)) : fd;
}

void store_unlock(const char *id, int lock)
{
	char path[PATH_MAX];
	struct err err;

	if (path_of(path, "", id, CACHE_LOCK, &err) == 0)
		unlink(path);
	close(lock);
}

/* Under the lock, so there is one of that name at most. */
int store_create(const char *id, struct err *err)
{
	char path[PATH_MAX];
	int fd = path_of(path, "", id, IMAGE ".tmp", err);

	if (fd < 0)
		return fd;
	fd = nameless_open(path, 0600);
	if (fd < 0)
		fd = cache_create(path);
	return fd < 0 ? err_set(err, -fd, "images: %s: %s", path, strerror(-fd)) : fd;
}

void store_abandon(const char *id)
{
	char path[PATH_MAX];
	struct err err;

	if (path_of(path, "", id, IMAGE ".tmp", &err) == 0)
		unlink(path);
}

static int write_about(const char *id, const char *path, const char *about, struct err *err)
{
	char tmp[PATH_MAX];
	autoclose int fd = path_of(tmp, "", id, ABOUT ".tmp", err) < 0 ? -1 : cache_create(tmp);
	int rc = fd < 0 ? fd : io_write(fd, about, strlen(about));

	if (rc == 0 && rename(tmp, path) < 0)
		rc = -errno;
	if (rc < 0)
		unlink(tmp);
	return rc < 0 ? err_set(err, -rc, "images: %s: %s", path, strerror(-rc)) : 0;
}

/* What is known of it first: an image is there with all that belongs to it. */
int store_keep(const char *id, int fd, const char *about, struct err *err)
{
	char image[PATH_MAX], json[PATH_MAX], tmp[PATH_MAX];
	struct stat st;
	int rc = store_paths(id, image, json, err);

	if (rc == 0)
		rc = write_about(id, json, about, err);
	if (rc == 0)
		rc = path_of(tmp, "", id, IMAGE ".tmp", err);
	if (rc < 0)
		return rc;
	if (fdatasync(fd) < 0 || fchmod(fd, 0400) < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "images: %s", image);
	rc = st.st_nlink ? 0 : nameless_link(fd, tmp);
	if (rc == 0 && rename(tmp, image) < 0)
		rc = -errno;
	return rc < 0 ? err_set(err, -rc, "images: %s: %s", image, strerror(-rc)) : 0;
}

/* --- what lies there ---------------------------------------------------------------------------- */

static int open_dir(DIR **d, const char *sub, struct err *err)
{
	char path[PATH_MAX];
	int rc = path_of(path, sub, "", "", err);

	if (rc < 0)
		return rc;
	*d = opendir(path);
	return *d ? 0 : err_sys(err, "images: %s", path);
}

static int by_use(const void *a, const void *b)
{
	const struct timespec *x = &((const struct store_entry *)a)->used;
	const struct timespec *y = &((const struct store_entry *)b)->used;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec > y->tv_sec ? -1 : 1;
	return x->tv_nsec > y->tv_nsec ? -1 : x->tv_nsec < y->tv_nsec;
}

static bool ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && !strcmp(name + n - m, end);
}

/* "ID.img" to an entry; what a maker that was killed has left goes. */
static bool look(int dir, const char *file, struct store_entry *e)
{
	char about[NAME_MAX + 8];
	struct stat st;

	if (ends_in(file, ".tmp") || ends_in(file, CACHE_LOCK))
		cache_remove_abandoned(dir, file);
	*e = (struct store_entry){ 0 };
	if (strlen(file) != STORE_ID - 1 + strlen(IMAGE) || strcmp(file + STORE_ID - 1, IMAGE))
		return false;
	memcpy(e->id, file, STORE_ID - 1);
	if (!store_is_id(e->id) || fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	e->bytes = (uint64_t)st.st_blocks * 512;
	e->used = st.st_mtim;
	snprintf(about, sizeof(about), "%s" ABOUT, e->id);
	if (fstatat(dir, about, &st, AT_SYMLINK_NOFOLLOW) == 0)
		e->used = st.st_mtim;
	return true;
}

static void add_name(struct store_entry *e, unsigned n, const char *id, const char *name)
{
	for (unsigned i = 0; i < n; i++) {
		size_t used = strlen(e[i].names);

		if (strcmp(e[i].id, id))
			continue;
		e[i].named = true;
		if (used + strlen(name) + 2 <= sizeof(e[i].names))
			sprintf(e[i].names + used, "%s%s", used ? " " : "", name);
	}
}

/* f for each entry of a directory of links, with where it leads. */
static int each_link(const char *sub, void (*f)(DIR *d, const char *name, const char *id, void *arg),
		     void *arg, struct err *err)
{
	char to[STORE_ID + 1];
	struct dirent *e;
	DIR *d;
	int rc = open_dir(&d, sub, err);

	if (rc < 0)
		return rc;
	while ((e = readdir(d))) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, to, sizeof(to) - 1);

		if (n < 0)
			continue;
		to[n] = '\0';
		f(d, e->d_name, to, arg);
	}
	closedir(d);
	return 0;
}

struct listing {
	struct store_entry *e;
	unsigned n;
};

static void name_entry(DIR *d, const char *name, const char *id, void *arg)
{
	struct listing *l = arg;

	(void)d;
	add_name(l->e, l->n, id, name);
}

int store_list(struct store_entry **out, struct err *err)
{
	static struct store_entry entries[MAX_IMAGES];
	struct listing l = { .e = entries };
	struct dirent *f;
	DIR *d;
	int rc = open_dir(&d, "", err);

	if (rc < 0)
		return rc;
	while (l.n < MAX_IMAGES && (f = readdir(d)))
		l.n += look(dirfd(d), f->d_name, &l.e[l.n]);
	closedir(d);
	qsort(entries, l.n, sizeof(entries[0]), by_use);
	rc = each_link("names", name_entry, &l, err);
	*out = entries;
	return rc < 0 ? rc : (int)l.n;
}

/* --- files that were hashed ----------------------------------------------------------------------- */

static void count_link(DIR *d, const char *name, const char *id, void *arg)
{
	(void)d;
	(void)name;
	(void)id;
	++*(unsigned *)arg;
}

static void remove_any(DIR *d, const char *name, const char *id, void *arg)
{
	(void)id;
	(void)arg;
	unlinkat(dirfd(d), name, 0);
}

/* If it fails, the file is hashed once more; so are all when there have been too many. */
void store_see(const char *hash, const char *id)
{
	char path[PATH_MAX];
	unsigned n = 0;
	struct err err;

	if (each_link("seen", count_link, &n, &err) == 0 && n >= MAX_SEEN)
		each_link("seen", remove_any, NULL, &err);
	if (path_of(path, "seen", hash, "", &err) == 0)
		link_to(id, path, &err);
}

/* --- removing ------------------------------------------------------------------------------------- */

static void remove_link(DIR *d, const char *name, const char *id, void *arg)
{
	if (!strcmp(id, arg))
		unlinkat(dirfd(d), name, 0);
}

/* The image last: what is half removed is found again. */
static int remove_image(const char *id, struct err *err)
{
	char image[PATH_MAX], about[PATH_MAX], key[STORE_ID];
	int rc = store_paths(id, image, about, err);

	strcpy(key, id);
	if (rc == 0)
		rc = each_link("names", remove_link, key, err);
	if (rc == 0)
		rc = each_link("seen", remove_link, key, err);
	if (rc < 0)
		return rc;
	unlink(about);
	return unlink(image) < 0 && errno != ENOENT ? err_sys(err, "images: %s", image) : 0;
}

static bool has_name(const char *id, struct err *err)
{
	struct store_entry *e;
	int n = store_list(&e, err);

	for (int i = 0; i < n; i++)
		if (!strcmp(e[i].id, id))
			return e[i].named;
	return false;
}

int store_remove(const char *name, struct err *err)
{
	char path[PATH_MAX], id[STORE_ID];
	int rc = store_find(name, id, err);

	if (rc == -ENOENT)
		return err_set(err, ENOENT, "there is no image '%.70s'; see: sandbox image ls", name);
	if (rc < 0 || store_is_id(name))
		return rc < 0 ? rc : remove_image(id, err);
	rc = path_of(path, "names", name, "", err);
	if (rc == 0 && unlink(path) < 0)
		rc = err_sys(err, "images: %s", path);
	return rc < 0 || has_name(id, err) ? rc : remove_image(id, err);
}

int store_trim(uint64_t limit, const char *keep, struct err *err)
{
	struct store_entry *e;
	uint64_t sum = 0;
	int gone = 0, n = store_list(&e, err);

	for (int i = 0; i < n; i++) {
		if (e[i].named)
			continue;
		sum += e[i].bytes;
		if (sum > limit && strcmp(e[i].id, keep))
			gone += remove_image(e[i].id, err) == 0;
	}
	return n < 0 ? n : gone;
}
