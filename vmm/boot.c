/* boot.c - the initramfs and the command line: what is the same for every kernel. */
#include "vmm/boot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/fds.h"
#include "lib/io.h"
#include "vmm/arch/arch.h"
#include "vmm/devices.h"

#define INITRD_ALIGN	4096u
#define LARGE_PAGE	0x200000u
#define CPIO_ALIGN	4u	/* Linux looks for the next archive at this alignment */

struct archive {
	int fd;
	const char *what;
	uint64_t size;
};

static int archive_open(struct archive *a, int fd, const char *what, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(err, "%s", what);
	if (!S_ISREG(st.st_mode) || st.st_size <= 0)
		return err_set(err, EINVAL, "%s: not a file, or an empty one", what);
	*a = (struct archive){ fd, what, (uint64_t)st.st_size };
	return 0;
}

static int archive_read(const struct archive *a, uint8_t *to, struct err *err)
{
	int rc = io_pread(a->fd, to, (size_t)a->size, 0);

	if (rc == -EPIPE)
		return err_set(err, EIO, "%s: became shorter while it was read", a->what);
	if (rc < 0)
		return err_set(err, -rc, "%s: %s", a->what, strerror(-rc));
	return 0;
}

static uint64_t round_up(uint64_t n, uint64_t to)
{
	return (n + to - 1) & ~(to - 1);
}

/* As high as it can be, but for the last large page: Linux maps memory from there on down,
 * and a hole in it makes one more piece of that. */
static uint64_t initrd_place(uint64_t limit, uint64_t total, uint64_t lowest)
{
	uint64_t below = limit - limit % LARGE_PAGE;

	if (below >= LARGE_PAGE + lowest && below - LARGE_PAGE - lowest >= total)
		limit = below - LARGE_PAGE;
	return (limit - total) & ~(uint64_t)(INITRD_ALIGN - 1);
}

int boot_initrd(struct boot *b, const struct gmem *mem, bool has_user_initrd, struct err *err)
{
	const struct gmem_region *low = &mem->region[0];
	uint64_t limit = low->gpa + low->len, total, second = 0;
	struct archive user = { 0 }, agent;
	uint8_t *at;

	if (has_user_initrd && archive_open(&user, FD_INITRD, "initrd", err) < 0)
		return -err->code;
	if (archive_open(&agent, FD_AGENT, "agent", err) < 0)
		return -err->code;
	if (b->initrd_limit < limit)
		limit = b->initrd_limit;
	if (user.size > limit || agent.size > limit)	/* so that the sum cannot wrap */
		return err_set(err, EFBIG, "initrd: larger than the guest's memory");
	second = round_up(user.size, CPIO_ALIGN);
	total = round_up(second + agent.size, INITRD_ALIGN);
	if (b->image_end > limit || total > limit - b->image_end)
		return err_set(err, EFBIG, "initrd: no room for %llu KiB above the kernel",
			       (unsigned long long)total >> 10);

	b->initrd_gpa = initrd_place(limit, total, b->image_end);
	b->initrd_len = second + agent.size;
	at = gmem_at(mem, b->initrd_gpa, b->initrd_len);
	if (!at || b->initrd_gpa < b->image_end)
		return err_set(err, EFBIG, "initrd: no room above the kernel");
	if (has_user_initrd && archive_read(&user, at, err) < 0)
		return -err->code;
	return archive_read(&agent, at + second, err);
}

/* Append " text"; remembers a lack of room in *full. */
static void add(struct boot *b, size_t *len, const char *text, bool *full)
{
	size_t left = sizeof(b->cmdline) - *len;
	int put = snprintf(b->cmdline + *len, left, "%s%s", *len ? " " : "", text);

	if (put < 0 || (size_t)put >= left)
		*full = true;
	else
		*len += (size_t)put;
}

int boot_cmdline(struct boot *b, const struct devices *devices, const struct spec *spec,
		 bool soft, struct err *err)
{
	size_t len;
	bool full = false;

	arch_cmdline(b->cmdline, sizeof(b->cmdline), soft, spec->cpus);
	len = strlen(b->cmdline);
	b->n_devices = devices->n;
	for (unsigned i = 0; i < devices->n; i++) {
		const struct slot *s = &devices->slot[i];
		char word[64];

		snprintf(word, sizeof(word), "virtio_mmio.device=4K@%#llx:%u",
			 (unsigned long long)s->gpa, s->irq);
		add(b, &len, word, &full);
	}
	if (spec->snapshot == SNAP_TAKE)
		add(b, &len, "warmup=1", &full);		/* a word for our agent */
	if (spec->cmdline[0])
		add(b, &len, spec->cmdline, &full);
	if (full)
		return err_set(err, E2BIG, "cmdline: the kernel command line would be longer "
			       "than %d bytes", MAX_CMDLINE - 1);
	return 0;
}
