/* erofs.c - inodes, directories and the superblock.
 *
 * The image is: a block with the superblock, contents, inodes, and what directories and links do
 * not have behind their inodes.  An inode's number is its place, so the tree is gone through
 * three times in one order: everything gets its place; inodes are written; then the rest. */
#include "runner/pack/erofs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define SUPERBLOCK 1024
#define MAGIC 0xe0f5e1e2u
#define COMPAT_MTIME 2u
#define INCOMPAT_CHUNKS 4u
#define SLOT 32u			/* a unit of inode numbers */
#define DIRENT 12u
#define MAX_ATTRIBUTES (UINT16_MAX * 4u)
#define EXTENDED 1u			/* inodes of 64 bytes: 32 bits of owner, times */

enum layout { PLAIN = 0, INLINE = 2, CHUNKS = 4 };

struct entry {
	const char *name;
	size_t len;
	const struct inode *ino;
};

struct maker {
	struct tree *t;
	struct blocks *b;
	struct err *err;
	uint64_t end;			/* of what has a place, from the first inode's block on */
	uint32_t inodes;		/* that block */
	uint32_t n_inodes;
	bool chunks;
	struct entry *entries;		/* of one directory */
	size_t room;
};

/* --- little-endian ---------------------------------------------------------------------------- */

static void le16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static void le32(uint8_t *p, uint32_t v)
{
	le16(p, v & 0xffff);
	le16(p + 2, v >> 16);
}

static void le64(uint8_t *p, uint64_t v)
{
	le32(p, (uint32_t)v);
	le32(p + 4, (uint32_t)(v >> 32));
}

static uint64_t round_up(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

/* --- directories ------------------------------------------------------------------------------ */

static int by_name(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int rc = memcmp(x->name, y->name, x->len < y->len ? x->len : y->len);

	return rc ? rc : x->len < y->len ? -1 : x->len > y->len;
}

/* All entries of a directory in m->entries, as the guest's kernel searches them. */
static int list(struct maker *m, const struct node *dir, size_t *n)
{
	*n = 2;
	for (const struct node *c = dir->children; c; c = c->next)
		++*n;
	if (*n > m->room) {
		free(m->entries);
		m->room = *n * 2;
		m->entries = calloc(m->room, sizeof(struct entry));
	}
	if (!m->entries)
		return err_set(m->err, ENOMEM, "has a directory with too many files");
	*n = 0;
	m->entries[(*n)++] = (struct entry){ ".", 1, dir->inode };
	m->entries[(*n)++] = (struct entry){ "..", 2, dir->parent->inode };
	for (const struct node *c = dir->children; c; c = c->next)
		m->entries[(*n)++] = (struct entry){ c->name, c->len, c->inode };
	qsort(m->entries, *n, sizeof(struct entry), by_name);
	return 0;
}

/* How many of n entries go into one block, and their bytes. */
static size_t fit(const struct entry *e, size_t n, size_t *bytes)
{
	size_t i;

	*bytes = 0;
	for (i = 0; i < n && *bytes + DIRENT + e[i].len <= BLOCK; i++)
		*bytes += DIRENT + e[i].len;
	return i;
}

static uint64_t dir_bytes(const struct entry *e, size_t n)
{
	uint64_t sum = 0;
	size_t bytes = 0;

	while (n > 0) {
		size_t some = fit(e, n, &bytes);

		e += some;
		n -= some;
		sum += n ? BLOCK : bytes;
	}
	return sum;
}

static uint8_t kind(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:	return 1;
	case S_IFDIR:	return 2;
	case S_IFCHR:	return 3;
	case S_IFBLK:	return 4;
	case S_IFIFO:	return 5;
	case S_IFSOCK:	return 6;
	default:	return 7;
	}
}

static void fill(uint8_t block[BLOCK], const struct entry *e, size_t n)
{
	size_t at = n * DIRENT;

	memset(block, 0, BLOCK);
	for (size_t i = 0; i < n; i++) {
		uint8_t *d = block + i * DIRENT;

		le64(d, e[i].ino->nid);
		le16(d + 8, (uint32_t)at);
		d[10] = kind(e[i].ino->mode);
		memcpy(block + at, e[i].name, e[i].len);
		at += e[i].len;
	}
}

