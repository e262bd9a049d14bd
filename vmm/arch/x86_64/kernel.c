/* kernel.c - x86_64: ELF vmlinux and bzImage into guest memory.
 *
 * The file is the user's, and this runs in the jail, because it may be anything.  Every
 * header is copied once and every offset is proved by subtraction before it is used. */
#include <asm/bootparam.h>
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/io.h"
#include "vmm/arch/arch.h"
#include "vmm/arch/x86_64/layout.h"
#include "vmm/mem.h"

#define MAX_SEGMENTS	32u	/* vmlinux has four or five */
#define MAX_NOTES	4096u	/* bytes looked at for the PVH note */

#define NOTE_PVH_ENTRY	18u	/* XEN_ELFNOTE_PHYS32_ENTRY */

#define SECTOR		512u
#define SETUP_HEADER	0x1f1u	/* file offset, and offset in struct boot_params */
#define HDRS		0x53726448u
#define BOOT_FLAG	0xaa55u
#define MIN_VERSION	0x20cu	/* the first with xloadflags */
#define ENTRY_64_OFFSET	0x200u

/* Initramfs below 2 GiB: what every kernel since 2.6 can reach. */
#define INITRD_LIMIT	0x80000000ull

struct image {
	int fd;
	uint64_t size;
};

static int image_open(struct image *im, int fd, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(err, "kernel");
	if (!S_ISREG(st.st_mode))
		return err_set(err, EINVAL, "kernel: not a regular file");
	*im = (struct image){ fd, (uint64_t)st.st_size };
	return 0;
}

static int image_check(const struct image *im, uint64_t off, uint64_t len, struct err *err)
{
	if (off <= im->size && len <= im->size - off)
		return 0;
	return err_set(err, ENOEXEC, "kernel: truncated: %llu bytes at %llu are wanted, the file "
		       "has %llu", (unsigned long long)len, (unsigned long long)off,
		       (unsigned long long)im->size);
}

static int image_read(const struct image *im, uint64_t off, void *dst, uint64_t len,
		      struct err *err)
{
	int rc = image_check(im, off, len, err);

	if (rc < 0)
		return rc;
	rc = io_pread(im->fd, dst, (size_t)len, (off_t)off);
	if (rc == -EPIPE)
		return err_set(err, EIO, "kernel: became shorter while it was read");
	return rc < 0 ? err_set(err, -rc, "kernel: %s", strerror(-rc)) : 0;
}

/* Into guest memory: mapped where that is possible, copied where not. */
static int image_load(const struct image *im, uint64_t off, uint8_t *at, uint64_t len,
		      struct err *err)
{
	uint64_t mapped;
	int rc = image_check(im, off, len, err);

	if (rc < 0)
		return rc;
	mapped = mem_map_file(at, im->fd, off, len);
	return image_read(im, off + mapped, at + mapped, len - mapped, err);
}

/* Host address for a part of the kernel: in low memory, clear of what the monitor writes. */
static void *place(const struct gmem *mem, uint64_t gpa, uint64_t len, struct err *err)
{
	void *at = gpa < HIGH_START ? NULL : gmem_at(mem, gpa, len);

	if (!at)
		err_set(err, ENOEXEC, "kernel: %llu KiB at %#llx do not fit the guest's memory",
			(unsigned long long)len >> 10, (unsigned long long)gpa);
	return at;
}

/* --- ELF ------------------------------------------------------------------------- */

static int load_segment(const struct image *im, const struct gmem *mem, const Elf64_Phdr *ph,
			struct boot *boot, struct err *err)
{
	void *at;

	if (ph->p_filesz > ph->p_memsz)
		return err_set(err, ENOEXEC, "kernel: a segment is larger in the file than in "
			       "memory");
	at = place(mem, ph->p_paddr, ph->p_memsz, err);
	if (!at)
		return -err->code;
	if (ph->p_paddr + ph->p_memsz > boot->image_end)
		boot->image_end = ph->p_paddr + ph->p_memsz;
	return image_load(im, ph->p_offset, at, ph->p_filesz, err);
}

