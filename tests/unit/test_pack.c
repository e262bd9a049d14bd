/* test_pack.c - how layers are put on top of each other, and what the image is after that. */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runner/image.h"
#include "runner/pack/erofs.h"
#include "tests/unit/erofs_reader.h"

static struct tree tree;
static struct blocks blocks;
static struct err err;
static unsigned released;

static void differs(const char *what, const char *name)
{
	fail_msg("'%s' %s", name, what);
	abort();
}

static void count_released(void *arg, const struct inode *ino)
{
	released++;
	blocks_release(arg, ino);
}

static int begin(void **state)
{
	(void)state;
	memset(&err, 0, sizeof(err));
	released = 0;
	if (sodium_init() < 0 || tree_init(&tree) < 0)
		return -1;
	tree.release = count_released;
	tree.arg = &blocks;
	return blocks_init(&blocks, memfd_create("image", 0), memfd_create("scratch", 0), 1 << 30);
}

static int end(void **state)
{
	(void)state;
	close(blocks.fd);
	close(blocks.scratch);
	tree_fini(&tree);
	blocks_fini(&blocks);
	return 0;
}

/* --- entries -------------------------------------------------------------------------------- */

static struct inode *inode(uint32_t mode)
{
	struct inode *ino = tree_inode(&tree, mode);

	assert_non_null(ino);
	return ino;
}

static void put(const char *path, uint32_t mode)
{
	if (tree_put(&tree, path, inode(mode), &err) < 0)
		fail_msg("%s", err.msg);
}

static void dir(const char *path)
{
	put(path, S_IFDIR | 0755);
}

static void file(const char *path)
{
	put(path, S_IFREG | 0644);
}

static struct inode *file_of(const char *path, const void *data, size_t n)
{
	struct inode *ino = inode(S_IFREG | 0644);

	ino->size = n;
	assert_int_equal(blocks_begin(&blocks, &tree, ino, 0, &err), 0);
	assert_int_equal(blocks_data(&blocks, ino, 0, data, n, &err), 0);
	assert_int_equal(tree_put(&tree, path, ino, &err), 0);
	return ino;
}

static void link_to(const char *path, const char *to)
{
	struct inode *ino = inode(S_IFLNK | 0777);

	assert_int_equal(tree_set_link(&tree, ino, to), 0);
	assert_int_equal(tree_put(&tree, path, ino, &err), 0);
}

static void refused(const char *path, const char *says)
{
	struct inode *ino = inode(S_IFREG | 0644);

	assert_true(tree_put(&tree, path, ino, &err) < 0);
	if (!strstr(err.msg, says))
		fail_msg("'%s' does not say '%s'", err.msg, says);
	assert_null(strchr(err.msg, '\n'));
	tree_inode_free(ino);
}

/* Looks without making anything. */
static struct node *at(const char *path)
{
	struct node *n = tree.root, *c;
	char copy[4096], *rest = copy;

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *name; n && (name = strsep(&rest, "/"));) {
		for (c = n->children; c && strcmp(c->name, name); c = c->next)
			;
		n = c;
	}
	return n;
}

static void is_there(const char *path)
{
	if (!at(path))
		fail_msg("%s is not there", path);
}

static void is_gone(const char *path)
{
	if (at(path))
		fail_msg("%s is there", path);
}

