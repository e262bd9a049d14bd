/* blocks.c - contents of files on their way into the image. */
#include "runner/pack/blocks.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/io.h"

#define BUFFER (1u << 20)
#define MAX_CHUNKS (1u << 18)		/* of one file: a table of a megabyte */
#define MAX_TAIL (BLOCK / 2)		/* longer ones would leave too much room between inodes */
#define MAX_FILE (1ull << 44)		/* what 32 bits of blocks can name */

static int unwritten(int rc, struct err *err)
{
	if (rc == -EFBIG)
		return err_set(err, EFBIG, "has more content than the host lets a file have");
	return err_set(err, -rc, "the image cannot be written: %s", strerror(-rc));
}

/* --- writing in order ------------------------------------------------------------------------- */

static int flush(struct buffered *w)
{
	int rc = w->n ? io_pwrite(w->fd, w->bytes, w->n, (off_t)w->at) : 0;

	w->at += w->n;
	w->n = 0;
	return rc;
}

/* What is skipped within a block is zeros, and more is a hole of the file. */
static int seek(struct buffered *w, uint64_t at)
{
	uint64_t end = w->at + w->n;
	int rc = 0;

	if (at == end)
		return 0;
	if (at > end && at - end < BLOCK && at - w->at <= BUFFER) {
		memset(w->bytes + w->n, 0, at - end);
		w->n += at - end;
		return 0;
	}
	rc = flush(w);
	w->at = at;
	return rc;
}

static int put(struct buffered *w, uint64_t at, const uint8_t *data, size_t n)
{
	int rc = seek(w, at);

	while (rc == 0 && n > 0) {
		size_t some = n < BUFFER - w->n ? n : BUFFER - w->n;

		memcpy(w->bytes + w->n, data, some);
		w->n += some;
		data += some;
		n -= some;
		if (w->n == BUFFER)
			rc = flush(w);
	}
	return rc;
}

int blocks_put(struct blocks *b, uint64_t at, const void *data, size_t n, struct err *err)
{
	int rc = put(&b->image, at, data, n);

	return rc < 0 ? unwritten(rc, err) : 0;
}

/* The last end may have less content than it has room. */
int blocks_flush(struct blocks *b, struct err *err)
{
	int rc = flush(&b->image);

	if (rc == 0)
		rc = flush(&b->tails);
	if (rc == 0 && ftruncate(b->scratch, (off_t)b->ends) < 0)
		rc = -errno;
	return rc < 0 ? unwritten(rc, err) : 0;
}

int blocks_init(struct blocks *b, int fd, int scratch, uint64_t limit)
{
	*b = (struct blocks){ .fd = fd, .scratch = scratch, .next = 1, .limit = limit };
	b->image = (struct buffered){ .fd = fd, .at = BLOCK, .bytes = malloc(BUFFER) };
	b->tails = (struct buffered){ .fd = scratch, .bytes = malloc(BUFFER) };
	return b->image.bytes && b->tails.bytes ? 0 : -ENOMEM;
}

void blocks_fini(struct blocks *b)
{
	free(b->image.bytes);
	free(b->tails.bytes);
}

void blocks_skip(struct blocks *b, uint64_t end)
{
	b->ends = b->tails.at = end;
}

/* --- files ------------------------------------------------------------------------------------ */

static int take(struct blocks *b, uint64_t blocks, uint32_t *first, struct err *err)
{
	if (blocks >= NO_BLOCK - b->next)
		return err_set(err, EFBIG, "has more content than an image can have");
	*first = b->next;
	b->next += (uint32_t)blocks;
	return 0;
}

static int count(struct blocks *b, uint64_t n, struct err *err)
{
	if (n > b->limit - b->used)
		return err_set(err, EFBIG, "has more than %llu MiB of content; if that is meant, "
			       "allow more: sandbox image build --max-size",
			       (unsigned long long)b->limit >> 20);
	b->used += n;
	return 0;
}

size_t blocks_attributes(const struct inode *ino)
{
	size_t n = ino->xattrs ? EROFS_XATTR_HEAD : 0;

	for (const struct xattr *x = ino->xattrs; x; x = x->next)
		n += (sizeof(uint32_t) + x->name_len + x->value_len + 3) & ~(size_t)3;
	return n;
}

size_t blocks_tail(const struct inode *ino)
{
	size_t n = ino->size % BLOCK;

	if (!S_ISREG(ino->mode) || ino->chunks || n > MAX_TAIL ||
	    blocks_attributes(ino) > MAX_TAIL - EROFS_INODE)
		return 0;
	return n;
}

/* What has a place of its own: all but the tail. */
static uint64_t body(const struct inode *ino)
{
	return ino->size - blocks_tail(ino);
}

