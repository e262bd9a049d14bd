/* walk.h - a directory of the host into the tree. */
#ifndef RUNNER_PACK_WALK_H
#define RUNNER_PACK_WALK_H

#include "lib/err.h"
#include "runner/pack/layer.h"

/* All below the directory dir, on its file system: what is mounted in it is an empty directory.
 * A file that changes meanwhile is an error. */
int walk(struct pack *p, int dir, struct err *err);

#endif
