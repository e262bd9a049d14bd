/* walk.c - a directory of the host into the tree. */
#include "runner/pack/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"

#define READ (256u << 10)
#define MAX_LIST 65536			/* the kernel's own, of names and of a value */

struct walker {
	struct pack *p;
	dev_t dev;
	void *linked;			/* tsearch(): files that have more than one name */
	struct err *err;
};

struct linked {
	ino_t number;
	struct inode *ino;
};

static int failed(struct walker *w, const char *name, int code, const char *why)
{
	char shown[TREE_SHOWN];

	return err_set(w->err, code, "'%s': %s", tree_show(name, shown), why);
}

static int failed_sys(struct walker *w, const char *name)
{
	return failed(w, name, errno, strerror(errno));
}

/* --- extended attributes ------------------------------------------------------------------------ */

static int add_attribute(struct walker *w, int fd, const char *name, struct inode *ino)
{
	static char value[MAX_LIST];
	ssize_t n;

	if (!strcmp(name, "security.selinux"))
		return 0;		/* of this host's policy */
	n = fgetxattr(fd, name, value, sizeof(value));
	if (n < 0)
		return errno == ENODATA ? 0 : -errno;
	return tree_xattr(&w->p->tree, ino, name, value, (size_t)n);
}

static int add_attributes(struct walker *w, int fd, const char *name, struct inode *ino)
{
	static char list[MAX_LIST];
	ssize_t n = flistxattr(fd, list, sizeof(list));
	int rc = n < 0 && errno != ENOTSUP ? -errno : 0;

	for (char *at = list; rc == 0 && n > 0 && at < list + n; at += strlen(at) + 1)
		rc = add_attribute(w, fd, at, ino);
	return rc < 0 ? failed(w, name, -rc, "its extended attributes cannot be taken") : 0;
}

/* --- content -------------------------------------------------------------------------------------- */

static int copy(struct walker *w, int fd, const char *name, struct inode *ino, off_t at, off_t end)
{
	static char bytes[READ];

	while (at < end) {
		size_t n = end - at < (off_t)READ ? (size_t)(end - at) : READ;
		int rc = io_pread(fd, bytes, n, at);

		if (rc < 0)
			return failed(w, name, -rc, rc == -EPIPE ? "it became shorter while it was read" :
				      strerror(-rc));
		if (blocks_data(&w->p->blocks, ino, (uint64_t)at, bytes, n, w->err) < 0)
			return -w->err->code;
		at += (off_t)n;
	}
	return 0;
}

static int copy_sparse(struct walker *w, int fd, const char *name, struct inode *ino)
{
	off_t end = (off_t)ino->size, at = 0, to;
	int rc = 0;

	while (rc == 0 && at < end) {
		rc = io_next_data(fd, &at, (end + 4095) & ~(off_t)4095, &to);
		if (rc < 0)
			return failed(w, name, -rc, strerror(-rc));
		if (at >= end)
			break;
		rc = copy(w, fd, name, ino, at, to < end ? to : end);
		at = to;
	}
	return rc;
}

static int read_file(struct walker *w, int fd, const char *name, struct inode *ino, bool sparse)
{
	int rc = blocks_begin(&w->p->blocks, &w->p->tree, ino, sparse, w->err);

	if (rc < 0)
		return rc;
	return ino->chunks ? copy_sparse(w, fd, name, ino) : copy(w, fd, name, ino, 0, (off_t)ino->size);
}

/* --- one file ------------------------------------------------------------------------------------- */

static struct inode *make(struct walker *w, const struct stat *st)
{
	struct inode *ino = tree_inode(&w->p->tree, st->st_mode);

	if (!ino) {
		err_set(w->err, ENOMEM, "has too many files");
		return NULL;
	}
	ino->uid = st->st_uid;
	ino->gid = st->st_gid;
	ino->rdev = (uint32_t)st->st_rdev;
	ino->mtime = st->st_mtim.tv_sec;
	ino->mtime_ns = (uint32_t)st->st_mtim.tv_nsec;
	return ino;
}

static int read_link(struct walker *w, int dir, const char *name, struct inode *ino)
{
	char to[4096];
	ssize_t n = readlinkat(dir, name, to, sizeof(to) - 1);

	if (n < 0)
		return failed_sys(w, name);
	to[n] = '\0';
	return tree_set_link(&w->p->tree, ino, to) < 0 ? failed(w, name, ENOMEM, "no memory") : 0;
}