/* The entry of a PVH note among `len` bytes of notes, or 0.  Each turn takes at least a
 * header's length, so that it ends. */
static uint64_t find_pvh_entry(const uint8_t *notes, uint64_t len)
{
	while (len >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr h;
		uint64_t name, desc;
		uint32_t entry;

		memcpy(&h, notes, sizeof(h));
		name = sizeof(h);
		desc = name + (((uint64_t)h.n_namesz + 3) & ~3ull);
		if (desc > len || h.n_descsz > len - desc)
			return 0;
		if (h.n_type == NOTE_PVH_ENTRY && h.n_namesz == 4 && h.n_descsz >= 4 &&
		    !memcmp(notes + name, "Xen", 4)) {
			memcpy(&entry, notes + desc, sizeof(entry));
			return entry;
		}
		desc += ((uint64_t)h.n_descsz + 3) & ~3ull;
		if (desc > len)
			return 0;
		notes += desc;
		len -= desc;
	}
	return 0;
}

static int read_notes(const struct image *im, const Elf64_Phdr *ph, struct boot *boot,
		      struct err *err)
{
	uint8_t notes[MAX_NOTES];
	uint64_t len = ph->p_filesz < sizeof(notes) ? ph->p_filesz : sizeof(notes), entry;
	int rc = image_read(im, ph->p_offset, notes, len, err);

	if (rc < 0)
		return rc;
	entry = find_pvh_entry(notes, len);
	if (entry) {
		boot->entry = entry;
		boot->how = BOOT_PVH;
		boot->protocol = "PVH";
	}
	return 0;
}

static int check_elf(const Elf64_Ehdr *eh, struct err *err)
{
	if (eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_ident[EI_DATA] != ELFDATA2LSB ||
	    eh->e_machine != EM_X86_64)
		return err_set(err, ENOEXEC, "kernel: an ELF file, but not for x86_64");
	if (eh->e_type != ET_EXEC && eh->e_type != ET_DYN)
		return err_set(err, ENOEXEC, "kernel: an ELF file, but not an executable one");
	if (eh->e_phentsize != sizeof(Elf64_Phdr) || eh->e_phnum == 0 ||
	    eh->e_phnum > MAX_SEGMENTS)
		return err_set(err, ENOEXEC, "kernel: an ELF file with %u program headers of "
			       "%u bytes", eh->e_phnum, eh->e_phentsize);
	return 0;
}

static int load_elf(const struct image *im, const struct gmem *mem, struct boot *boot,
		    struct err *err)
{
	Elf64_Phdr ph[MAX_SEGMENTS];
	Elf64_Ehdr eh;
	int rc = image_read(im, 0, &eh, sizeof(eh), err);

	if (rc == 0)
		rc = check_elf(&eh, err);
	if (rc == 0)
		rc = image_read(im, eh.e_phoff, ph, eh.e_phnum * sizeof(ph[0]), err);
	boot->format = "ELF vmlinux";
	boot->protocol = "64-bit Linux";
	boot->how = BOOT_LINUX64;
	boot->entry = eh.e_entry;
	for (unsigned i = 0; rc == 0 && i < eh.e_phnum; i++) {
		if (ph[i].p_type == PT_LOAD)
			rc = load_segment(im, mem, &ph[i], boot, err);
		else if (ph[i].p_type == PT_NOTE)
			rc = read_notes(im, &ph[i], boot, err);
	}
	if (rc == 0 && boot->image_end == 0)
		return err_set(err, ENOEXEC, "kernel: an ELF file with nothing to load");
	return rc;
}

/* --- bzImage --------------------------------------------------------------------- */

static int check_setup(const struct setup_header *h, struct err *err)
{
	if (h->version < MIN_VERSION || !(h->xloadflags & XLF_KERNEL_64))
		return err_set(err, ENOEXEC, "kernel: a bzImage without a 64-bit entry");
	if (!(h->loadflags & LOADED_HIGH))
		return err_set(err, ENOEXEC, "kernel: a zImage, which loads below 1 MiB");
	return 0;
}

