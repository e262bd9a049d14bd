/* tree.h - a file system while it is put together: names, and the inodes they stand for.
 *
 * Nothing of it is ever on the host's own file system: ".." and symbolic links are followed in
 * here, and lead nowhere else.  Layers are put on top of each other as OCI has it: a name of a
 * later one takes the place of an earlier one's, a whiteout hides what earlier ones have. */
#ifndef RUNNER_PACK_TREE_H
#define RUNNER_PACK_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

#define TREE_MAX_NODES	2000000		/* names in all */
#define TREE_MAX_MEMORY	(1ull << 30)	/* bytes of names, links, attributes and chunk tables */
#define TREE_MAX_DEPTH	512
#define TREE_MAX_NAME	255

#define NO_BLOCK UINT32_MAX		/* of a chunk that is a hole */

struct xattr {
	struct xattr *next;		/* sorted by name */
	uint16_t value_len;
	uint8_t name_len;
	uint8_t prefix;			/* erofs' number of "user." and so on; the name is the rest */
	char bytes[];			/* name, then value */
};

struct inode {
	uint32_t mode, uid, gid, rdev, mtime_ns;
	uint32_t nlink;			/* names that it has */
	int64_t mtime;
	uint64_t size;			/* of a file, or of a link's text */
	struct xattr *xattrs;
	char *link;			/* of a symbolic link: where to */

	/* a file's content; blocks.c's */
	uint32_t block;			/* its first block, if it has no holes */
	uint32_t *chunks;		/* otherwise: the first block of each chunk, or NO_BLOCK */
	unsigned chunk_bits;
	uint64_t tail;			/* where its end lies in the scratch file, plus one */

	/* where it will be; erofs.c's */
	uint64_t nid;			/* 0: nowhere yet */
	uint32_t number;
	uint32_t dirs;			/* of a directory: those in it, "." and ".." */
	bool written;
};

struct node {
	struct node *parent;		/* the root's: itself */
	struct node *children, *next, **link;	/* siblings in no order; *link points here */
	struct node *chain;		/* of the hash table */
	struct inode *inode;
	uint32_t layer;			/* that has named it last */
	uint16_t depth;
	uint8_t len;
	char name[];			/* with a NUL */
};

struct tree {
	struct node *root;
	struct node **slots;
	size_t n_nodes, n_slots;
	uint64_t memory;		/* bytes counted against TREE_MAX_MEMORY */
	uint32_t layer;			/* whose entries come now, from 1 */
	uint8_t key[16];		/* of the hash: names come from strangers */
	void (*release)(void *arg, const struct inode *ino);	/* nobody has this file's blocks now */
	void *arg;
};

/* 0 or a negative errno. */
int tree_init(struct tree *t);
void tree_fini(struct tree *t);

/* Memory that counts: NULL when there is too much of it. */
void *tree_alloc(struct tree *t, size_t n);

/* An inode for tree_put(), with nlink 0; NULL: no memory. */
struct inode *tree_inode(struct tree *t, uint32_t mode);
void tree_inode_free(struct inode *ino);

/* Both keep a copy.  Attributes that the image cannot have, or the guest must not, are left out.
 * 0 or a negative errno. */
int tree_xattr(struct tree *t, struct inode *ino, const char *name, const void *value, size_t n);
int tree_set_link(struct tree *t, struct inode *ino, const char *to);

/* `path` from the root, its directories made where there are none, becomes ino, which is the
 * tree's.  A directory over a directory leaves what is in it. */
int tree_put(struct tree *t, const char *path, struct inode *ino, struct err *err);

/* `path` becomes another name of what `target` is. */
int tree_hardlink(struct tree *t, const char *path, const char *target, struct err *err);

/* What earlier layers have at `path`, or, with a path of its directory, in it, is not there. */
int tree_hide(struct tree *t, const char *path, struct err *err);
int tree_hide_children(struct tree *t, const char *dir, struct err *err);

/* The child of a directory that is surely not there yet; for sources that are a tree already. */
int tree_add(struct tree *t, struct node *dir, const char *name, struct inode *ino,
	     struct node **out, struct err *err);

/* A name as it may stand in a message: what does not print is '?', what is long is cut. */
#define TREE_SHOWN 120
const char *tree_show(const char *path, char buf[TREE_SHOWN]);

#endif
