/* test_launch.c - is a file what it is given as, is it free, and where are our own. */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/image.h"
#include "runner/paths.h"

#define SUPERBLOCK 1024

static char path[] = "/tmp/test_launch.XXXXXX";
static struct err err;
static int out;

static int make_file(void **state)
{
	int fd;

	(void)state;
	strcpy(strrchr(path, '.'), ".XXXXXX");
	fd = mkstemp(path);
	out = -1;
	close(fd);
	return fd < 0;
}

static int remove_file(void **state)
{
	(void)state;
	if (out >= 0)
		close(out);
	return unlink(path);
}

static void put(off_t at, const void *bytes, size_t n)
{
	int fd = open(path, O_WRONLY);

	assert_int_equal(pwrite(fd, bytes, n, at), (ssize_t)n);
	close(fd);
}

static void put32(off_t at, uint32_t v)
{
	put(at, &v, sizeof(v));
}

static void size(off_t n)
{
	assert_int_equal(truncate(path, n), 0);
}

static void ext4(uint32_t blocks)
{
	put32(SUPERBLOCK + 0x04, blocks);
	put32(SUPERBLOCK + 0x18, 2);			/* 4 KiB blocks */
	put(SUPERBLOCK + 0x38, "\x53\xef", 2);
}

static void refused(enum image_use use, const char *says)
{
	assert_true(image_open(path, use, &out, &err) < 0);
	assert_non_null(strstr(err.msg, path));
	if (!strstr(err.msg, says))
		fail_msg("'%s' does not say '%s'", err.msg, says);
}

static void accepted(enum image_use use)
{
	if (image_open(path, use, &out, &err) < 0)
		fail_msg("%s", err.msg);
}

/* --- what a file is --------------------------------------------------------------------- */

static void a_root_is_ext4_or_erofs(void **state)
{
	(void)state;
	refused(IMAGE_ROOT, "empty");
	size(512);
	refused(IMAGE_ROOT, "neither an ext4, erofs or squashfs image");
	size(8192);
	refused(IMAGE_ROOT, "neither an ext4, erofs or squashfs image");
	ext4(2);
	accepted(IMAGE_ROOT);
}

static void an_erofs_is_known_by_its_magic(void **state)
{
	(void)state;
	size(8192);
	put32(SUPERBLOCK, 0xe0f5e1e2);
	put(SUPERBLOCK + 0x0c, "\x0c", 1);
	put32(SUPERBLOCK + 0x24, 2);
	accepted(IMAGE_ROOT);
	size(4096);
	close(out);
	refused(IMAGE_ROOT, "truncated");
}

static void a_truncated_root_is_refused(void **state)
{
	(void)state;
	size(8192);
	ext4(3);
	refused(IMAGE_ROOT, "truncated");
}

static void large_block_numbers_do_not_wrap(void **state)
{
	(void)state;
	size(8192);
	ext4(1);
	put32(SUPERBLOCK + 0x60, 0x80);			/* the high half counts */
	put32(SUPERBLOCK + 0x150, 0x00100000);		/* 2^52 blocks of 2^12: 2^64 */
	refused(IMAGE_ROOT, "truncated");
	put32(SUPERBLOCK + 0x150, 0);
	put32(SUPERBLOCK + 0x18, 0xffffffff);		/* no such block size */
	refused(IMAGE_ROOT, "truncated");
}

static void a_kernel_is_elf_or_bzimage(void **state)
{
	(void)state;
	put(0, "text", 4);
	refused(IMAGE_KERNEL, "neither an ELF vmlinux nor a bzImage");
	size(4096);
	refused(IMAGE_KERNEL, "neither an ELF vmlinux nor a bzImage");
	put(0x202, "HdrS", 4);
	accepted(IMAGE_KERNEL);
	close(out);
	put(0x202, "xxxx", 4);
	put(0, "\177ELF", 4);
	accepted(IMAGE_KERNEL);
}

static void a_disk_is_whole_sectors(void **state)
{
	(void)state;
	size(1000);
	refused(IMAGE_DISK, "512");
	size(1024);
	accepted(IMAGE_DISK);
}

