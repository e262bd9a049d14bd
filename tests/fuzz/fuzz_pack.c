/* fuzz_pack.c - whatever an archive says: it is refused with one line, or an image comes of it that
 * has every name of the tree, once, where a kernel looks for it.
 *
 * The first byte says what the rest is: a tar, as it stands; the JSON of an image in layers, which
 * has one layer; or a script of entries, for trees that no mutation of a tar would get to. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runner/image.h"
#include "runner/pack/erofs.h"
#include "runner/pack/oci.h"
#include "runner/pack/tar.h"
#include "tests/unit/erofs_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT (64u << 20)

static struct pack pack;
static struct pack_msg config;
static struct err err;

static void differs(const char *what, const char *name)
{
	fprintf(stderr, "'%s' %s\n", name, what);
	abort();
}

#define expect(cond) expect_at(cond, __LINE__)

static void expect_at(int cond, int line)
{
	if (cond)
		return;
	fprintf(stderr, "line %d: %s\n", line, err.msg);
	abort();
}

static void release(void *arg, const struct inode *ino)
{
	blocks_release(arg, ino);
}

/* --- a script -------------------------------------------------------------------------------- */

struct script {
	const uint8_t *data;
	size_t n;
};

static unsigned next(struct script *s)
{
	if (s->n == 0)
		return 0;
	s->n--;
	return *s->data++;
}

/* Of few names, so that they meet. */
static const char *path(struct script *s, char out[64])
{
	static const char *const names[] = { "a", "b", "a/b", "b/a", "c", "c/d", "a/c", "..", ".", "",
					     "l", "l/x", "/", "a/../b", "d/e/f/g", "l/l" };
	unsigned v = next(s);

	snprintf(out, 64, "%s%s%s", names[v & 15], v & 64 ? "/" : "", v & 64 ? names[v >> 4 & 3] : "");
	return out;
}

static int add_file(struct script *s)
{
	static const uint8_t bytes[20000] = { 1, 2, 3 };
	static const uint32_t modes[] = { S_IFREG | 0644, S_IFDIR | 0755, S_IFLNK | 0777, S_IFIFO | 0600 };
	struct inode *ino = tree_inode(&pack.tree, modes[next(s) & 3]);
	unsigned how = next(s);
	char name[64], link[64];
	int rc = 0;

	ino->uid = how;
	if (S_ISLNK(ino->mode))
		expect(tree_set_link(&pack.tree, ino, how ? path(s, link) : "/a") == 0);
	if (how & 4)
		rc = tree_xattr(&pack.tree, ino, how & 8 ? "user.x" : "security.yyyyyyy", bytes, how * 20);
	if (rc == 0 && S_ISREG(ino->mode)) {
		ino->size = how * 78 + next(s);
		rc = blocks_begin(&pack.blocks, &pack.tree, ino, how & 1, &err);
		if (rc == 0)
			rc = blocks_data(&pack.blocks, ino, ino->size / 3, bytes, ino->size / 3, &err);
	}
	if (rc == 0)
		rc = tree_put(&pack.tree, path(s, name), ino, &err);
	if (rc < 0 && !ino->nlink)
		tree_inode_free(ino);
	return 0;
}

/* What is refused changes nothing; the next one comes. */
static int run_script(struct script *s)
{
	char one[64], other[64];

	while (s->n > 0) {
		switch (next(s) % 6) {
		case 0:
			tree_hardlink(&pack.tree, path(s, one), path(s, other), &err);
			break;
		case 1:
			tree_hide(&pack.tree, path(s, one), &err);
			break;
		case 2:
			tree_hide_children(&pack.tree, path(s, one), &err);
			break;
		case 3:
			pack.tree.layer++;
			break;
		default:
			add_file(s);
		}
	}
	err.code = 0;
	return 0;
}

/* --- archives ---------------------------------------------------------------------------------- */

static int run_tar(const uint8_t *data, size_t n)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("tar", 0);
	expect(ftruncate(fd, 0) == 0 && pwrite(fd, data, n, 0) == (ssize_t)n);
	return tar_apply(&pack, fd, (off_t)n, &config, &err);
}

static void add(struct blobs *b, const char *name, const void *data, size_t n)
{
	struct blob *blob;

	expect(blobs_add(b, name, NULL, &blob, &err) == 0 && blobs_write(b, data, n, &err) == 0);
}

/* manifest.json or index.json, a zero byte, then the file "c". */
static int run_json(const uint8_t *data, size_t n)
{
	static struct blobs b;
	static const char layer[1024];
	const uint8_t *end = memchr(data, '\0', n);
	size_t first = end ? (size_t)(end - data) : n;

	b = (struct blobs){ .in_tar = true, .fd = pack.blocks.scratch, .limit = LIMIT };
	add(&b, n & 1 ? "manifest.json" : "index.json", data, first);
	add(&b, "c", data + first + !!end, n - first - !!end);
	add(&b, "l", layer, sizeof(layer));
	blocks_skip(&pack.blocks, (uint64_t)b.end);
	return oci_apply(&pack, &b, &config, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script s = { data + 1, size - 1 };
	int rc;

	if (size < 2 || sodium_init() < 0)
		return 0;
	err = (struct err){ 0 };
	expect(tree_init(&pack.tree) == 0);
	pack.tree.release = release;
	pack.tree.arg = &pack.blocks;
	expect(blocks_init(&pack.blocks, memfd_create("image", 0), memfd_create("scratch", 0), LIMIT) == 0);
	rc = data[0] % 3 == 0 ? run_tar(data + 1, size - 1) :
	     data[0] % 3 == 1 ? run_json(data + 1, size - 1) : run_script(&s);
	if (rc == 0) {
		expect(erofs_write(&pack.tree, &pack.blocks, &err) == 0);
		expect(compare_image(pack.blocks.fd, &pack.tree) == pack.tree.n_nodes + 1);
		expect(image_check(pack.blocks.fd, IMAGE_ROOT, "image", &err) == 0);
	} else {
		expect(err.code > 0 && err.msg[0] && !strchr(err.msg, '\n'));
	}
	close(pack.blocks.fd);
	close(pack.blocks.scratch);
	tree_fini(&pack.tree);
	blocks_fini(&pack.blocks);
	return 0;
}
