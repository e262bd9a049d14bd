/* blocks.h - the image as a file that is written from its begin to its end: contents of files
 * first, where they come; what describes them after that, by erofs.c. */
#ifndef RUNNER_PACK_BLOCKS_H
#define RUNNER_PACK_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "runner/pack/tree.h"

#define BLOCK 4096u
#define BLOCK_BITS 12
#define EROFS_INODE 64u
#define EROFS_XATTR_HEAD 12u

struct blocks {
	int fd;
	int scratch;			/* holds the ends of files that are less than a block */
	uint32_t next;			/* the first block that nobody has */
	uint64_t limit, used;		/* bytes of content: at most, and up to now */
	uint64_t ends;			/* bytes in scratch */
	struct buffered {
		int fd;
		uint64_t at;		/* of the first byte */
		size_t n;
		uint8_t *bytes;
	} image, tails;
};

/* Block 0 is left for the superblock.  0 or a negative errno. */
int blocks_init(struct blocks *b, int fd, int scratch, uint64_t limit);
void blocks_fini(struct blocks *b);

/* The scratch file is somebody else's up to there.  Before the first content. */
void blocks_skip(struct blocks *b, uint64_t end);

/* A file's content: ino->size is what it will be, pieces come in their order, and where there
 * are none it has zeros - or, if it was begun as sparse, holes.  Errors have no file's name. */
int blocks_begin(struct blocks *b, struct tree *t, struct inode *ino, int sparse, struct err *err);
int blocks_data(struct blocks *b, struct inode *ino, uint64_t at, const void *data, size_t n,
		struct err *err);

/* Nobody needs the content any more: its place becomes a hole. */
void blocks_release(struct blocks *b, const struct inode *ino);

/* Write n bytes at `at`; for erofs.c, which goes through what is left in order. */
int blocks_put(struct blocks *b, uint64_t at, const void *data, size_t n, struct err *err);
int blocks_flush(struct blocks *b, struct err *err);

/* Bytes that its extended attributes take, behind the inode. */
size_t blocks_attributes(const struct inode *ino);

/* A file's end that is less than a block, and lies behind the inode, too; 0: it has none. */
size_t blocks_tail(const struct inode *ino);
int blocks_read_tail(struct blocks *b, const struct inode *ino, void *out, struct err *err);

#endif