static void directories_devices_and_fifos_are_no_images(void **state)
{
	char fifo[64];

	(void)state;
	assert_true(image_open("/tmp", IMAGE_KERNEL, &out, &err) < 0);
	assert_non_null(strstr(err.msg, "directory"));
	assert_true(image_open("/dev/null", IMAGE_DISK, &out, &err) < 0);
	assert_non_null(strstr(err.msg, "/dev/null"));
	assert_true(image_open("/no/such", IMAGE_ROOT, &out, &err) < 0);
	assert_non_null(strstr(err.msg, "/no/such"));
	snprintf(fifo, sizeof(fifo), "%s.fifo", path);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_true(image_open(fifo, IMAGE_DISK, &out, &err) < 0);	/* and does not wait */
	unlink(fifo);
}

/* --- who uses it ----------------------------------------------------------------------- */

static void one_writer_or_many_readers(void **state)
{
	int second = -1, third = -1;

	(void)state;
	size(1024);
	assert_int_equal(image_open_disk(path, true, IMAGE_DISK, &out, &err), 0);
	assert_int_equal(image_open_disk(path, true, IMAGE_DISK, &second, &err), 0);
	assert_int_equal(image_open_disk(path, false, IMAGE_DISK, &third, &err), -EBUSY);
	assert_non_null(strstr(err.msg, path));
	close(out);
	close(second);
	assert_int_equal(image_open_disk(path, false, IMAGE_DISK, &out, &err), 0);
	assert_int_equal(image_open_disk(path, true, IMAGE_DISK, &second, &err), -EBUSY);
	assert_non_null(strstr(err.msg, "writer"));
	assert_int_equal(image_open_disk(path, false, IMAGE_DISK, &second, &err), -EBUSY);
}

static void a_read_only_disk_cannot_be_written(void **state)
{
	(void)state;
	size(1024);
	assert_int_equal(image_open_disk(path, true, IMAGE_DISK, &out, &err), 0);
	assert_int_equal(write(out, "x", 1), -1);
	assert_int_equal(errno, EBADF);
}

/* The lock is the open file's: it outlives our copy of the descriptor. */
static void the_lock_goes_with_the_descriptor(void **state)
{
	int handed_down, second = -1;

	(void)state;
	size(1024);
	assert_int_equal(image_open_disk(path, false, IMAGE_DISK, &out, &err), 0);
	handed_down = dup(out);
	close(out);
	out = -1;
	assert_int_equal(image_open_disk(path, true, IMAGE_DISK, &second, &err), -EBUSY);
	close(handed_down);
	assert_int_equal(image_open_disk(path, true, IMAGE_DISK, &out, &err), 0);
}

/* --- where our own are ----------------------------------------------------------------- */

static void programs_are_beside_us_or_installed(void **state)
{
	static struct paths p;
	char dir[] = "/tmp/test_paths.XXXXXX", jailer[64];
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	paths_from(&p, dir, 2);
	assert_non_null(strstr(p.jailer, "/../libexec/sandbox/sandbox-jailer"));
	assert_non_null(strstr(p.kernel, "/../share/sandbox/vmlinux"));
	snprintf(jailer, sizeof(jailer), "%s/sandbox-jailer", dir);
	fd = open(jailer, O_CREAT | O_WRONLY, 0700);
	close(fd);
	paths_from(&p, dir, 2);
	assert_string_equal(p.jailer, jailer);
	assert_non_null(strstr(p.kernel, "/../"));	/* a variant: the images are next door */
	assert_non_null(strstr(p.agent, dir));
	unlink(jailer);
	rmdir(dir);
}

#define WITH_FILE(name) cmocka_unit_test_setup_teardown(name, make_file, remove_file)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FILE(a_root_is_ext4_or_erofs),
		WITH_FILE(an_erofs_is_known_by_its_magic),
		WITH_FILE(a_truncated_root_is_refused),
		WITH_FILE(large_block_numbers_do_not_wrap),
		WITH_FILE(a_kernel_is_elf_or_bzimage),
		WITH_FILE(a_disk_is_whole_sectors),
		WITH_FILE(directories_devices_and_fifos_are_no_images),
		WITH_FILE(one_writer_or_many_readers),
		WITH_FILE(a_read_only_disk_cannot_be_written),
		WITH_FILE(the_lock_goes_with_the_descriptor),
		cmocka_unit_test(programs_are_beside_us_or_installed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
