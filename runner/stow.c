/* stow.c - a tree as one read-only file system image, uncompressed.
 *
 * In block 0 the superblock, from there on the inodes, in extended form; what is left of a file
 * after its last whole block stands behind its inode if it fits into that block.  Then the blocks
 * of files and directories, in the same order. */
#include "runner/stow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/io.h"

#define BLOCK		4096u
#define SUPERBLOCK	1024u
#define SLOT		32u		/* an inode's number is its place in these */
#define FIRST_INODE	(SUPERBLOCK + 128u)
#define MAGIC		0xe0f5e1e2u
#define MAX_BLOCKS	0x7fffffffu
#define STRIDE		(256u << 10)	/* bytes copied at once, where it is done by hand */

enum { FORMAT_PLAIN = 1, FORMAT_TAIL = 1 | 2 << 1 };	/* bit 0: extended */
enum { TYPE_FILE = 1, TYPE_DIR = 2, TYPE_LINK = 7 };

struct superblock {
	uint32_t magic, checksum, compat;
	uint8_t  block_bits, slots;
	uint16_t root;
	uint64_t inodes, built;
	uint32_t built_ns, blocks, meta_block, xattr_block;
	uint8_t  uuid[16], name[16];
	uint32_t incompat;
	uint8_t  zero[44];
};

struct inode {
	uint16_t format, xattrs, mode, zero;
	uint64_t size;
	uint32_t block, number, uid, gid;
	uint64_t mtime;
	uint32_t mtime_ns, links;
	uint8_t  rest[16];
};

struct __attribute__((packed)) entry {
	uint64_t nid;
	uint16_t name;
	uint8_t  type, zero;
};

_Static_assert(sizeof(struct superblock) == 128 && sizeof(struct inode) == 64 &&
	       sizeof(struct entry) == 12, "as on disk");

struct image {
	int fd;
	struct err *err;
	uint64_t inodes;		/* where the next one goes, in bytes */
	uint64_t blocks;		/* ... and the next block */
	uint32_t number;
};

/* --- directories ----------------------------------------------------------------------------- */

/* Entry i of a directory, "." and ".." among them: in the order of bytes, all of it. */
struct listing {
	unsigned n;
	struct item { const char *name; const struct node *node; } item[];
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct item *)a)->name, ((const struct item *)b)->name);
}

static struct listing *list(const struct node *dir)
{
	struct listing *l = malloc(sizeof(*l) + (dir->n_child + 2ull) * sizeof(l->item[0]));

	if (!l)
		return NULL;
	l->n = dir->n_child + 2;
	l->item[0] = (struct item){ ".", dir };
	l->item[1] = (struct item){ "..", dir->parent ? dir->parent : dir };
	for (uint32_t i = 0; i < dir->n_child; i++)
		l->item[i + 2] = (struct item){ dir->child[i]->name, dir->child[i] };
	qsort(l->item, l->n, sizeof(l->item[0]), by_name);
	return l;
}

/* How many entries from `at` on fit into one block, and what they take of it. */
static unsigned fit(const struct listing *l, unsigned at, unsigned *bytes)
{
	unsigned n = 0;

	for (*bytes = 0; at + n < l->n; n++) {
		unsigned more = (unsigned)(sizeof(struct entry) + strlen(l->item[at + n].name));

		if (*bytes + more > BLOCK)
			break;
		*bytes += more;
	}
	return n;
}

static uint64_t listing_size(const struct listing *l)
{
	uint64_t size = 0;
	unsigned bytes = 0;

	for (unsigned at = 0; at < l->n; at += fit(l, at, &bytes)) {
		fit(l, at, &bytes);
		size = (size + BLOCK - 1) / BLOCK * BLOCK + bytes;
	}
	return size;
}

static uint8_t type_of(const struct node *n)
{
	return S_ISDIR(n->mode) ? TYPE_DIR : S_ISLNK(n->mode) ? TYPE_LINK : TYPE_FILE;
}

static void put_block(const struct listing *l, unsigned at, unsigned n, uint8_t *to)
{
	unsigned name = (unsigned)(n * sizeof(struct entry));

	for (unsigned i = 0; i < n; i++) {
		const struct item *item = &l->item[at + i];
		const struct entry e = { item->node->nid, (uint16_t)name, type_of(item->node), 0 };
		size_t len = strlen(item->name);

		memcpy(to + i * sizeof(e), &e, sizeof(e));
		memcpy(to + name, item->name, len);
		name += (unsigned)len;
	}
}

