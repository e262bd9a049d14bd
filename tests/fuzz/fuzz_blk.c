/* fuzz_blk.c - requests of any shape against a small disk with a canary behind its end. */
#include <sys/mman.h>

#include "tests/fuzz/script.h"
#include "virtio/blk.h"

enum { SECTORS = 8, DISK = SECTORS * 512, TAIL = 511 };

static struct blk blk;
static int fd = -1;

static void make_disk(void)
{
	uint8_t tail[TAIL];

	memset(tail, 0xc5, sizeof(tail));
	fd = memfd_create("disk", 0);
	if (fd < 0 || ftruncate(fd, DISK) || pwrite(fd, tail, TAIL, DISK) != TAIL)
		abort();
}

static void check_disk(void)
{
	uint8_t tail[TAIL + 1];

	if (pread(fd, tail, sizeof(tail), DISK) != TAIL)
		abort();
	for (unsigned i = 0; i < TAIL; i++)
		if (tail[i] != 0xc5)
			abort();
}

/* A request at a fixed place, nearly right: three descriptors from the input. */
static void backend(struct script *s)
{
	uint32_t type = script_u8(s) & 15;
	uint64_t sector = script_u8(s);

	memcpy(s->ram + 0x8000, &type, 4);
	memcpy(s->ram + 0x8008, &sector, 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	struct script s;
	struct err err;
	bool ro = n > 0 && (in[0] & 1);

	if (fd < 0)
		make_disk();
	if (blk_init(&blk, fd, ro, "disk0", &err))
		abort();
	script_init(&s, &blk.dev, in, n);
	script_u8(&s);
	script_run(&s, backend);
	script_fini(&s);
	check_disk();
	return 0;
}