/* --- where everything goes ---------------------------------------------------------------------- */

static uint64_t table_bytes(const struct inode *ino)
{
	return ((ino->size + (1ull << ino->chunk_bits) - 1) >> ino->chunk_bits) * sizeof(uint32_t);
}

static size_t head_bytes(const struct inode *ino)
{
	return EROFS_INODE + blocks_attributes(ino);
}

/* Of a directory or a link: is what it says behind its inode? */
static bool is_inline(const struct inode *ino)
{
	return !S_ISREG(ino->mode) && ino->size && ino->size < BLOCK &&
	       head_bytes(ino) + ino->size <= BLOCK;
}

static bool has_body(const struct inode *ino)
{
	return (S_ISDIR(ino->mode) || S_ISLNK(ino->mode)) && ino->size && !is_inline(ino);
}

/* What must not cross a block's border. */
static size_t inline_bytes(const struct inode *ino)
{
	return is_inline(ino) ? ino->size : blocks_tail(ino);
}

/* An inode lies in one block; so does what is beside it, and a link's text even in the inode's: the
 * kernel reads it along. */
static bool fits(const struct inode *ino, uint64_t at)
{
	size_t head = head_bytes(ino), beside = inline_bytes(ino);
	uint64_t last = at + head + beside - 1;

	if (at / BLOCK != (at + EROFS_INODE - 1) / BLOCK)
		return false;
	return !beside || (S_ISLNK(ino->mode) ? at : at + head) / BLOCK == last / BLOCK;
}

static int place(struct maker *m, struct inode *ino)
{
	size_t head = head_bytes(ino), beside = inline_bytes(ino);
	uint64_t at = round_up(m->end, SLOT);

	if (head - EROFS_INODE > MAX_ATTRIBUTES)
		return err_set(m->err, E2BIG, "has a file with too many attributes");
	if (!fits(ino, at))
		at = round_up(at, BLOCK);
	ino->nid = at / SLOT;
	ino->number = ++m->n_inodes;
	m->end = at + head + beside;
	if (ino->chunks) {
		m->end += table_bytes(ino);
		m->chunks = true;
	}
	return 0;
}

/* A directory's size and links are known when its place is looked for. */
static int measure(struct maker *m, const struct node *dir)
{
	size_t n;
	int rc = list(m, dir, &n);

	if (rc < 0)
		return rc;
	dir->inode->size = dir_bytes(m->entries, n);
	dir->inode->dirs = 0;
	for (size_t i = 0; i < n; i++)
		dir->inode->dirs += S_ISDIR(m->entries[i].ino->mode);
	return 0;
}

/* Its parent's entry is not among a directory's own: "." and ".." stand for both names. */
static int place_node(struct maker *m, const struct node *n)
{
	int rc = S_ISDIR(n->inode->mode) ? measure(m, n) : 0;

	return rc < 0 || n->inode->nid ? rc : place(m, n->inode);
}

/* --- inodes ------------------------------------------------------------------------------------- */

static uint64_t inode_at(const struct maker *m, const struct inode *ino)
{
	return (uint64_t)m->inodes * BLOCK + ino->nid * SLOT;
}

static uint32_t device(uint32_t rdev)
{
	return (minor(rdev) & 0xff) | major(rdev) << 8 | (minor(rdev) & ~0xffu) << 12;
}

static enum layout layout_of(const struct inode *ino)
{
	return ino->chunks ? CHUNKS : inline_bytes(ino) ? INLINE : PLAIN;
}

/* The word that means something else in each layout. */
static uint32_t where(const struct inode *ino)
{
	if (S_ISCHR(ino->mode) || S_ISBLK(ino->mode))
		return device(ino->rdev);
	return ino->chunks ? ino->chunk_bits - BLOCK_BITS : ino->block;
}

