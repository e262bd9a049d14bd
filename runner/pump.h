/* pump.h - copies one descriptor to another, both waited for, through one buffer.
 *
 * What was read is written before more is read: a reader that does not keep up is felt at
 * the other end, as with a pipe, and nothing is dropped. */
#ifndef RUNNER_PUMP_H
#define RUNNER_PUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "runner/watch.h"

struct pump {
	struct watch from, to;
	size_t at_once;			/* most bytes a write may have without blocking */
	size_t start, end;		/* what waits in buf */
	uint64_t moved;			/* bytes read in all */
	uint64_t most;			/* bytes after which `from` is at its end, said or not */
	bool ended;			/* `from` is at its end; buf may still hold bytes */
	bool done;			/* nothing will move any more */
	int error;			/* errno why not everything was written; EPIPE: reader gone */
	int unread;			/* errno why not everything was read */
	void (*finish)(struct pump *p);	/* called once, when done; closes what is to be closed */
	char buf[65536];
};

/* A pump that waits for its ends. */
void pump_init(struct pump *p, void (*finish)(struct pump *p), struct watch_set *set);

/* Both ends stand.  A descriptor that may block is only used when poll says it is ready,
 * and written at_once bytes at a time. */
void pump_start(struct pump *p, int from, int to, size_t at_once);

/* `from` has that many bytes in all: after them its end is not waited for. */
void pump_expect(struct pump *p, uint64_t bytes);

#endif
