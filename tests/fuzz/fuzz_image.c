/* fuzz_image.c - any file as a root, disk, kernel, agent or initramfs: taken, or refused with one
 * line, before anything is started.
 *
 * The first byte says what it is given as, the second how long it is, as a power of two; the
 * rest stands where a file system has its superblock, or, for the others, at the beginning. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runner/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int cond)
{
	if (!cond)
		abort();
}

static void check_error(const struct err *err, enum image_use use)
{
	const char *name = image_use_names[use];

	expect(err->code > 0);
	expect(!strncmp(err->msg, name, strlen(name)) && err->msg[strlen(name)] == ':');
	expect(!strchr(err->msg, '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	enum image_use use;
	struct err err = { 0 };
	off_t at, length;
	int rc;

	if (size < 2)
		return 0;
	if (fd < 0)
		fd = memfd_create("image", MFD_CLOEXEC);
	use = (enum image_use)(data[0] % 5);
	at = use == IMAGE_ROOT ? 1024 : 0;
	length = (off_t)1 << data[1] % 48;
	expect(ftruncate(fd, 0) == 0 && pwrite(fd, data + 2, size - 2, at) == (ssize_t)size - 2);
	expect(ftruncate(fd, length) == 0);
	rc = image_check(fd, use, "the file", &err);
	if (rc < 0)
		check_error(&err, use);
	else
		expect(rc == 0 && (use < IMAGE_ROOT || length % 512 == 0));
	return 0;
}