/* Writes the image, and compares it with the tree. */
static void write_image(void)
{
	if (erofs_write(&tree, &blocks, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(compare_image(blocks.fd, &tree), tree.n_nodes + 1);
	assert_int_equal(image_check(blocks.fd, IMAGE_ROOT, "image", &err), 0);
}

/* --- names ---------------------------------------------------------------------------------- */

static void directories_on_the_way_are_made(void **state)
{
	(void)state;
	file("./usr//share/./doc/x");
	assert_int_equal(at("usr/share")->inode->mode, S_IFDIR | 0755);
	is_there("usr/share/doc/x");
	write_image();
}

static void an_absolute_name_is_below_the_root(void **state)
{
	(void)state;
	file("/etc/passwd");
	is_there("etc/passwd");
}

static void the_root_has_attributes(void **state)
{
	(void)state;
	put("./", S_IFDIR | 0700);
	assert_int_equal(tree.root->inode->mode, S_IFDIR | 0700);
	refused(".", "no directory");
}

static void dots_lead_nowhere(void **state)
{
	(void)state;
	refused("../x", "'..'");
	refused("a/../../x", "'..'");
	refused("a/..", "'..'");
}

static void a_link_is_followed_within_the_image(void **state)
{
	(void)state;
	dir("usr/lib");
	link_to("lib", "usr/lib");
	link_to("up", "../../../../etc");
	link_to("root", "/");
	file("lib/x");
	file("up/y");
	file("root/root/z");
	is_there("usr/lib/x");
	is_there("etc/y");
	is_there("z");
	write_image();
}

static void links_that_lead_in_circles_are_refused(void **state)
{
	(void)state;
	link_to("a", "b");
	link_to("b", "a");
	refused("a/x", "too many symbolic links");
}

static void names_that_are_too_long_are_refused(void **state)
{
	char name[5000];

	(void)state;
	memset(name, 'n', 256);
	name[256] = '\0';
	refused(name, "too long");
	strcat(name, "/x");
	refused(name, "too long");
	name[0] = '\0';
	for (int i = 0; i < TREE_MAX_DEPTH + 1; i++)
		strcat(name, "d/");
	strcat(name, "x");
	refused(name, "too deep");
}

static void what_is_no_directory_has_nothing_below_it(void **state)
{
	(void)state;
	file("a");
	refused("a/b\nc", "'a/b?c' lies below what is no directory");
}

/* --- hard links ------------------------------------------------------------------------------- */

static void a_hard_link_is_the_same_file(void **state)
{
	(void)state;
	file_of("a", "hello", 5);
	assert_int_equal(tree_hardlink(&tree, "b/c", "a", &err), 0);
	assert_ptr_equal(at("a")->inode, at("b/c")->inode);
	assert_int_equal(at("a")->inode->nlink, 2);
	file("a");
	assert_int_equal(at("b/c")->inode->nlink, 1);
	assert_int_equal(released, 0);
	write_image();
}

static void a_hard_link_to_itself_changes_nothing(void **state)
{
	(void)state;
	file_of("a", "hello", 5);
	assert_int_equal(tree_hardlink(&tree, "a", "./a", &err), 0);
	assert_int_equal(at("a")->inode->nlink, 1);
	assert_int_equal(at("a")->inode->size, 5);
}

static void a_hard_link_to_what_is_not_there_is_refused(void **state)
{
	(void)state;
	dir("d");
	assert_int_equal(tree_hardlink(&tree, "x", "d", &err), -ENOENT);
	assert_int_equal(tree_hardlink(&tree, "x", "nothing", &err), -ENOENT);
	assert_int_equal(tree_hardlink(&tree, "x", "../d", &err), -EPERM);
	is_gone("x");
}

/* A hard link that takes the place of the directory in which its target is. */
static void a_hard_link_survives_what_it_replaces(void **state)
{
	(void)state;
	file_of("d/f", "hello", 5);
	assert_int_equal(tree_hardlink(&tree, "d", "d/f", &err), 0);
	assert_int_equal(at("d")->inode->size, 5);
	assert_int_equal(at("d")->inode->nlink, 1);
	write_image();
}

/* --- layers ------------------------------------------------------------------------------------- */

static void a_directory_over_a_directory_keeps_what_is_in_it(void **state)
{
	(void)state;
	file("d/x");
	tree.layer++;
	put("d", S_IFDIR | 0700);
	is_there("d/x");
	assert_int_equal(at("d")->inode->mode & 07777, 0700);
	file("d");
	is_gone("d/x");
	dir("d");
	is_gone("d/x");
}

static void a_whiteout_hides_what_is_below_and_not_beside_it(void **state)
{
	(void)state;
	file("d/old");
	file("d/both");
	tree.layer++;
	file("d/both");
	assert_int_equal(tree_hide(&tree, "d/old", &err), 0);
	assert_int_equal(tree_hide(&tree, "d/both", &err), 0);
	assert_int_equal(tree_hide(&tree, "d/never", &err), 0);
	is_gone("d/old");
	is_there("d/both");
	is_gone("d/never");
}

/* Whether it comes before or after what its own layer has there. */
static void an_opaque_directory_hides_all_of_the_layers_below(void **state)
{
	(void)state;
	file("d/sub/old");
	put("d/sub", S_IFDIR | 0700);
	file("d/old");
	tree.layer++;
	file("d/sub/new");
	assert_int_equal(tree_hide_children(&tree, "d/", &err), 0);
	file("d/new");
	is_gone("d/old");
	is_gone("d/sub/old");
	is_there("d/sub/new");
	is_there("d/new");
	assert_int_equal(at("d/sub")->inode->mode & 07777, 0755);
	write_image();
}

static void a_replaced_file_gives_its_place_back(void **state)
{
	static char data[1 << 20];
	struct stat st;

	(void)state;
	memset(data, 'x', sizeof(data));
	file_of("a", data, sizeof(data));
	file_of("b", data, 5000);
	assert_int_equal(blocks_flush(&blocks, &err), 0);
	file("a");
	assert_int_equal(released, 1);
	assert_int_equal(fstat(blocks.fd, &st), 0);
	assert_true((uint64_t)st.st_blocks * 512 < 100000);
	write_image();
}

/* --- the image ---------------------------------------------------------------------------------- */

static void contents_are_where_inodes_say(void **state)
{
	static const size_t sizes[] = { 0, 1, 2048, 2049, 4095, 4096, 4097, 6144, 6145, 1 << 20,
					(1 << 20) + 1, 3000000 };
	static uint8_t data[3000000], got[BLOCK];
	struct reader r;
	char name[32];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		snprintf(name, sizeof(name), "f%zu", sizes[i]);
		file_of(name, data + i, sizes[i] - (sizes[i] == sizeof(data) ? i : 0));
	}
	write_image();
	r = (struct reader){ .fd = blocks.fd, .size = (uint64_t)lseek(blocks.fd, 0, SEEK_END) };
	assert_int_equal(pread(r.fd, got, 4, 1024 + 40), 4);
	r.inodes = (uint64_t)(got[0] | got[1] << 8 | got[2] << 16) * BLOCK;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct inode_bytes ino;
		const struct inode *want;

		snprintf(name, sizeof(name), "f%zu", sizes[i]);
		want = at(name)->inode;
		must_read(&r, &ino, sizeof(ino), r.inodes + want->nid * 32, name);
		for (uint64_t off = 0; off < want->size; off += BLOCK) {
			size_t n = want->size - off < BLOCK ? want->size - off : BLOCK;

			content(&r, want->nid, &ino, off, got, n, name);
			assert_memory_equal(got, data + i + off, n);
		}
	}
}

