/* scratch.h - --scratch SIZE: a disk that is gone with the run. */
#ifndef RUNNER_SCRATCH_H
#define RUNNER_SCRATCH_H

#include <stdint.h>

#include "lib/err.h"

/* A file without a name, of so many bytes and mostly a hole, with an empty ext4 in it. */
int scratch_open(uint64_t bytes, int *fd, struct err *err);

#endif
