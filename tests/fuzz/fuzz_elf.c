/* fuzz_elf.c - any file as a program of this host: read, or refused with one line, and every name in
 * it is a string of the table it is said to be in. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runner/elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_string(const struct elf *e, const char *s)
{
	if (!s)
		return;
	if (s < e->text || s >= e->text + sizeof(e->text) ||
	    !memchr(s, '\0', (size_t)(e->text + sizeof(e->text) - s)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct elf e;
	static int fd = -1;
	struct err err = { 0 };
	int rc;

	if (fd < 0)
		fd = memfd_create("program", MFD_CLOEXEC);
	if (ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	rc = elf_read(fd, &e, &err);
	if (rc < 0) {
		if (err.code != -rc || !err.msg[0] || strchr(err.msg, '\n') || (rc != -ENOEXEC && rc != -EINVAL))
			abort();
		return 0;
	}
	check_string(&e, e.interp);
	check_string(&e, e.rpath);
	check_string(&e, e.runpath);
	if (e.n_needed > ELF_MAX_NEEDED)
		abort();
	for (unsigned i = 0; i < e.n_needed; i++)
		check_string(&e, e.needed[i]);
	return 0;
}
