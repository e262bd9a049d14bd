/* source.h - a part of a file that is read from its begin to its end: bytes for libarchive, and
 * the SHA-256 of them, for a source that has one as its name. */
#ifndef RUNNER_PACK_SOURCE_H
#define RUNNER_PACK_SOURCE_H

#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"

#define SOURCE_BUFFER (256u << 10)

struct source {
	int fd;				/* its owner's */
	off_t at, begin, end;
	bool hashed;
	uint8_t want[32];		/* what the sum is to be */
	crypto_hash_sha256_state sum;
	uint8_t bytes[SOURCE_BUFFER];
};

/* [begin, end) of fd; hex: what its SHA-256 is to be, 64 digits, or NULL. */
void source_open(struct source *s, int fd, off_t begin, off_t end, const char *hex);

/* The next bytes, in s->bytes: how many, 0 at the end, or a negative errno. */
ssize_t source_read(struct source *s);

/* Read what is left, and compare the sum: 0, -EBADMSG, or another negative errno. */
int source_close(struct source *s);

/* Are the last bytes those that end a tar?  One that was cut between two files has no other sign. */
bool source_ends_in_zeros(const struct source *s);

#endif
