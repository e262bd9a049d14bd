/* watch.h - the descriptors the runner waits for.
 *
 * poll(2) and not lib/loop.h's epoll, which refuses regular files: stdin and stdout
 * often are.  A struct watch lives inside the thing it serves. */
#ifndef RUNNER_WATCH_H
#define RUNNER_WATCH_H

#include <poll.h>
#include <stdint.h>

#include "lib/loop.h"	/* owner_of() */

#define MAX_WATCHES 40

struct watch {
	int fd;			/* -1: closed, not waited for */
	short want;		/* POLLIN, POLLOUT; 0: not waited for, not even for a hang-up */
	void (*ready)(struct watch *w, short events);
};

struct watch_set {
	unsigned n;
	struct watch *v[MAX_WATCHES];
};

/* Watched from now on; to end it, set fd to -1 or want to 0. */
void watch_add(struct watch_set *set, struct watch *w);

/* Close the descriptor and watch it no more. */
void watch_close(struct watch *w);

/* One round: wait until something is ready or it is `deadline` (now_ns(); UINT64_MAX for
 * never), and call what is ready.  Returns the number of calls made. */
int watch_wait(struct watch_set *set, uint64_t deadline);

#endif
