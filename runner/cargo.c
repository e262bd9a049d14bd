/* cargo.c - files of this host as a tree that the guest will see. */
#include "runner/cargo.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/limits.h"
#include "runner/ignore.h"

static int no_memory(struct err *err)
{
	return err_set(err, ENOMEM, "no memory for a list of files");
}

static struct node *new_node(const char *name, size_t len, uint32_t mode)
{
	struct node *n = calloc(1, sizeof(*n));

	if (n)
		n->name = strndup(name, len);
	if (n && n->name) {
		n->mode = mode;
		return n;
	}
	free(n);
	return NULL;
}

int cargo_init(struct cargo *t, uint32_t uid, uint32_t gid)
{
	*t = (struct cargo){ .uid = uid, .gid = gid };
	t->root = new_node("", 0, S_IFDIR | 0755);
	return t->root ? 0 : -ENOMEM;
}

static void free_node(struct node *n)
{
	for (uint32_t i = 0; i < n->n_child; i++)
		free_node(n->child[i]);
	free(n->child);
	free(n->source);
	free(n->name);
	free(n);
}

void cargo_free(struct cargo *t)
{
	if (t->root)
		free_node(t->root);
	t->root = NULL;
}

static int make_room(struct node *dir)
{
	uint32_t room = dir->room ? dir->room * 2 : 8;
	struct node **more;

	if (dir->n_child < dir->room)
		return 0;
	more = realloc(dir->child, room * sizeof(struct node *));
	if (!more)
		return -ENOMEM;
	dir->child = more;
	dir->room = room;
	return 0;
}

static struct node *add_child(struct cargo *t, struct node *dir, const char *name, size_t len,
			      uint32_t mode, struct err *err)
{
	struct node *n;

	if (t->n >= TREE_MAX_NODES) {
		err_set(err, E2BIG, "more than %u files; pack them into a --disk", TREE_MAX_NODES);
		return NULL;
	}
	n = make_room(dir) == 0 ? new_node(name, len, mode) : NULL;
	if (!n) {
		no_memory(err);
		return NULL;
	}
	n->parent = dir;
	dir->child[dir->n_child++] = n;
	t->n++;
	return n;
}

/* Among the first n. */
static struct node *find(struct node *dir, uint32_t n, const char *name, size_t len)
{
	for (uint32_t i = 0; i < n; i++)
		if (!strncmp(dir->child[i]->name, name, len) && !dir->child[i]->name[len])
			return dir->child[i];
	return NULL;
}

/* --- paths --------------------------------------------------------------------------------- */

/* What is a link to /usr's on a root of today. */
static bool is_usrs(const char *at, size_t n)
{
	static const char *const merged[] = { "bin", "sbin", "lib", "lib32", "lib64", "libx32" };

	for (size_t i = 0; i < sizeof(merged) / sizeof(merged[0]); i++)
		if (strlen(merged[i]) == n && !strncmp(at, merged[i], n))
			return true;
	return false;
}

static size_t drop_last(const char *out, size_t used)
{
	while (used > 0 && out[--used] != '/')
		;
	return used;
}

int cargo_path(const char *path, char *out, size_t n)
{
	size_t used = 0;

	if (*path != '/')
		return -EINVAL;
	while (*path) {
		size_t len = strcspn(path, "/");

		if (len == 2 && !strncmp(path, "..", 2)) {
			used = drop_last(out, used);
		} else if (len > 0 && !(len == 1 && *path == '.')) {
			const char *usr = used == 0 && is_usrs(path, len) ? "/usr" : "";
			int put = snprintf(out + used, n - used, "%s/%.*s", usr, (int)len, path);

			if (put < 0 || (size_t)put >= n - used || len > NAME_MAX)
				return -ENAMETOOLONG;
			used += (size_t)put;
		}
		path += len + (path[len] == '/');
	}
	out[used] = '\0';
	return 0;
}

/* The directory of a path from cargo_path(), made on the way; *last is the name in it. */
static struct node *way_to(struct cargo *t, const char *path, const char **last, struct err *err)
{
	struct node *dir = t->root;
	const char *at = path + 1;

	for (const char *slash; (slash = strchr(at, '/')); at = slash + 1) {
		size_t len = (size_t)(slash - at);
		struct node *next = find(dir, dir->n_child, at, len);

		if (!next) {
			next = add_child(t, dir, at, len, S_IFDIR | 0755, err);
			if (!next)
				return NULL;
			next->uid = next->gid = FILES_ON_THE_WAY;
		} else if (!S_ISDIR(next->mode)) {
			err_set(err, ENOTDIR, "%.*s is no directory in what is copied in",
				(int)(slash - path), path);
			return NULL;
		}
		dir = next;
	}
	*last = at;
	return dir;
}

/* --- copying --------------------------------------------------------------------------------- */

struct copy {
	struct cargo *t;
	const char *why;
	struct err *err;
	unsigned depth;
	char path[PATH_MAX];		/* of what is being looked at, here */
};

static int add_path(struct copy *c, struct node *dir, uint32_t known, const char *name);

