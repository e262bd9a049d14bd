/* mem.c - guest memory in the monitor's address space. */
#include "vmm/mem.h"

#include <errno.h>
#include <sys/mman.h>

#include "vmm/arch/arch.h"

#ifndef MADV_POPULATE_READ		/* Linux 5.14; musl does not know them yet */
#define MADV_POPULATE_READ	22
#define MADV_POPULATE_WRITE	23
#endif

#define HUGE_PAGE	(2ull << 20)	/* aligned so that host huge pages fit guest ones */
#define PAGE		4096u
#define GUARD		HUGE_PAGE	/* never mapped, on both sides */

void mem_plan(struct gmem *m, uint64_t size)
{
	uint64_t low = arch_layout.hole_start - arch_layout.ram_base;

	*m = (struct gmem){ .n = 1 };
	m->region[0] = (struct gmem_region){ arch_layout.ram_base, size, NULL };
	if (size <= low)
		return;
	m->n = 2;
	m->region[0].len = low;
	m->region[1] = (struct gmem_region){ arch_layout.hole_end, size - low, NULL };
}

/* KSM would let a guest find out, by timing, what other guests' pages hold. */
static int keep_apart(void *at, size_t len)
{
	if (madvise(at, len, MADV_DONTDUMP) < 0)
		return -errno;
	if (madvise(at, len, MADV_UNMERGEABLE) < 0 && errno != EINVAL)
		return -errno;	/* EINVAL: the host has no KSM at all */
	return 0;
}

static int map_region(struct gmem_region *r, bool huge, struct err *err)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	unsigned long long mib = r->len >> 20;
	uintptr_t room, at;
	int rc;

	room = (uintptr_t)mmap(NULL, r->len + 2 * GUARD + HUGE_PAGE, PROT_NONE, flags, -1, 0);
	if (room == (uintptr_t)MAP_FAILED)
		return err_sys(err, "memory: no room for %llu MiB", mib);
	at = (room + GUARD + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1);
	r->hva = mmap((void *)at, r->len, PROT_READ | PROT_WRITE, flags | MAP_FIXED, -1, 0);
	if (r->hva == MAP_FAILED)
		return err_sys(err, "memory: %llu MiB", mib);
	rc = keep_apart(r->hva, r->len);
	if (rc < 0)
		return err_set(err, -rc, "memory: cannot be kept out of dumps and merging");
	if (huge && madvise(r->hva, r->len, MADV_HUGEPAGE) < 0)
		return err_sys(err, "huge-pages: this host has none to give");
	return 0;
}

int mem_populate(uint8_t *at, uint64_t len, bool of_file)
{
	return madvise(at, len, of_file ? MADV_POPULATE_READ : MADV_POPULATE_WRITE) < 0 ? -errno : 0;
}

uint64_t mem_map_file(uint8_t *at, int fd, uint64_t off, uint64_t len)
{
	const int flags = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE;
	uint64_t whole = len & ~(uint64_t)(PAGE - 1);

	if (whole == 0 || (uintptr_t)at % PAGE != 0 || off % PAGE != 0)
		return 0;
	if (mmap(at, whole, PROT_READ | PROT_WRITE, flags, fd, (off_t)off) == MAP_FAILED)
		return 0;	/* a file system that cannot: then it is copied */
	return keep_apart(at, whole) < 0 ? 0 : whole;
}

int mem_map(struct gmem *m, bool huge, struct err *err)
{
	int rc = 0;

	for (unsigned i = 0; i < m->n && rc == 0; i++)
		rc = map_region(&m->region[i], huge, err);
	return rc;
}
