/* layer.h - one tar, compressed or not, into the tree: the only place that speaks to libarchive. */
#ifndef RUNNER_PACK_LAYER_H
#define RUNNER_PACK_LAYER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "runner/pack/blocks.h"
#include "runner/pack/source.h"
#include "runner/pack/tree.h"

struct archive;
struct archive_entry;

/* Open s as a tar.  The caller's, for layer_close(), also when it fails. */
int layer_open(struct archive **a, struct source *s, struct err *err);

/* The next entry, with the name it goes by: 1, 0 at the end, or an error. */
int layer_next(struct archive *a, struct archive_entry **e, const char **name, struct err *err);

/* The next piece of the entry's content and where it stands: 1, 0 at the end, or an error. */
int layer_data(struct archive *a, const void **data, size_t *n, int64_t *at, struct err *err);

/* The end: rc < 0 is what went wrong and is passed on; else nothing is missing at the end, and the
 * source's sum is what it should be. */
int layer_close(struct archive *a, struct source *s, int rc, struct err *err);

struct pack {
	struct tree tree;
	struct blocks blocks;
};

/* One entry into the tree; whiteouts: ".wh." hides what earlier layers have. */
int layer_entry(struct pack *p, struct archive *a, struct archive_entry *e, const char *name,
		bool whiteouts, struct err *err);

/* All of a layer. */
int layer_apply(struct pack *p, struct source *s, bool whiteouts, struct err *err);

#endif
