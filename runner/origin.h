/* origin.h - what a root was given as, and which image that will be. */
#ifndef RUNNER_ORIGIN_H
#define RUNNER_ORIGIN_H

#include <stdbool.h>

#include "lib/err.h"
#include "runner/store.h"

enum origin_kind {
	ORIGIN_IMAGE,		/* a file system already, or not a root at all: image.h tells */
	ORIGIN_TAR,		/* maybe compressed; of a root, or of an image in layers */
	ORIGIN_LAYOUT,		/* an OCI layout in a directory */
	ORIGIN_DIR,
};

extern const char *const origin_names[];

struct origin {
	enum origin_kind kind;
	int fd;
	const char *path;
};

/* Open what is there and look at its first bytes. */
int origin_open(struct origin *o, const char *path, struct err *err);

/* The ID of the image that o will be: a hash of a file's content, of a layout's index, which has
 * the hashes of all else, or of the names of a directory and everything stat() says of them.
 * Two directories that are the same but for their times are thus two images. */
int origin_id(const struct origin *o, char id[STORE_ID], struct err *err);

#endif