/* The whole directory as bytes: the caller's to free; NULL without memory. */
static uint8_t *directory(const struct node *dir)
{
	uint8_t *bytes = calloc(dir->size / BLOCK + 1, BLOCK);
	struct listing *l = list(dir);
	unsigned used, n;

	if (bytes && l)
		for (unsigned at = 0, block = 0; at < l->n; at += n, block++) {
			n = fit(l, at, &used);
			put_block(l, at, n, bytes + (size_t)block * BLOCK);
		}
	if (!l) {
		free(bytes);
		bytes = NULL;
	}
	free(l);
	return bytes;
}

/* --- where everything goes --------------------------------------------------------------------- */

/* What of it stands behind the inode. */
static unsigned tail_of(const struct node *n)
{
	unsigned tail = (unsigned)(n->size % BLOCK);

	return tail <= BLOCK - sizeof(struct inode) ? tail : 0;
}

static uint64_t blocks_of(const struct node *n)
{
	return tail_of(n) ? n->size / BLOCK : (n->size + BLOCK - 1) / BLOCK;
}

static int no_memory(struct image *im)
{
	return err_set(im->err, ENOMEM, "no memory to write an image of files");
}

static int place_inodes(struct image *im, struct node *n)
{
	unsigned need = (unsigned)sizeof(struct inode);
	int rc = 0;

	if (S_ISDIR(n->mode)) {
		struct listing *l = list(n);

		if (!l)
			return no_memory(im);
		n->size = listing_size(l);
		free(l);
	}
	need += tail_of(n);
	if (im->inodes % BLOCK + need > BLOCK)
		im->inodes = (im->inodes + BLOCK - 1) / BLOCK * BLOCK;
	n->nid = im->inodes / SLOT;
	im->inodes += (need + SLOT - 1) / SLOT * SLOT;
	for (uint32_t i = 0; i < n->n_child && rc == 0; i++)
		rc = place_inodes(im, n->child[i]);
	return rc;
}

static int place_blocks(struct image *im, struct node *n)
{
	uint64_t blocks = blocks_of(n);
	int rc = 0;

	if (blocks > MAX_BLOCKS - im->blocks)
		return err_set(im->err, EFBIG, "%s: too large for an image of files", n->name);
	n->block = im->blocks;
	im->blocks += blocks;
	for (uint32_t i = 0; i < n->n_child && rc == 0; i++)
		rc = place_blocks(im, n->child[i]);
	return rc;
}

/* --- writing ------------------------------------------------------------------------------------- */

static int put(struct image *im, const void *bytes, size_t n, uint64_t at)
{
	int rc = io_pwrite(im->fd, bytes, n, (off_t)at);

	return rc < 0 ? err_set(im->err, -rc, "the image of the files: %s", strerror(-rc)) : 0;
}

static int changed(struct image *im, const struct node *n)
{
	return err_set(im->err, ESTALE, "%s was changed while it was copied in", n->source);
}

static int copy_by_hand(struct image *im, const struct node *n, int fd, off_t from, off_t to, uint64_t at)
{
	static uint8_t buf[STRIDE];

	while (from < to) {
		size_t some = to - from < (off_t)STRIDE ? (size_t)(to - from) : STRIDE;
		int rc = io_pread(fd, buf, some, from);

		if (rc == -EPIPE)
			return changed(im, n);
		if (rc < 0)
			return err_set(im->err, -rc, "%s: %s", n->source, strerror(-rc));
		rc = put(im, buf, some, at);
		if (rc < 0)
			return rc;
		from += (off_t)some;
		at += some;
	}
	return 0;
}

/* In the kernel, as far as it will. */
static int copy_range(struct image *im, const struct node *n, int fd, off_t from, off_t to, uint64_t at)
{
	off_t out = (off_t)at;

	while (from < to) {
		ssize_t got = copy_file_range(fd, &from, im->fd, &out, (size_t)(to - from), 0);

		if (got <= 0)
			break;
	}
	return copy_by_hand(im, n, fd, from, to, (uint64_t)out);
}

