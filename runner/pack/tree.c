/* tree.c - a file system while it is put together. */
#include "runner/pack/tree.h"

#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/io.h"

#define MAX_STEPS 4096		/* names on the way of one path, links followed */
#define MAX_LINKS 40
#define FIRST_SLOTS 4096

const char *tree_show(const char *path, char buf[TREE_SHOWN])
{
	size_t n = strlen(path), room = TREE_SHOWN - 4;

	snprintf(buf, TREE_SHOWN, "%.*s%s", (int)room, path, n > room ? "..." : "");
	for (char *c = buf; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return buf;
}

/* --- memory -------------------------------------------------------------------------------- */

void *tree_alloc(struct tree *t, size_t n)
{
	if (n > TREE_MAX_MEMORY - t->memory)
		return NULL;
	t->memory += n;
	return calloc(1, n);
}

static int too_large(struct err *err)
{
	return err_set(err, ENOMEM, "has too many files, or names and attributes that are too long");
}

struct inode *tree_inode(struct tree *t, uint32_t mode)
{
	struct inode *ino = tree_alloc(t, sizeof(*ino));

	if (ino)
		ino->mode = mode;
	return ino;
}

/* What it took still counts: who makes and removes without end is to come to an end. */
void tree_inode_free(struct inode *ino)
{
	for (struct xattr *x = ino->xattrs, *next; x; x = next) {
		next = x->next;
		free(x);
	}
	free(ino->chunks);
	free(ino->link);
	free(ino);
}

static void unref(struct tree *t, struct inode *ino)
{
	if (--ino->nlink > 0)
		return;
	if (t->release)
		t->release(t->arg, ino);
	tree_inode_free(ino);
}

int tree_set_link(struct tree *t, struct inode *ino, const char *to)
{
	ino->size = strlen(to);
	ino->link = tree_alloc(t, ino->size + 1);
	if (!ino->link)
		return -ENOMEM;
	memcpy(ino->link, to, ino->size);
	return 0;
}

/* --- extended attributes -------------------------------------------------------------------- */

/* The numbers are erofs'.  ACLs are left out, for the guest's kernel would not look at them, and
 * what an overlay remembers of itself must not be told to another one. */
static uint8_t prefix_of(const char *name, size_t *len)
{
	static const struct { const char *text; uint8_t number; } known[] = {
		{ "user.", 1 }, { "trusted.", 4 }, { "security.", 6 },
	};

	if (!strncmp(name, "trusted.overlay.", 16))
		return 0;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		*len = strlen(known[i].text);
		if (!strncmp(name, known[i].text, *len))
			return known[i].number;
	}
	return 0;
}

static int order(const struct xattr *a, const struct xattr *b)
{
	size_t n = a->name_len < b->name_len ? a->name_len : b->name_len;
	int rc = a->prefix - b->prefix;

	if (rc == 0)
		rc = memcmp(a->bytes, b->bytes, n);
	return rc ? rc : a->name_len - b->name_len;
}

int tree_xattr(struct tree *t, struct inode *ino, const char *name, const void *value, size_t n)
{
	size_t skip, len = strlen(name);
	uint8_t prefix = prefix_of(name, &skip);
	struct xattr *x, **at = &ino->xattrs;

	if (!prefix)
		return 0;
	len -= skip;
	if (len == 0 || len > UINT8_MAX || n > UINT16_MAX)
		return -E2BIG;
	x = tree_alloc(t, sizeof(*x) + len + n);
	if (!x)
		return -ENOMEM;
	*x = (struct xattr){ .value_len = (uint16_t)n, .name_len = (uint8_t)len, .prefix = prefix };
	memcpy(x->bytes, name + skip, len);
	if (n)
		memcpy(x->bytes + len, value, n);
	while (*at && order(*at, x) < 0)
		at = &(*at)->next;
	x->next = *at;
	if (*at && order(*at, x) == 0) {
		x->next = (*at)->next;
		free(*at);
	}
	*at = x;
	return 0;
}

/* --- names ---------------------------------------------------------------------------------- */

static size_t slot(const struct tree *t, const struct node *dir, const char *name, size_t len)
{
	uint8_t in[sizeof(dir) + TREE_MAX_NAME];
	uint64_t h;

	memcpy(in, &dir, sizeof(dir));
	memcpy(in + sizeof(dir), name, len);
	crypto_shorthash((uint8_t *)&h, in, sizeof(dir) + len, t->key);
	return h & (t->n_slots - 1);
}

static struct node *find(const struct tree *t, const struct node *dir, const char *name, size_t len)
{
	struct node *n = t->slots[slot(t, dir, name, len)];

	while (n && !(n->parent == dir && n->len == len && !memcmp(n->name, name, len)))
		n = n->chain;
	return n;
}

static void enter(struct tree *t, struct node *n)
{
	struct node **at = &t->slots[slot(t, n->parent, n->name, n->len)];

	n->chain = *at;
	*at = n;
}

