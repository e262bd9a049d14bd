/* cargo.h - files of this host as a tree that the guest will see; none of them is read yet.
 *
 * A node is a file to be copied, a directory, or a link.  Directories that are only on the way to
 * something belong to FILES_ON_THE_WAY (lib/proto.h): in the guest they stay as its root has them. */
#ifndef RUNNER_CARGO_H
#define RUNNER_CARGO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "lib/err.h"

#define TREE_MAX_NODES	4000000u
#define TREE_MAX_DEPTH	128u

struct node {
	char *name;
	char *source;			/* of a file its path here, of a link its target */
	uint32_t mode, uid, gid;	/* mode with its type */
	uint64_t size;
	struct timespec mtime;
	struct node *parent, **child;	/* child: sorted when the tree is written */
	uint32_t n_child, room;
	uint64_t nid, block;		/* its place in an image, see erofs.c */
};

struct ignore;

struct cargo {
	struct node *root;
	struct ignore *ignore;		/* says what below a copied directory is left out; or NULL */
	uint32_t uid, gid;		/* whose what is copied will be */
	unsigned n;
};

int cargo_init(struct cargo *t, uint32_t uid, uint32_t gid);
void cargo_free(struct cargo *t);

/* Copy the file or tree `host` to the absolute path `guest`; links in a tree stay links, `host`
 * itself is followed.  `why` is put in front of errors.  Two things of one name are refused, unless
 * both are directories or come from the same file. */
int cargo_add(struct cargo *t, const char *host, const char *guest, const char *why, struct err *err);

/* A link; one that is there already is left alone. */
int cargo_link(struct cargo *t, const char *guest, const char *target, struct err *err);

/* What a path means in the guest: no ".", "..", or doubled slashes, and /bin, /sbin and /lib* below
 * /usr, where a root has them as links.  -ENAMETOOLONG, or -EINVAL for a path that is not absolute. */
int cargo_path(const char *path, char *out, size_t n);

#endif