/* Two terabytes with a few bytes here and there. */
static void holes_stay_holes(void **state)
{
	struct inode *ino = inode(S_IFREG | 0644), *all = inode(S_IFREG | 0644);
	struct stat st;

	(void)state;
	ino->size = 2ull << 40;
	assert_int_equal(blocks_begin(&blocks, &tree, ino, 1, &err), 0);
	assert_int_equal(blocks_data(&blocks, ino, 5, "x", 1, &err), 0);
	assert_int_equal(blocks_data(&blocks, ino, (1ull << 40) - 1, "yz", 2, &err), 0);
	assert_int_equal(blocks_data(&blocks, ino, (2ull << 40) - 1, "w", 1, &err), 0);
	assert_true(blocks_data(&blocks, ino, (2ull << 40) - 1, "ww", 2, &err) < 0);
	assert_int_equal(tree_put(&tree, "big", ino, &err), 0);
	all->size = 1 << 20;
	assert_int_equal(blocks_begin(&blocks, &tree, all, 1, &err), 0);
	assert_int_equal(tree_put(&tree, "hole", all, &err), 0);
	write_image();
	assert_int_equal(fstat(blocks.fd, &st), 0);
	assert_true((uint64_t)st.st_blocks * 512 < 4 << 20);
}

static void too_much_content_is_refused(void **state)
{
	struct inode *ino = inode(S_IFREG | 0644);

	(void)state;
	ino->size = (1 << 30) + 1;
	assert_int_equal(blocks_begin(&blocks, &tree, ino, 0, &err), -EFBIG);
	assert_non_null(strstr(err.msg, "--max-size"));
	ino->size = UINT64_MAX;
	assert_int_equal(blocks_begin(&blocks, &tree, ino, 1, &err), -EFBIG);
	tree_inode_free(ino);
}

/* Directories of one block less a byte, of one, of many. */
static void directories_of_all_sizes_are_sorted(void **state)
{
	char name[300];

	(void)state;
	for (int n = 0; n < 60; n++)
		for (int i = 0; i < n * 7; i++) {
			snprintf(name, sizeof(name), "d%d/%c%.*s%d", n, '!' + i % 90, i % 250,
				 "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
				 "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
				 "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
				 "nnnnnnnnnnn", i);
			if (name[3] != '/' && name[2] != '/')
				file(name);
		}
	write_image();
}

