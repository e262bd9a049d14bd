/* thread.h - threads that give up their rights before they do anything.
 *
 * Planned first, started parked, released once every filter is on: no thread serves or
 * runs the guest while another could still do more than it ever needs. */
#ifndef VMM_THREAD_H
#define VMM_THREAD_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/err.h"
#include "lib/limits.h"
#include "seccomp/load.h"

#define MAX_THREADS (MAX_VCPUS + MAX_DISKS)

struct thread {
	char name[16];
	enum policy_id policy;
	void (*run)(void *ctx);
	void *ctx;
	int ready_fd;		/* borrowed: told when the filter is on */
	pid_t tid;		/* valid once ready */
	int go_fd;		/* eventfd: the thread is parked on it */
	int rc;			/* of seccomp_install(); valid once ready */
};

struct threads {
	unsigned n;
	struct thread *of[MAX_THREADS];		/* borrowed */
	int ready_fd;
	const char *fault;			/* test builds; borrowed */
};

/* Give t its place; nothing starts.  t->name, policy, run and ctx are the caller's. */
void threads_add(struct threads *all, struct thread *t);

/* Start all that were added; they install their filters and park. */
int threads_start(struct threads *all, struct err *err);

/* Wait until every thread is parked.  *filtered: all of them have their filter; false in
 * builds whose sanitizer needs calls of its own. */
int threads_parked(struct threads *all, bool *filtered, struct err *err);

void threads_release(struct threads *all);

/* The calling thread's name; "main" for the first one.  Signal-safe. */
const char *thread_name(void);

const char *thread_policy_name(enum policy_id id);

#endif
