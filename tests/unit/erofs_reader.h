/* erofs_reader.h - reads an image that erofs.c has written, as a kernel would, and compares it with
 * the tree it was made of: every name, found by halving as in a sorted directory, every inode.
 * differs() is called with what is not the same. */
#ifndef TESTS_UNIT_EROFS_READER_H
#define TESTS_UNIT_EROFS_READER_H

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "runner/pack/blocks.h"
#include "runner/pack/tree.h"

static void differs(const char *what, const char *name);

struct reader {
	int fd;
	uint64_t size, inodes;		/* bytes; where inode 0 would be */
	unsigned n;			/* nodes that were compared */
};

struct inode_bytes {
	uint16_t format, xattrs, mode, unused;
	uint64_t size;
	uint32_t where, number, uid, gid;
	uint64_t mtime;
	uint32_t mtime_ns, nlink;
	uint8_t rest[16];
};

static void must_read(const struct reader *r, void *out, size_t n, uint64_t at, const char *name)
{
	if (at > r->size || n > r->size - at || pread(r->fd, out, n, (off_t)at) != (ssize_t)n)
		differs("lies outside of the image", name);
}

static uint64_t behind(const struct reader *r, uint64_t nid, const struct inode_bytes *i)
{
	return r->inodes + nid * 32 + 64 + (i->xattrs ? 12 + (i->xattrs - 1u) * 4 : 0);
}

/* n bytes of content from `at` on, within a block. */
static void content(const struct reader *r, uint64_t nid, const struct inode_bytes *i, uint64_t at,
		    void *out, size_t n, const char *name)
{
	unsigned layout = i->format >> 1;
	uint64_t whole = layout == 2 ? i->size & ~(uint64_t)(BLOCK - 1) : i->size;
	unsigned bits = BLOCK_BITS + (i->where & 31);
	uint32_t block;

	if (layout == 4) {
		must_read(r, &block, 4, behind(r, nid, i) + (at >> bits) * 4, name);
		if (block == NO_BLOCK)
			memset(out, 0, n);
		else
			must_read(r, out, n, (uint64_t)block * BLOCK + (at & ((1ull << bits) - 1)), name);
	} else if (at < whole) {
		must_read(r, out, n, (uint64_t)i->where * BLOCK + at, name);
	} else {
		uint64_t tail = behind(r, nid, i) + at - whole;

		if (tail / BLOCK != (tail + n - 1) / BLOCK)
			differs("has an end that crosses a block", name);
		must_read(r, out, n, tail, name);
	}
}

/* The inode number of a name, or 0; the blocks are sorted, and the names in them. */
static uint64_t look_up(const struct reader *r, uint64_t dir, const char *name)
{
	struct inode_bytes i;
	uint8_t b[BLOCK];
	char last[TREE_MAX_NAME + 1] = "";
	uint64_t found = 0;

	must_read(r, &i, sizeof(i), r->inodes + dir * 32, name);
	for (uint64_t at = 0; at < i.size; at += BLOCK) {
		size_t n = i.size - at < BLOCK ? i.size - at : BLOCK;
		unsigned count;

		content(r, dir, &i, at, b, n, name);
		count = (b[8] | (unsigned)b[9] << 8) / 12;
		for (unsigned k = 0; k < count; k++) {
			const uint8_t *d = b + k * 12;
			unsigned begin = d[8] | (unsigned)d[9] << 8;
			unsigned end = k + 1 < count ? d[20] | (unsigned)d[21] << 8 : (unsigned)n;
			char this[TREE_MAX_NAME + 1] = "";

			if (begin >= end || end > n)
				differs("is in a directory with broken names", name);
			memcpy(this, b + begin, strnlen((char *)b + begin, end - begin));
			if (strcmp(last, this) >= 0)
				differs("is in a directory that is not sorted", name);
			strcpy(last, this);
			if (!strcmp(this, name))
				memcpy(&found, d, 8);
		}
	}
	return found;
}

static void compare_inode(struct reader *r, uint64_t nid, const struct inode *ino, const char *name)
{
	struct inode_bytes i;
	char link[BLOCK] = "";

	must_read(r, &i, sizeof(i), r->inodes + nid * 32, name);
	if (nid != ino->nid || !nid)
		differs("has another number", name);
	if (i.mode != ino->mode || i.uid != ino->uid || i.gid != ino->gid)
		differs("has another mode or owner", name);
	if (i.size != ino->size || i.mtime != (uint64_t)ino->mtime)
		differs("has another size or time", name);
	if (i.nlink != (S_ISDIR(i.mode) ? ino->dirs : ino->nlink))
		differs("has another number of links", name);
	if (nid * 32 / BLOCK != (nid * 32 + 63) / BLOCK)
		differs("has an inode in two blocks", name);
	if (S_ISLNK(i.mode)) {
		if (i.format >> 1 == 2 && nid * 32 / BLOCK != (nid * 32 + 63 + i.size) / BLOCK)
			differs("is a link that is not in its inode's block", name);
		content(r, nid, &i, 0, link, i.size, name);
		if (memcmp(link, ino->link, i.size))
			differs("is a link to something else", name);
	}
}

static void compare_node(struct reader *r, uint64_t nid, const struct node *n)
{
	r->n++;
	compare_inode(r, nid, n->inode, n->name);
	if (!S_ISDIR(n->inode->mode))
		return;
	if (look_up(r, nid, ".") != nid || look_up(r, nid, "..") != n->parent->inode->nid)
		differs("has a wrong . or ..", n->name);
	for (const struct node *c = n->children; c; c = c->next)
		compare_node(r, look_up(r, nid, c->name), c);
}

/* The whole image; how many names it has, the root's included. */
static unsigned compare_image(int fd, const struct tree *t)
{
	struct reader r = { .fd = fd, .size = (uint64_t)lseek(fd, 0, SEEK_END) };
	uint8_t sb[128];
	uint32_t meta;

	must_read(&r, sb, sizeof(sb), 1024, "superblock");
	memcpy(&meta, sb + 40, 4);
	r.inodes = (uint64_t)meta * BLOCK;
	compare_node(&r, sb[14] | (unsigned)sb[15] << 8, t->root);
	return r.n;
}

#endif
