/* store.h - $XDG_DATA_HOME/sandbox/images: images of roots, each under the hash of what it was made
 * of, and names for some of them.
 *
 *	ID.img		the image; it is there when all of it is
 *	ID.json		what is known of it, see about.h; its time is when a run last used it
 *	names/NAME	a symbolic link to ID
 *	seen/HASH	the same, for a file that has been hashed before and is unchanged */
#ifndef RUNNER_STORE_H
#define RUNNER_STORE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "lib/err.h"

#define STORE_ID 33			/* 32 hex digits and a NUL */
#define STORE_NAME 64			/* bytes of a name, NUL included */
#define STORE_LIMIT (8ull << 30)	/* bytes of images without a name that are kept */

/* The directory, made with mode 0700 if it is not there. */
int store_dir(char out[PATH_MAX], struct err *err);

/* Letters, digits, '.', '_', '-' and ':', beginning with one of the first two; and no ID. */
bool store_is_name(const char *s);
bool store_is_id(const char *s);

/* The paths of an image and of what is known of it; there or not. */
int store_paths(const char *id, char image[PATH_MAX], char about[PATH_MAX], struct err *err);

/* The ID that a name, or the ID itself, stands for, of an image that is there: 0, -ENOENT without
 * a word in *err, or an error. */
int store_find(const char *name, char id[STORE_ID], struct err *err);

/* Is there an image of that ID?  Then it is in use now: the last to be trimmed. */
bool store_has(const char *id);

/* The name is the image's, whosever it was. */
int store_name(const char *id, const char *name, struct err *err);

/* Which image was made of a file that looks like this one (a hash as 64 hex digits)? */
bool store_seen(const char *hash, char id[STORE_ID]);
void store_see(const char *hash, const char *id);

/* The ID of an image by its path, if it is one of the store's: 0 or -ENOENT. */
int store_id_of(const char *path, char id[STORE_ID]);

/* A new file in the store, without a name, or one that nobody else will take: to be filled. */
int store_create(const char *id, struct err *err);
void store_abandon(const char *id);

/* What store_create() made is the image; about: its ID.json, as text. */
int store_keep(const char *id, int fd, const char *about, struct err *err);

/* One maker of an image at a time: the lock, or an error. */
int store_lock(const char *id, struct err *err);
void store_unlock(const char *id, int lock);

struct store_entry {
	char id[STORE_ID];
	uint64_t bytes;			/* on disk */
	struct timespec used;
	bool named;
	char names[256];		/* separated by spaces; more than fit are left out */
};

/* All images, last used first, in static storage: how many, or an error. */
int store_list(struct store_entry **out, struct err *err);

/* Remove a name, and with its last name the image; by ID, the image and all its names. */
int store_remove(const char *name, struct err *err);

/* Remove images without a name, longest unused first, until those that are left have at most
 * `limit` bytes: how many went, or an error.  The one called `keep` stays. */
int store_trim(uint64_t limit, const char *keep, struct err *err);

#endif