static int add_entries(struct copy *c, struct node *dir)
{
	const uint32_t known = dir->n_child;
	int mark = c->t->ignore ? ignore_enter(c->t->ignore, c->path) : 0;
	size_t at = strlen(c->path);
	DIR *d = opendir(c->path);
	int rc = d ? 0 : err_sys(c->err, "%s: %s", c->why, c->path);

	if (mark < 0)
		rc = err_set(c->err, -mark, "%s: the ignore files in %s: %s", c->why, c->path, strerror(-mark));
	for (struct dirent *e; rc == 0 && (errno = 0, e = readdir(d));) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (snprintf(c->path + at, sizeof(c->path) - at, "/%s", e->d_name) >=
		    (int)(sizeof(c->path) - at))
			rc = err_set(c->err, ENAMETOOLONG, "%s: %.100s... is too deep", c->why, c->path);
		else
			rc = add_path(c, dir, known, e->d_name);
		c->path[at] = '\0';
	}
	if (rc == 0 && errno)
		rc = err_sys(c->err, "%s: %s", c->why, c->path);
	if (d)
		closedir(d);
	if (c->t->ignore && mark >= 0)
		ignore_leave(c->t->ignore, mark);
	return rc;
}

static int read_link(struct copy *c, struct node *n)
{
	char target[PATH_MAX];
	ssize_t len = readlink(c->path, target, sizeof(target) - 1);

	if (len < 0)
		return err_sys(c->err, "%s: %s", c->why, c->path);
	n->source = strndup(target, (size_t)len);
	n->size = (uint64_t)len;
	return n->source ? 0 : no_memory(c->err);
}

static int fill(struct copy *c, struct node *n, const struct stat *st)
{
	int rc;

	n->uid = c->t->uid;
	n->gid = c->t->gid;
	n->mtime = st->st_mtim;
	if (S_ISLNK(st->st_mode))
		return read_link(c, n);
	if (S_ISREG(st->st_mode)) {
		n->size = (uint64_t)st->st_size;
		n->source = strdup(c->path);
		return n->source ? 0 : no_memory(c->err);
	}
	if (c->depth == TREE_MAX_DEPTH)
		return err_set(c->err, ELOOP, "%s: %.100s... is too deep", c->why, c->path);
	c->depth++;
	rc = add_entries(c, n);
	c->depth--;
	return rc;
}

static bool is_same(const struct node *n, const struct stat *st)
{
	struct stat was;

	return S_ISREG(st->st_mode) && S_ISREG(n->mode) && stat(n->source, &was) == 0 &&
	       was.st_dev == st->st_dev && was.st_ino == st->st_ino;
}

/* What is at c->path, as `name` in dir, whose first children were there before this copy. */
static int add_path(struct copy *c, struct node *dir, uint32_t known, const char *name)
{
	struct node *n = find(dir, known, name, strlen(name));
	struct stat st;

	if ((c->depth ? lstat(c->path, &st) : stat(c->path, &st)) < 0)
		return err_sys(c->err, "%s: %s", c->why, c->path);
	if (c->depth && c->t->ignore && ignore_match(c->t->ignore, c->path, S_ISDIR(st.st_mode)))
		return 0;
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode) && !S_ISLNK(st.st_mode))
		return err_set(c->err, EINVAL, "%s: %s is a device, a socket or a pipe; leave it out",
			       c->why, c->path);
	if (n && is_same(n, &st))
		return 0;
	if (n && (!S_ISDIR(n->mode) || !S_ISDIR(st.st_mode)))
		return err_set(c->err, EEXIST, "%s: two files would be %s in the guest", c->why, name);
	if (!n)
		n = add_child(c->t, dir, name, strlen(name), st.st_mode & S_IFMT, c->err);
	if (!n)
		return -c->err->code;
	n->mode = (st.st_mode & S_IFMT) | (st.st_mode & 0777);
	return fill(c, n, &st);
}

int cargo_add(struct cargo *t, const char *host, const char *guest, const char *why, struct err *err)
{
	static struct copy c;
	char path[PATH_MAX];
	const char *name;
	struct node *dir;
	int rc = cargo_path(guest, path, sizeof(path));

	c = (struct copy){ .t = t, .why = why, .err = err };
	if (rc < 0 || !path[0])
		return err_set(err, EINVAL, "%s: %.200s is no place for a file", why, guest);
	if (snprintf(c.path, sizeof(c.path), "%s", host) >= (int)sizeof(c.path))
		return err_set(err, ENAMETOOLONG, "%s: %.100s... is too long a path", why, host);
	dir = way_to(t, path, &name, err);
	if (!dir)
		return err_in(err, "%s", why);
	return add_path(&c, dir, dir->n_child, name);
}

int cargo_link(struct cargo *t, const char *guest, const char *target, struct err *err)
{
	const char *name;
	struct node *dir = way_to(t, guest, &name, err), *n;

	if (!dir || find(dir, dir->n_child, name, strlen(name)))
		return dir ? 0 : -err->code;
	n = add_child(t, dir, name, strlen(name), S_IFLNK | 0777, err);
	if (!n)
		return -err->code;
	n->source = strdup(target);
	n->size = strlen(target);
	return n->source ? 0 : no_memory(err);
}