/* The whole blocks of a file, without its holes. */
static int copy_blocks(struct image *im, const struct node *n, int fd)
{
	const uint64_t at = n->block * BLOCK;
	const off_t end = (off_t)(tail_of(n) ? n->size - tail_of(n) : n->size);
	off_t from = 0, to;
	int rc = 0;

	while (rc == 0 && from < end) {
		from = lseek(fd, from, SEEK_DATA);
		if (from < 0 || from >= end)
			return from < 0 && errno != ENXIO ? err_sys(im->err, "%s", n->source) : 0;
		to = lseek(fd, from, SEEK_HOLE);
		if (to < 0 || to > end)
			to = end;
		rc = copy_range(im, n, fd, from, to, at + (uint64_t)from);
		from = to;
	}
	return rc;
}

static int copy_file(struct image *im, const struct node *n, uint8_t *tail)
{
	autoclose int fd = open(n->source, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int rc;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(im->err, "%s", n->source);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != n->size)
		return changed(im, n);
	rc = copy_blocks(im, n, fd);
	if (rc == 0 && tail_of(n) && io_pread(fd, tail, tail_of(n), (off_t)(n->size - tail_of(n))) < 0)
		rc = changed(im, n);
	return rc;
}

/* What is in memory: a directory, or a link's target. */
static int put_bytes(struct image *im, const struct node *n, const uint8_t *bytes, uint8_t *tail)
{
	uint64_t whole = n->size - tail_of(n);

	memcpy(tail, bytes + whole, tail_of(n));
	return whole ? put(im, bytes, whole, n->block * BLOCK) : 0;
}

static int put_content(struct image *im, const struct node *n, uint8_t *tail)
{
	uint8_t *bytes;
	int rc;

	if (S_ISREG(n->mode))
		return copy_file(im, n, tail);
	if (S_ISLNK(n->mode))
		return put_bytes(im, n, (const uint8_t *)n->source, tail);
	bytes = directory(n);
	if (!bytes)
		return no_memory(im);
	rc = put_bytes(im, n, bytes, tail);
	free(bytes);
	return rc;
}

static uint32_t links_of(const struct node *n)
{
	uint32_t links = S_ISDIR(n->mode) ? 2 : 1;

	for (uint32_t i = 0; i < n->n_child; i++)
		links += S_ISDIR(n->child[i]->mode);
	return links;
}

static int put_node(struct image *im, const struct node *n)
{
	struct { struct inode inode; uint8_t tail[BLOCK]; } out = { 0 };
	int rc = put_content(im, n, out.tail);

	out.inode = (struct inode){
		.format = tail_of(n) ? FORMAT_TAIL : FORMAT_PLAIN, .mode = (uint16_t)n->mode,
		.size = n->size, .block = (uint32_t)n->block, .number = ++im->number,
		.uid = n->uid, .gid = n->gid, .mtime = (uint64_t)n->mtime.tv_sec,
		.mtime_ns = (uint32_t)n->mtime.tv_nsec, .links = links_of(n) };
	if (rc == 0)
		rc = put(im, &out, sizeof(struct inode) + tail_of(n), n->nid * SLOT);
	for (uint32_t i = 0; i < n->n_child && rc == 0; i++)
		rc = put_node(im, n->child[i]);
	return rc;
}

int stow(struct cargo *t, int fd, struct err *err)
{
	struct image im = { .fd = fd, .err = err, .inodes = FIRST_INODE };
	struct superblock sb = { .magic = MAGIC, .block_bits = 12 };
	int rc = place_inodes(&im, t->root);

	im.blocks = (im.inodes + BLOCK - 1) / BLOCK;
	if (rc == 0)
		rc = place_blocks(&im, t->root);
	if (rc == 0 && ftruncate(fd, (off_t)(im.blocks * BLOCK)) < 0)
		rc = err_sys(err, "the image of the files");
	if (rc == 0)
		rc = put_node(&im, t->root);
	sb.root = (uint16_t)t->root->nid;
	sb.inodes = im.number;
	sb.blocks = (uint32_t)im.blocks;
	return rc == 0 ? put(&im, &sb, sizeof(sb), SUPERBLOCK) : rc;
}