/* As many chunks as a table of bounded size can have, 4 KiB each or more. */
static int begin_sparse(struct tree *t, struct inode *ino, struct err *err)
{
	uint64_t n;

	for (ino->chunk_bits = BLOCK_BITS; ino->size >> ino->chunk_bits >= MAX_CHUNKS; )
		ino->chunk_bits++;
	n = (ino->size + (1ull << ino->chunk_bits) - 1) >> ino->chunk_bits;
	ino->chunks = tree_alloc(t, n * sizeof(*ino->chunks));
	if (!ino->chunks)
		return err_set(err, ENOMEM, "has too many large files with holes");
	memset(ino->chunks, 0xff, n * sizeof(*ino->chunks));
	return 0;
}

int blocks_begin(struct blocks *b, struct tree *t, struct inode *ino, int sparse, struct err *err)
{
	int rc;

	if (ino->size > MAX_FILE)
		return err_set(err, EFBIG, "has a file of %llu bytes",
			       (unsigned long long)ino->size);
	if (sparse && ino->size >= BLOCK)
		return begin_sparse(t, ino, err);
	rc = count(b, ino->size, err);
	return rc < 0 ? rc : take(b, (body(ino) + BLOCK - 1) >> BLOCK_BITS, &ino->block, err);
}

/* Within one chunk, which gets its place when its first byte comes. */
static int put_chunk(struct blocks *b, struct inode *ino, uint64_t at, const uint8_t *data, size_t n,
		     struct err *err)
{
	uint64_t size = 1ull << ino->chunk_bits;
	uint32_t *chunk = &ino->chunks[at >> ino->chunk_bits];
	int rc = count(b, n, err);

	if (rc == 0 && *chunk == NO_BLOCK)
		rc = take(b, size >> BLOCK_BITS, chunk, err);
	if (rc < 0)
		return rc;
	return blocks_put(b, ((uint64_t)*chunk << BLOCK_BITS) + (at & (size - 1)), data, n, err);
}

static int put_sparse(struct blocks *b, struct inode *ino, uint64_t at, const uint8_t *data, size_t n,
		      struct err *err)
{
	int rc = 0;

	while (rc == 0 && n > 0) {
		uint64_t size = 1ull << ino->chunk_bits, left = size - (at & (size - 1));
		size_t some = n < left ? n : left;

		rc = put_chunk(b, ino, at, data, some, err);
		at += some;
		data += some;
		n -= some;
	}
	return rc;
}

/* Ends lie in the scratch file in the order in which they come. */
static int put_tail(struct blocks *b, struct inode *ino, size_t at, const uint8_t *data, size_t n,
		    struct err *err)
{
	int rc;

	if (!ino->tail) {
		ino->tail = b->ends + 1;
		b->ends += blocks_tail(ino);
	}
	rc = put(&b->tails, ino->tail - 1 + at, data, n);
	return rc < 0 ? unwritten(rc, err) : 0;
}

static int put_plain(struct blocks *b, struct inode *ino, uint64_t at, const uint8_t *data, size_t n,
		     struct err *err)
{
	uint64_t whole = body(ino);
	size_t some = at >= whole ? 0 : n < whole - at ? n : whole - at;
	int rc = some ? blocks_put(b, ((uint64_t)ino->block << BLOCK_BITS) + at, data, some, err) : 0;

	if (rc == 0 && n > some)
		rc = put_tail(b, ino, at + some - whole, data + some, n - some, err);
	return rc;
}

int blocks_data(struct blocks *b, struct inode *ino, uint64_t at, const void *data, size_t n,
		struct err *err)
{
	if (at > ino->size || n > ino->size - at)
		return err_set(err, EINVAL, "has a file with more content than it says");
	return ino->chunks ? put_sparse(b, ino, at, data, n, err) : put_plain(b, ino, at, data, n, err);
}

int blocks_read_tail(struct blocks *b, const struct inode *ino, void *out, struct err *err)
{
	size_t n = blocks_tail(ino);
	int rc = ino->tail ? io_pread(b->scratch, out, n, (off_t)(ino->tail - 1)) : 0;

	if (!ino->tail)
		memset(out, 0, n);
	return rc < 0 ? err_set(err, -rc, "the image cannot be made: %s", strerror(-rc)) : 0;
}

/* --- what is replaced ------------------------------------------------------------------------- */

static void punch(struct blocks *b, uint32_t block, uint64_t n)
{
	if (n && flush(&b->image) == 0)
		fallocate(b->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			  (off_t)block << BLOCK_BITS, (off_t)n);
}

void blocks_release(struct blocks *b, const struct inode *ino)
{
	uint64_t size = 1ull << ino->chunk_bits;

	if (!S_ISREG(ino->mode))
		return;
	if (!ino->chunks)
		punch(b, ino->block, (body(ino) + BLOCK - 1) & ~(uint64_t)(BLOCK - 1));
	for (uint64_t i = 0; ino->chunks && i << ino->chunk_bits < ino->size; i++)
		if (ino->chunks[i] != NO_BLOCK)
			punch(b, ino->chunks[i], size);
}
