/* root.h - from what --root says to an image that a machine can have as its root. */
#ifndef RUNNER_ROOT_H
#define RUNNER_ROOT_H

#include <limits.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/spec.h"

#define ROOT_MAX_BYTES (16ull << 30)	/* of content, where nobody says otherwise */

/* spec->root may be an image, its name in the store, or what an image can be made of: a tar, an OCI
 * layout, a directory; then it is made, or was.  Afterwards spec->root is the image's path, in
 * out if it is another. */
int root_find(struct spec *spec, char out[PATH_MAX], struct err *err);

/* The image that `source` is, or is made: its ID.  Not for what is an image already. */
int root_make(const char *source, uint64_t max_bytes, char id[33], struct err *err);

/* A copy of an image in the store: its ID. */
int root_import(const char *path, char id[33], struct err *err);

#endif
