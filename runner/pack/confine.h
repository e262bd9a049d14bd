/* confine.h - a process that reads strangers' archives, and what it gives up first. */
#ifndef RUNNER_PACK_CONFINE_H
#define RUNNER_PACK_CONFINE_H

#include <stdint.h>

#include "lib/err.h"

/* Close all but 0 to PACK_FD_SOURCE, bound the rest: an image of so many bytes of content. */
int confine_belongings(uint64_t max_bytes, struct err *err);

/* Die with the process that started us. */
int confine_to_parent(struct err *err);

/* From here on the calls of seccomp/pack.c and no others, and a bounded memory. */
int confine_calls(struct err *err);

#endif