/* The setup header starts the zero page; its length stands in the byte before "HdrS". */
static int copy_setup(const struct image *im, const struct gmem *mem, struct boot_params *bp,
		      struct err *err)
{
	uint8_t jump[2];
	uint64_t len;
	int rc = image_read(im, 0x200, jump, sizeof(jump), err);

	if (rc < 0)
		return rc;
	len = 0x202u + jump[1] - SETUP_HEADER;
	if (len > sizeof(bp->hdr))
		len = sizeof(bp->hdr);
	rc = image_read(im, SETUP_HEADER, &bp->hdr, len, err);
	if (rc < 0)
		return rc;
	memcpy(gmem_at(mem, GPA_ZERO_PAGE, sizeof(*bp)), bp, sizeof(*bp));
	return check_setup(&bp->hdr, err);
}

static int load_bzimage(const struct image *im, const struct gmem *mem, struct boot *boot,
			struct err *err)
{
	struct boot_params bp = { 0 };
	uint64_t at, len, room;
	void *to;
	int rc = copy_setup(im, mem, &bp, err);

	if (rc < 0)
		return rc;
	at = (uint64_t)((bp.hdr.setup_sects ? bp.hdr.setup_sects : 4) + 1) * SECTOR;
	len = (uint64_t)bp.hdr.syssize * 16;
	if (len > im->size && len - im->size < 16)	/* the last paragraph may be short */
		len = im->size;
	if (at < im->size && len > im->size - at && len - (im->size - at) < 16)
		len = im->size - at;
	room = bp.hdr.init_size > len ? bp.hdr.init_size : len;
	to = place(mem, bp.hdr.pref_address, room, err);
	if (!to)
		return -err->code;
	boot->format = "bzImage";
	boot->protocol = "64-bit Linux";
	boot->how = BOOT_LINUX64;
	boot->entry = bp.hdr.pref_address + ENTRY_64_OFFSET;
	boot->image_end = bp.hdr.pref_address + room;
	if (bp.hdr.initrd_addr_max < boot->initrd_limit)
		boot->initrd_limit = (uint64_t)bp.hdr.initrd_addr_max + 1;
	if (strlen(boot->cmdline) > bp.hdr.cmdline_size)
		return err_set(err, E2BIG, "cmdline: this kernel takes %u bytes",
			       bp.hdr.cmdline_size);
	return image_load(im, at, to, len, err);
}

/* --- which of them ----------------------------------------------------------------- */

static bool is_bzimage(const struct image *im)
{
	struct setup_header h;
	struct err ignored;

	return image_read(im, SETUP_HEADER, &h, sizeof(h), &ignored) == 0 &&
	       h.boot_flag == BOOT_FLAG && h.header == HDRS;
}

/* The first instructions run from the first GiB: PVH without paging, the 64-bit entry on
 * page tables that reach no further. */
static int check_entry(const struct boot *boot, struct err *err)
{
	if (boot->entry >= HIGH_START && boot->entry < boot->image_end &&
	    boot->image_end <= MAPPED_END)
		return 0;
	return err_set(err, ENOEXEC, "kernel: entry %#llx is not in what was loaded, or that "
		       "ends above 1 GiB", (unsigned long long)boot->entry);
}

int arch_load_kernel(const struct gmem *mem, int fd, struct boot *boot, struct err *err)
{
	struct image im;
	uint8_t magic[SELFMAG];
	int rc = image_open(&im, fd, err);

	boot->initrd_limit = INITRD_LIMIT;
	boot->image_end = 0;
	if (rc < 0)
		return rc;
	if (image_read(&im, 0, magic, sizeof(magic), err) == 0 &&
	    !memcmp(magic, ELFMAG, SELFMAG))
		rc = load_elf(&im, mem, boot, err);
	else if (is_bzimage(&im))
		rc = load_bzimage(&im, mem, boot, err);
	else
		return err_set(err, ENOEXEC, "kernel: neither an ELF vmlinux nor a bzImage");
	return rc < 0 ? rc : check_entry(boot, err);
}