static int grow(struct tree *t)
{
	size_t n_old = t->n_slots;
	struct node **old = t->slots, **slots = calloc(n_old * 2, sizeof(struct node *));

	if (!slots)
		return -ENOMEM;
	t->slots = slots;
	t->n_slots = n_old * 2;
	for (size_t i = 0; i < n_old; i++)
		for (struct node *n = old[i], *next; n; n = next) {
			next = n->chain;
			enter(t, n);
		}
	free(old);
	return 0;
}

int tree_init(struct tree *t)
{
	*t = (struct tree){ .n_slots = FIRST_SLOTS, .layer = 1 };
	t->slots = calloc(FIRST_SLOTS, sizeof(struct node *));
	t->root = tree_alloc(t, sizeof(*t->root) + 1);
	if (!t->slots || !t->root)
		return -ENOMEM;
	t->root->parent = t->root;
	t->root->inode = tree_inode(t, S_IFDIR | 0755);
	if (!t->root->inode)
		return -ENOMEM;
	t->root->inode->nlink = 1;
	return io_random(t->key, sizeof(t->key));
}

/* --- one node ------------------------------------------------------------------------------- */

static bool is_dir(const struct node *n)
{
	return S_ISDIR(n->inode->mode);
}

static struct node *add(struct tree *t, struct node *dir, const char *name, size_t len,
			struct inode *ino)
{
	struct node *n;

	if (t->n_nodes >= TREE_MAX_NODES || (t->n_nodes >= t->n_slots && grow(t) < 0))
		return NULL;
	n = tree_alloc(t, sizeof(*n) + len + 1);
	if (!n)
		return NULL;
	memcpy(n->name, name, len);
	n->len = (uint8_t)len;
	n->parent = dir;
	n->depth = (uint16_t)(dir->depth + 1);
	n->layer = t->layer;
	n->inode = ino;
	ino->nlink++;
	n->next = dir->children;
	if (n->next)
		n->next->link = &n->next;
	n->link = &dir->children;
	dir->children = n;
	enter(t, n);
	t->n_nodes++;
	return n;
}

/* With all that is below it. */
static void remove_node(struct tree *t, struct node *n)
{
	struct node **at = &t->slots[slot(t, n->parent, n->name, n->len)];

	while (n->children)
		remove_node(t, n->children);
	while (*at != n)
		at = &(*at)->chain;
	*at = n->chain;
	*n->link = n->next;
	if (n->next)
		n->next->link = n->link;
	unref(t, n->inode);
	t->n_nodes--;
	free(n);
}

static void replace_inode(struct tree *t, struct node *n, struct inode *ino)
{
	ino->nlink++;		/* first: it may be the same */
	unref(t, n->inode);
	n->inode = ino;
}

void tree_fini(struct tree *t)
{
	while (t->root->children)
		remove_node(t, t->root->children);
	unref(t, t->root->inode);
	free(t->root);
	free(t->slots);
}

int tree_add(struct tree *t, struct node *dir, const char *name, struct inode *ino,
	     struct node **out, struct err *err)
{
	if (dir->depth >= TREE_MAX_DEPTH)
		return err_set(err, ENAMETOOLONG, "has more than %d directories in each other",
			       TREE_MAX_DEPTH);
	*out = add(t, dir, name, strlen(name), ino);
	return *out ? 0 : too_large(err);
}

/* --- paths ---------------------------------------------------------------------------------- */

struct walk {
	const char *path;		/* the whole, for messages */
	unsigned steps, links;
	struct err *err;
};

/* NULL, with the path that was walked in the message. */
static struct node *lost(struct walk *w, int code, const char *why)
{
	char shown[TREE_SHOWN];

	err_set(w->err, code, "entry '%s' %s", tree_show(w->path, shown), why);
	return NULL;
}

static struct node *make_dir(struct tree *t, struct node *at, const char *name, size_t len,
			     struct walk *w)
{
	struct inode *ino;
	struct node *n = NULL;

	if (at->depth >= TREE_MAX_DEPTH)
		return lost(w, ENAMETOOLONG, "lies too deep");
	ino = tree_inode(t, S_IFDIR | 0755);
	if (ino)
		n = add(t, at, name, len, ino);
	if (!n)
		too_large(w->err);
	return n;
}

static struct node *go(struct tree *t, struct node *at, const char *path, size_t n, bool in_link,
		       struct walk *w);

static struct node *follow(struct tree *t, struct node *link, struct walk *w)
{
	const char *to = link->inode->link;

	if (++w->links > MAX_LINKS)
		return lost(w, ELOOP, "leads through too many symbolic links");
	return go(t, *to == '/' ? t->root : link->parent, to, strlen(to), true, w);
}