static void links_of_all_lengths_are_beside_their_inodes(void **state)
{
	char name[16], to[4096];

	(void)state;
	for (int i = 1; i < 4096; i += i < 200 ? 1 : 97) {
		memset(to, 'l', sizeof(to));
		to[i] = '\0';
		snprintf(name, sizeof(name), "l%d", i);
		link_to(name, to);
	}
	write_image();
}

static void attributes_and_devices_are_kept(void **state)
{
	struct inode *ino = inode(S_IFREG | 04755), *dev = inode(S_IFCHR | 0666);
	struct inode_bytes got;
	uint8_t bytes[64];
	uint32_t meta;

	(void)state;
	assert_int_equal(tree_xattr(&tree, ino, "user.b", "2", 1), 0);
	assert_int_equal(tree_xattr(&tree, ino, "security.capability", "caps", 4), 0);
	assert_int_equal(tree_xattr(&tree, ino, "user.a", "", 0), 0);
	assert_int_equal(tree_xattr(&tree, ino, "user.b", "three", 5), 0);
	assert_int_equal(tree_xattr(&tree, ino, "trusted.overlay.opaque", "y", 1), 0);
	assert_int_equal(tree_xattr(&tree, ino, "user.", "y", 1), -E2BIG);
	assert_int_equal(tree_put(&tree, "x", ino, &err), 0);
	dev->rdev = (uint32_t)makedev(259, 300);
	assert_int_equal(tree_put(&tree, "dev", dev, &err), 0);
	write_image();
	assert_int_equal(pread(blocks.fd, &meta, 4, 1024 + 40), 4);
	assert_int_equal(pread(blocks.fd, bytes, 44, (off_t)(meta * 4096ull + ino->nid * 32 + 64)), 44);
	assert_memory_equal(bytes, "\0\0\0\0\0\0\0\0\0\0\0\0" "\1\1\0\0a\0\0\0" "\1\1\5\0bthree\0\0"
			    "\12\6\4\0capability", 42);
	assert_int_equal(pread(blocks.fd, &got, 64, (off_t)(meta * 4096ull + dev->nid * 32)), 64);
	assert_int_equal(got.where, (300 & 0xff) | 259 << 8 | (300 & ~0xff) << 12);
}

static void the_order_of_names_changes_nothing_but_contents(void **state)
{
	static char first[65536], second[65536];

	(void)state;
	file("b");
	dir("a");
	file("a/z");
	file("a/y");
	write_image();
	assert_true(pread(blocks.fd, first, sizeof(first), 0) > 4096);
	end(NULL);
	begin(NULL);
	dir("a");
	file("a/y");
	file("gone");
	file("a/z");
	file("b");
	tree.layer++;
	tree_hide(&tree, "gone", &err);
	write_image();
	assert_true(pread(blocks.fd, second, sizeof(second), 0) > 4096);
	assert_memory_equal(first, second, sizeof(first));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(directories_on_the_way_are_made),
		TEST(an_absolute_name_is_below_the_root),
		TEST(the_root_has_attributes),
		TEST(dots_lead_nowhere),
		TEST(a_link_is_followed_within_the_image),
		TEST(links_that_lead_in_circles_are_refused),
		TEST(names_that_are_too_long_are_refused),
		TEST(what_is_no_directory_has_nothing_below_it),
		TEST(a_hard_link_is_the_same_file),
		TEST(a_hard_link_to_itself_changes_nothing),
		TEST(a_hard_link_to_what_is_not_there_is_refused),
		TEST(a_hard_link_survives_what_it_replaces),
		TEST(a_directory_over_a_directory_keeps_what_is_in_it),
		TEST(a_whiteout_hides_what_is_below_and_not_beside_it),
		TEST(an_opaque_directory_hides_all_of_the_layers_below),
		TEST(a_replaced_file_gives_its_place_back),
		TEST(contents_are_where_inodes_say),
		TEST(holes_stay_holes),
		TEST(too_much_content_is_refused),
		TEST(directories_of_all_sizes_are_sorted),
		TEST(links_of_all_lengths_are_beside_their_inodes),
		TEST(attributes_and_devices_are_kept),
		TEST(the_order_of_names_changes_nothing_but_contents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
