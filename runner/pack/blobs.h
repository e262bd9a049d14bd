/* blobs.h - the files that an OCI layout or a docker-archive is made of, by name: in a directory,
 * of which `sandbox` opens them for us, or in a tar, which then has been unpacked into the
 * scratch file. */
#ifndef RUNNER_PACK_BLOBS_H
#define RUNNER_PACK_BLOBS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"
#include "runner/pack/source.h"

#define BLOBS_MAX 1024
#define BLOB_NAME 160

struct blob {
	char name[BLOB_NAME];
	char link[BLOB_NAME];		/* what it is a symbolic link to, or "" */
	off_t at, end;
};

struct blobs {
	int ask;			/* the socket; or, if in_tar: */
	bool in_tar;
	int fd;
	off_t end;			/* of what is used of it */
	uint64_t limit;
	unsigned n;
	struct blob blob[BLOBS_MAX];
};

/* Does a tar whose first entry is this one hold an image, and not a root? */
bool blobs_is_bundle(const char *first);

/* A member to be filled; is more than that, or too long a name, an error. */
int blobs_add(struct blobs *b, const char *name, const char *link, struct blob **out, struct err *err);
int blobs_write(struct blobs *b, const void *data, size_t n, struct err *err);

bool blobs_has(const struct blobs *b, const char *name);

/* Ready to be read: *fd is the caller's to close with blobs_close().  hex: its SHA-256, or NULL. */
int blobs_open(struct blobs *b, const char *name, const char *hex, struct source *s, struct err *err);
void blobs_close(struct blobs *b, struct source *s);

#endif