static int put_inode(struct maker *m, const struct inode *ino)
{
	uint8_t d[EROFS_INODE] = { 0 };
	size_t attributes = blocks_attributes(ino);

	le16(d, EXTENDED | (uint32_t)layout_of(ino) << 1);
	le16(d + 2, attributes ? (uint32_t)(attributes - EROFS_XATTR_HEAD) / 4 + 1 : 0);
	le16(d + 4, ino->mode);
	le64(d + 8, ino->size);
	le32(d + 16, where(ino));
	le32(d + 20, ino->number);
	le32(d + 24, ino->uid);
	le32(d + 28, ino->gid);
	le64(d + 32, (uint64_t)ino->mtime);
	le32(d + 40, ino->mtime_ns);
	le32(d + 44, S_ISDIR(ino->mode) ? ino->dirs : ino->nlink);
	return blocks_put(m->b, inode_at(m, ino), d, sizeof(d), m->err);
}

static int put_attributes(struct maker *m, const struct inode *ino)
{
	uint64_t at = inode_at(m, ino) + EROFS_INODE;
	const uint8_t none[EROFS_XATTR_HEAD] = { 0 };
	int rc = ino->xattrs ? blocks_put(m->b, at, none, sizeof(none), m->err) : 0;

	at += sizeof(none);
	for (const struct xattr *x = ino->xattrs; rc == 0 && x; x = x->next) {
		uint8_t head[4] = { x->name_len, x->prefix };
		size_t n = (size_t)x->name_len + x->value_len;

		le16(head + 2, x->value_len);
		rc = blocks_put(m->b, at, head, sizeof(head), m->err);
		if (rc == 0)
			rc = blocks_put(m->b, at + sizeof(head), x->bytes, n, m->err);
		at += round_up(sizeof(head) + n, 4);
	}
	return rc;
}

static int put_table(struct maker *m, const struct inode *ino, uint64_t at)
{
	uint64_t n = table_bytes(ino) / sizeof(uint32_t);
	int rc = 0;

	for (uint64_t i = 0; rc == 0 && i < n; i++) {
		uint8_t word[4];

		le32(word, ino->chunks[i]);
		rc = blocks_put(m->b, at + i * sizeof(word), word, sizeof(word), m->err);
	}
	return rc;
}

/* What lies behind an inode and its attributes. */
static int put_beside(struct maker *m, const struct node *n)
{
	const struct inode *ino = n->inode;
	uint64_t at = inode_at(m, ino) + head_bytes(ino);
	uint8_t block[BLOCK];
	size_t entries;
	int rc = 0;

	if (ino->chunks)
		return put_table(m, ino, at);
	if (!inline_bytes(ino))
		return 0;
	if (S_ISLNK(ino->mode))
		return blocks_put(m->b, at, ino->link, ino->size, m->err);
	if (S_ISREG(ino->mode)) {
		rc = blocks_read_tail(m->b, ino, block, m->err);
	} else {
		rc = list(m, n, &entries);
		if (rc == 0)
			fill(block, m->entries, entries);
	}
	return rc < 0 ? rc : blocks_put(m->b, at, block, inline_bytes(ino), m->err);
}

static int write_node(struct maker *m, const struct node *n)
{
	int rc;

	if (n->inode->written)
		return 0;
	n->inode->written = true;
	rc = put_inode(m, n->inode);
	if (rc == 0)
		rc = put_attributes(m, n->inode);
	return rc < 0 ? rc : put_beside(m, n);
}

/* --- bodies of directories and links --------------------------------------------------------------- */

/* Bodies follow the inodes, in the order of the tree. */
static int place_body(struct maker *m, const struct node *n)
{
	uint64_t blocks = round_up(n->inode->size, BLOCK) / BLOCK;

	if (!has_body(n->inode) || n->inode->block)
		return 0;
	if (blocks >= NO_BLOCK - m->b->next)
		return err_set(m->err, EFBIG, "has more content than an image can have");
	n->inode->block = m->b->next;
	m->b->next += (uint32_t)blocks;
	return 0;
}

