/* source.c - a part of a file that is read from its begin to its end. */
#include "runner/pack/source.h"

#include <errno.h>
#include <string.h>

#include "lib/io.h"

#define TAR_BLOCK 512

void source_open(struct source *s, int fd, off_t begin, off_t end, const char *hex)
{
	s->fd = fd;
	s->at = s->begin = begin;
	s->end = end;
	s->hashed = hex && sodium_hex2bin(s->want, sizeof(s->want), hex, 64, NULL, NULL, NULL) == 0;
	if (s->hashed)
		crypto_hash_sha256_init(&s->sum);
}

ssize_t source_read(struct source *s)
{
	off_t left = s->end - s->at;
	size_t n = left < (off_t)SOURCE_BUFFER ? (size_t)left : SOURCE_BUFFER;
	int rc = n ? io_pread(s->fd, s->bytes, n, s->at) : 0;

	if (rc < 0)
		return rc;
	s->at += (off_t)n;
	if (s->hashed)
		crypto_hash_sha256_update(&s->sum, s->bytes, n);
	return (ssize_t)n;
}

int source_close(struct source *s)
{
	uint8_t sum[32];
	ssize_t n = 1;

	if (!s->hashed)
		return 0;
	while (n > 0)
		n = source_read(s);
	if (n < 0)
		return (int)n;
	crypto_hash_sha256_final(&s->sum, sum);
	return memcmp(sum, s->want, sizeof(sum)) ? -EBADMSG : 0;
}

bool source_ends_in_zeros(const struct source *s)
{
	static const uint8_t zeros[TAR_BLOCK];
	uint8_t last[TAR_BLOCK];

	return s->end - s->begin >= TAR_BLOCK &&
	       io_pread(s->fd, last, sizeof(last), s->end - TAR_BLOCK) == 0 &&
	       !memcmp(last, zeros, sizeof(last));
}
