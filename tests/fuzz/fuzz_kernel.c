/* fuzz_kernel.c - any file as a guest kernel: loaded or refused with one line, and what is
 * said about it fits the guest's memory. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/arch/arch.h"
#include "vmm/mem.h"

#define MEMORY (32ull << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int cond)
{
	if (!cond)
		abort();
}

/* Fresh memory for every input, at the same place: pages of the last one may be mapped. */
static void renew(struct gmem *mem)
{
	struct gmem_region *r = &mem->region[0];
	struct err err;

	if (!r->hva) {
		mem_plan(mem, MEMORY);
		expect(mem_map(mem, false, &err) == 0);
	}
	expect(mmap(r->hva, r->len, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == r->hva);
}

/* One line that names the thing. */
static void check_error(const struct err *err)
{
	expect(err->code > 0);
	expect(!strncmp(err->msg, "kernel: ", 8) || !strncmp(err->msg, "cmdline: ", 9));
	expect(!strchr(err->msg, '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	static struct gmem mem;
	struct boot boot = { .cmdline = "quiet" };
	struct err err = { 0 };

	if (fd < 0)
		fd = memfd_create("kernel", MFD_CLOEXEC);
	expect(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
	renew(&mem);
	if (arch_load_kernel(&mem, fd, &boot, &err) == 0) {
		expect(boot.format && boot.protocol);
		expect(boot.entry < boot.image_end);
		expect(gmem_at(&mem, boot.entry, boot.image_end - boot.entry) != NULL);
		arch_write_boot(&mem, &boot, 8);
	} else {
		check_error(&err);
	}
	return 0;
}