static int put_dir(struct maker *m, const struct node *dir)
{
	uint64_t at = (uint64_t)dir->inode->block * BLOCK;
	uint8_t block[BLOCK];
	size_t n, bytes, some;
	int rc = list(m, dir, &n);

	for (const struct entry *e = m->entries; rc == 0 && n > 0; e += some, n -= some) {
		some = fit(e, n, &bytes);
		fill(block, e, some);
		rc = blocks_put(m->b, at, block, BLOCK, m->err);
		at += BLOCK;
	}
	return rc;
}

static int write_body(struct maker *m, const struct node *n)
{
	const struct inode *ino = n->inode;

	if (!has_body(ino))
		return 0;
	if (S_ISDIR(ino->mode))
		return put_dir(m, n);
	return blocks_put(m->b, (uint64_t)ino->block * BLOCK, ino->link, ino->size, m->err);
}

/* --- all of it ------------------------------------------------------------------------------------ */

typedef int visit(struct maker *m, const struct node *n);

/* The children of a directory lie beside each other, what is below them behind that. */
static int each_below(struct maker *m, const struct node *dir, visit *f)
{
	int rc = 0;

	for (const struct node *c = dir->children; rc == 0 && c; c = c->next)
		rc = f(m, c);
	for (const struct node *c = dir->children; rc == 0 && c; c = c->next)
		if (c->children)
			rc = each_below(m, c, f);
	return rc;
}

static int each(struct maker *m, visit *f)
{
	int rc = f(m, m->t->root);

	return rc < 0 ? rc : each_below(m, m->t->root, f);
}

static int by_node_name(const void *a, const void *b)
{
	const struct node *x = *(struct node *const *)a, *y = *(struct node *const *)b;

	return strcmp(x->name, y->name);
}

/* From here on children are in the order of their names, however they came. */
static int sort(struct maker *m, const struct node *n)
{
	struct node *dir = (struct node *)(uintptr_t)n, **all, **link = &dir->children;
	size_t count = 0, i = 0;

	for (struct node *c = dir->children; c; c = c->next)
		count++;
	if (count < 2)
		return 0;
	all = calloc(count, sizeof(*all));
	if (!all)
		return err_set(m->err, ENOMEM, "has a directory with too many files");
	for (struct node *c = dir->children; c; c = c->next)
		all[i++] = c;
	qsort(all, count, sizeof(*all), by_node_name);
	for (i = 0; i < count; link = &all[i++]->next) {
		*link = all[i];
		all[i]->link = link;
	}
	*link = NULL;
	free(all);
	return 0;
}

static int write_superblock(struct maker *m)
{
	uint8_t sb[128] = { 0 };

	le32(sb, MAGIC);
	le32(sb + 8, COMPAT_MTIME);
	sb[12] = BLOCK_BITS;
	le16(sb + 14, (uint32_t)m->t->root->inode->nid);
	le64(sb + 16, m->n_inodes);
	le32(sb + 36, m->b->next);
	le32(sb + 40, m->inodes);
	le32(sb + 80, m->chunks ? INCOMPAT_CHUNKS : 0);
	return blocks_put(m->b, SUPERBLOCK, sb, sizeof(sb), m->err);
}

int erofs_write(struct tree *t, struct blocks *b, struct err *err)
{
	struct maker m = { .t = t, .b = b, .err = err, .end = 2 * SLOT, .inodes = b->next };
	int rc = blocks_flush(b, err);

	if (rc == 0)
		rc = each(&m, sort);
	if (rc == 0)
		rc = each(&m, place_node);
	if (rc == 0 && round_up(m.end, BLOCK) / BLOCK >= NO_BLOCK - b->next)
		rc = err_set(err, EFBIG, "has more files than an image can have");
	if (rc < 0)
		return rc;
	b->next += (uint32_t)(round_up(m.end, BLOCK) / BLOCK);
	rc = each(&m, place_body);
	if (rc == 0)
		rc = each(&m, write_node);
	if (rc == 0)
		rc = each(&m, write_body);
	if (rc == 0)
		rc = write_superblock(&m);
	if (rc == 0)
		rc = blocks_flush(b, err);
	if (rc == 0 && ftruncate(b->fd, (off_t)b->next * BLOCK) < 0)
		rc = err_sys(err, "the image cannot be written");
	free(m.entries);
	return rc;
}
