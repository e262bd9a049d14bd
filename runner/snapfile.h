/* snapfile.h - snapshot files, as the runner sees them: whose they are and what of.
 *
 * The monitor fills in state and memory, see lib/snapshot.h; the header comes last and makes
 * it a snapshot.  It is keyed with a secret of this user: a state that somebody else wrote,
 * or that has changed since, is never handed to a monitor.  Guest memory is not hashed on the
 * way in - that would cost more than the restore - but can be looked at with snapfile_memory();
 * so the file must be this user's, and nobody else may be able to write it. */
#ifndef RUNNER_SNAPFILE_H
#define RUNNER_SNAPFILE_H

#include <stddef.h>

#include "lib/err.h"
#include "lib/snapshot.h"

#define SNAP_KEY 32	/* bytes */

/* Make a header for the file `fd` that the monitor has written: text says what the machine is.
 * Synced to disk. */
int snapfile_finish(int fd, const uint8_t key[SNAP_KEY], uint32_t state_len, uint64_t memory_len,
		    const char *text, struct err *err);

/* By its first bytes, damaged or not, is it a snapshot?  0, -ENOENT, -EINVAL... */
int snapfile_look(const char *path, struct err *err);

/* Read and check the header and the state; guest memory only for its size.  path: for errors. */
int snapfile_read(int fd, const uint8_t key[SNAP_KEY], const char *path, struct snap_header *h,
		  struct err *err);

/* Is guest memory what it was when the snapshot was made?  -EBADMSG if not. */
int snapfile_memory(int fd, const struct snap_header *h, const char *path, struct err *err);

/* The value of `key` in a text of `key = value` lines: its length, and *value, or -ENOENT. */
int snapfile_value(const char *text, const char *key, const char **value);

#endif