/* One name further.  Only a link may say "..", and the root's is the root. */
static struct node *step(struct tree *t, struct node *at, const char *name, size_t len,
			 bool in_link, struct walk *w)
{
	struct node *n;

	if (++w->steps > MAX_STEPS)
		return lost(w, ENAMETOOLONG, "is too long");
	if (len == 0 || (len == 1 && *name == '.'))
		return at;
	if (len == 2 && name[0] == '.' && name[1] == '.')
		return in_link ? at->parent : lost(w, EPERM, "has '..' in it");
	if (len > TREE_MAX_NAME)
		return lost(w, ENAMETOOLONG, "has a name that is too long");
	n = find(t, at, name, len);
	if (!n)
		return make_dir(t, at, name, len, w);
	if (S_ISLNK(n->inode->mode))
		return follow(t, n, w);
	return is_dir(n) ? n : lost(w, ENOTDIR, "lies below what is no directory");
}

/* The directory at path[0..n), seen from `at`. */
static struct node *go(struct tree *t, struct node *at, const char *path, size_t n, bool in_link,
		       struct walk *w)
{
	for (size_t i = 0, len; at && i < n; i += len + 1) {
		const char *end = memchr(path + i, '/', n - i);

		len = end ? (size_t)(end - path) - i : n - i;
		at = step(t, at, path + i, len, in_link, w);
	}
	return at;
}

/* The directory of a path, and its last name: "" is the root itself. */
static struct node *parent_of(struct tree *t, const char *path, const char **name, size_t *len,
			      struct err *err)
{
	struct walk w = { .path = path, .err = err };
	size_t n = strlen(path), begin;

	while (n > 0 && (path[n - 1] == '/' || (path[n - 1] == '.' && (n == 1 || path[n - 2] == '/'))))
		n--;
	for (begin = n; begin > 0 && path[begin - 1] != '/'; begin--)
		;
	*name = path + begin;
	*len = n - begin;
	if (*len > TREE_MAX_NAME)
		return lost(&w, ENAMETOOLONG, "has a name that is too long");
	if (*len == 2 && !strncmp(*name, "..", 2))
		return lost(&w, EPERM, "has '..' in it");
	return go(t, t->root, path, begin, false, &w);
}

/* --- entries -------------------------------------------------------------------------------- */

static int put_root(struct tree *t, struct inode *ino, struct err *err)
{
	if (!S_ISDIR(ino->mode))
		return err_set(err, EINVAL, "has a root that is no directory");
	replace_inode(t, t->root, ino);
	return 0;
}

int tree_put(struct tree *t, const char *path, struct inode *ino, struct err *err)
{
	const char *name;
	size_t len;
	struct node *dir = parent_of(t, path, &name, &len, err), *old;

	if (!dir)
		return -err->code;
	if (len == 0)
		return put_root(t, ino, err);
	old = find(t, dir, name, len);
	if (old && is_dir(old) && S_ISDIR(ino->mode)) {
		replace_inode(t, old, ino);
		old->layer = t->layer;
		return 0;
	}
	ino->nlink++;			/* it may be what is removed */
	if (old)
		remove_node(t, old);
	ino->nlink--;
	if (dir->depth >= TREE_MAX_DEPTH)
		return err_set(err, ENAMETOOLONG, "has more than %d directories in each other",
			       TREE_MAX_DEPTH);
	return add(t, dir, name, len, ino) ? 0 : too_large(err);
}

int tree_hardlink(struct tree *t, const char *path, const char *target, struct err *err)
{
	char shown[TREE_SHOWN], at[TREE_SHOWN];
	const char *name;
	size_t len;
	struct node *dir = parent_of(t, target, &name, &len, err);
	struct node *n = dir && len ? find(t, dir, name, len) : NULL;

	if (!dir)
		return -err->code;
	if (!n || is_dir(n))
		return err_set(err, ENOENT, "entry '%s' is a hard link to '%s', which is no file in it",
			       tree_show(path, shown), tree_show(target, at));
	return tree_put(t, path, n->inode, err);
}

/* --- layers --------------------------------------------------------------------------------- */

/* What earlier layers have put there goes.  True: nothing is left of it.  A directory of theirs
 * in which this layer has something is one that nobody has described. */
static bool prune(struct tree *t, struct node *n)
{
	struct inode *plain;

	for (struct node *c = n->children, *next; c; c = next) {
		next = c->next;
		if (prune(t, c))
			remove_node(t, c);
	}
	if (n->layer == t->layer)
		return false;
	if (!n->children)
		return true;
	plain = tree_inode(t, S_IFDIR | 0755);
	if (plain)
		replace_inode(t, n, plain);
	n->layer = t->layer;
	return false;
}

int tree_hide(struct tree *t, const char *path, struct err *err)
{
	const char *name;
	size_t len;
	struct node *dir = parent_of(t, path, &name, &len, err);
	struct node *n = dir && len ? find(t, dir, name, len) : NULL;

	if (!dir)
		return -err->code;
	if (n && prune(t, n))
		remove_node(t, n);
	return 0;
}

int tree_hide_children(struct tree *t, const char *path, struct err *err)
{
	struct walk w = { .path = path, .err = err };
	struct node *dir = go(t, t->root, path, strlen(path), false, &w);

	if (!dir)
		return -err->code;
	for (struct node *c = dir->children, *next; c; c = next) {
		next = c->next;
		if (prune(t, c))
			remove_node(t, c);
	}
	return 0;
}
