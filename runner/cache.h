/* cache.h - $XDG_CACHE_HOME/sandbox: templates of machines, and the key they are signed with. */
#ifndef RUNNER_CACHE_H
#define RUNNER_CACHE_H

#include <limits.h>
#include <stdint.h>
#include <time.h>

#include "lib/err.h"
#include "runner/snapfile.h"

#define CACHE_SUFFIX ".snap"
#define CACHE_LOCK ".lock"		/* of a template: somebody makes it */
#define CACHE_FAILED ".failed"		/* of a template: why it could not be made, a line each time */
#define CACHE_LIMIT (2ull << 30)	/* bytes of templates that are kept */

/* The directory, made with mode 0700 if it is not there.  One that is not ours, or that others
 * can write, is refused. */
int cache_dir(char out[PATH_MAX], struct err *err);

/* This user's key, made on first use: mode 0600. */
int cache_key(uint8_t key[SNAP_KEY], struct err *err);

/* A new file to be filled and then renamed: mode 0600, locked for as long as the descriptor is
 * open, so that nobody takes it for abandoned.  What a killed process left of that name goes.
 * The descriptor, or a negative errno. */
int cache_create(const char *path);

/* Remove a file that cache_create() or cache_lock() made, unless whoever made it is still there: it
 * is locked by its maker, and when that was killed, it is not. */
void cache_remove_abandoned(int dir, const char *name);

/* Wait until nobody else has the lock of that name; the descriptor, or a negative errno. */
int cache_lock(const char *path);

struct cache_entry {
	char name[NAME_MAX + 1];
	uint64_t bytes;			/* on disk */
	struct timespec used;		/* when a run last started from it */
};

/* The templates, last used first, in static storage: how many, or a negative errno. */
int cache_list(const struct cache_entry **out, struct err *err);

/* Remove templates, those longest unused first, until the rest has at most `limit` bytes on
 * disk; 0 removes all.  Also what a killed run left half made.  Returns how many went. */
int cache_trim(uint64_t limit, struct err *err);

/* Forget which templates could not be made: they are tried again. */
int cache_forget(struct err *err);

#endif
