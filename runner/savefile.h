/* savefile.h - a file that becomes a snapshot when all of it is there, and else goes again. */
#ifndef RUNNER_SAVEFILE_H
#define RUNNER_SAVEFILE_H

#include <stdint.h>

#include "lib/err.h"

/* A file beside `path` for a monitor to write.  If there is something at `path`, it must be a
 * snapshot: nothing else is replaced.  The descriptor, or a negative errno. */
int savefile_open(const char *path, struct err *err);

/* What the monitor has written becomes the snapshot `path`; state_len 0: it has not, and nothing
 * of it stays.  fd: savefile_open()'s, still the caller's. */
int savefile_close(int fd, const char *path, uint32_t state_len, uint64_t memory_len,
		   const char *text, struct err *err);

#endif
