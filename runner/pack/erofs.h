/* erofs.h - from a tree, and contents that are in their place, to a whole file system: erofs
 * without compression, which a guest reads page by page as it is.  The same tree and contents
 * give the same bytes. */
#ifndef RUNNER_PACK_EROFS_H
#define RUNNER_PACK_EROFS_H

#include "runner/pack/blocks.h"
#include "runner/pack/tree.h"

/* Write all that is not there yet, the superblock last. */
int erofs_write(struct tree *t, struct blocks *b, struct err *err);

#endif