/* What is open is what is described: another file of that name does not come between. */
static int open_file(struct walker *w, int dir, const char *name, struct inode **out)
{
	autoclose int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	int rc;

	if (fd < 0 || fstat(fd, &st) < 0)
		return failed_sys(w, name);
	if (!S_ISREG(st.st_mode))
		return failed(w, name, EAGAIN, "it was replaced while it was read");
	*out = make(w, &st);
	if (!*out)
		return -w->err->code;
	(*out)->size = (uint64_t)st.st_size;
	rc = add_attributes(w, fd, name, *out);
	return rc < 0 ? rc : read_file(w, fd, name, *out, st.st_blocks < st.st_size / 512);
}

static int by_number(const void *a, const void *b)
{
	const struct linked *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

/* The inode of a file whose other name was there before, or NULL. */
static struct inode *known(struct walker *w, const struct stat *st)
{
	const struct linked key = { .number = st->st_ino };
	struct linked *const *found = tfind(&key, &w->linked, by_number);

	return st->st_nlink > 1 && found ? (*found)->ino : NULL;
}

static int remember(struct walker *w, const struct stat *st, struct inode *ino)
{
	struct linked *l = tree_alloc(&w->p->tree, sizeof(*l));

	if (!l)
		return err_set(w->err, ENOMEM, "has too many hard links");
	*l = (struct linked){ st->st_ino, ino };
	return tsearch(l, &w->linked, by_number) ? 0 : err_set(w->err, ENOMEM, "no memory");
}

static int take(struct walker *w, int dir, const char *name, const struct stat *st, struct inode **out)
{
	int rc = 0;

	*out = known(w, st);
	if (*out)
		return 0;
	if (S_ISREG(st->st_mode)) {
		rc = open_file(w, dir, name, out);
	} else {
		*out = make(w, st);
		if (!*out)
			return -w->err->code;
		if (S_ISLNK(st->st_mode))
			rc = read_link(w, dir, name, *out);
	}
	return rc == 0 && st->st_nlink > 1 && !S_ISDIR(st->st_mode) ? remember(w, st, *out) : rc;
}

/* --- directories ------------------------------------------------------------------------------------ */

static int read_dir(struct walker *w, int fd, struct node *at);

static int enter(struct walker *w, int dir, struct node *n)
{
	autoclose int fd = openat(dir, n->name, O_RDONLY | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int rc;

	if (fd < 0 || fstat(fd, &st) < 0)
		return failed_sys(w, n->name);
	if (st.st_dev != w->dev)
		return 0;		/* another file system's: nothing of it */
	rc = add_attributes(w, fd, n->name, n->inode);
	return rc < 0 ? rc : read_dir(w, fd, n);
}

static int one(struct walker *w, int dir, const char *name, struct node *at)
{
	struct inode *ino;
	struct node *n;
	struct stat st;
	int rc;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return failed_sys(w, name);
	rc = take(w, dir, name, &st, &ino);
	if (rc == 0)
		rc = tree_add(&w->p->tree, at, name, ino, &n, w->err);
	return rc < 0 || !S_ISDIR(st.st_mode) ? rc : enter(w, dir, n);
}

static int no_dots(const struct dirent *d)
{
	return strcmp(d->d_name, ".") && strcmp(d->d_name, "..");
}

static int in_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* In the order of names: the same directory gives the same image. */
static int read_dir(struct walker *w, int fd, struct node *at)
{
	struct dirent **list = NULL;
	int n = scandirat(fd, ".", &list, no_dots, in_bytes), rc = 0;

	if (n < 0)
		return failed_sys(w, at->name);
	for (int i = 0; i < n; i++) {
		if (rc == 0)
			rc = one(w, fd, list[i]->d_name, at);
		free(list[i]);
	}
	free(list);
	return rc;
}

int walk(struct pack *p, int dir, struct err *err)
{
	struct walker w = { .p = p, .err = err };
	struct inode *ino;
	struct stat st;
	int rc;

	if (fstat(dir, &st) < 0)
		return err_sys(err, "cannot be read");
	w.dev = st.st_dev;
	ino = make(&w, &st);
	if (!ino)
		return -err->code;
	rc = tree_put(&p->tree, "/", ino, err);
	if (rc == 0)
		rc = add_attributes(&w, dir, "/", ino);
	return rc < 0 ? rc : read_dir(&w, dir, p->tree.root);
}
