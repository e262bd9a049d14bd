/* test_kernel.c - the kernel loader: what it takes, where it puts it, what it says of the
 * rest. */
#include "tests/unit/check.h"

#include <asm/bootparam.h>
#include <elf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/arch/arch.h"
#include "vmm/arch/x86_64/layout.h"
#include "vmm/mem.h"

#define MEMORY		(64ull << 20)
#define LOAD_AT		(16ull << 20)
#define PAGE		4096u
#define TEXT_OFF	PAGE
#define TEXT_LEN	(2 * PAGE + 100)	/* pages to map and a rest to copy */
#define NOTES_OFF	512u
#define SETUP_HEADER	0x1f1u

struct fix {
	struct gmem mem;
	struct boot boot;
	struct err err;
	int fd;
	_Alignas(16) uint8_t file[64 * 1024];
	Elf64_Ehdr *eh;
	Elf64_Phdr *ph;
	struct setup_header *hdr;
};

/* A small vmlinux: one segment to load, one with notes. */
static void make_elf(struct fix *f)
{
	f->eh = (void *)f->file;
	*f->eh = (Elf64_Ehdr){ .e_type = ET_EXEC, .e_machine = EM_X86_64, .e_entry = LOAD_AT + 16,
			       .e_phoff = sizeof(*f->eh), .e_phentsize = sizeof(*f->ph),
			       .e_phnum = 2 };
	memcpy(f->eh->e_ident, ELFMAG "\2\1\1", 7);
	f->ph = (void *)(f->eh + 1);
	f->ph[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_offset = TEXT_OFF, .p_paddr = LOAD_AT,
				 .p_filesz = TEXT_LEN, .p_memsz = 5 * PAGE };
	f->ph[1] = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = NOTES_OFF };
	for (unsigned i = 0; i < TEXT_LEN; i++)
		f->file[TEXT_OFF + i] = (uint8_t)(i * 7 + 1);
}

static void add_note(struct fix *f, uint32_t type, const char *name, uint32_t desc)
{
	uint8_t *at = f->file + NOTES_OFF + f->ph[1].p_filesz;
	Elf64_Nhdr h = { .n_namesz = 4, .n_descsz = 4, .n_type = type };

	memcpy(at, &h, sizeof(h));
	memcpy(at + sizeof(h), name, 4);
	memcpy(at + sizeof(h) + 4, &desc, 4);
	f->ph[1].p_filesz += sizeof(h) + 8;
}

/* A small bzImage: one sector of setup, then 64 KiB minus that of payload. */
static void make_bzimage(struct fix *f)
{
	f->hdr = (void *)(f->file + SETUP_HEADER);
	f->file[0x201] = 0x6a;		/* where the header ends: 0x26c */
	f->hdr->boot_flag = 0xaa55;
	f->hdr->header = 0x53726448;
	f->hdr->version = 0x20f;
	f->hdr->loadflags = LOADED_HIGH;
	f->hdr->xloadflags = XLF_KERNEL_64;
	f->hdr->setup_sects = 1;
	f->hdr->syssize = (sizeof(f->file) - 1024) / 16;
	f->hdr->pref_address = LOAD_AT;
	f->hdr->init_size = 1 << 20;
	f->hdr->cmdline_size = 2047;
	f->hdr->initrd_addr_max = 0x7fffffff;
	f->file[1024] = 0xeb;
	f->file[sizeof(f->file) - 1] = 0x77;
}

static int load(struct fix *f, size_t len)
{
	assert_int_equal(ftruncate(f->fd, 0), 0);
	assert_int_equal(pwrite(f->fd, f->file, len, 0), len);
	return arch_load_kernel(&f->mem, f->fd, &f->boot, &f->err);
}

static void assert_refused(struct fix *f, size_t len, const char *word)
{
	assert_true(load(f, len) < 0);
	if (!strstr(f->err.msg, word) || strncmp(f->err.msg, "kernel: ", 8) != 0)
		fail_msg("'%s' does not say '%s'", f->err.msg, word);
}

static int setup(void **state)
{
	static struct fix f;

	f = (struct fix){ .fd = memfd_create("kernel", MFD_CLOEXEC) };
	mem_plan(&f.mem, MEMORY);
	*state = &f;
	return mem_map(&f.mem, false, &f.err);
}

static int teardown(void **state)
{
	struct fix *f = *state;

	munmap(f->mem.region[0].hva, f->mem.region[0].len);
	close(f->fd);
	return 0;
}

static void elf_is_loaded_where_it_wants(void **state)
{
	struct fix *f = *state;
	const uint8_t *at;

	make_elf(f);
	assert_int_equal(load(f, sizeof(f->file)), 0);
	at = gmem_at(&f->mem, LOAD_AT, 5 * PAGE);
	assert_memory_equal(at, f->file + TEXT_OFF, TEXT_LEN);
	for (unsigned i = TEXT_LEN; i < 5 * PAGE; i++)
		assert_int_equal(at[i], 0);
	assert_int_equal(f->boot.entry, LOAD_AT + 16);
	assert_int_equal(f->boot.image_end, LOAD_AT + 5 * PAGE);
	assert_int_equal(f->boot.how, BOOT_LINUX64);
}

static void elf_pages_are_private_to_the_guest(void **state)
{
	struct fix *f = *state;
	uint8_t byte;

	make_elf(f);
	assert_int_equal(load(f, sizeof(f->file)), 0);
	*(uint8_t *)gmem_at(&f->mem, LOAD_AT, 1) ^= 0xff;
	assert_int_equal(pread(f->fd, &byte, 1, TEXT_OFF), 1);
	assert_int_equal(byte, f->file[TEXT_OFF]);
}

static void elf_with_odd_offset_is_copied(void **state)
{
	struct fix *f = *state;

	make_elf(f);
	f->ph[0].p_offset += 8;
	assert_int_equal(load(f, sizeof(f->file)), 0);
	assert_memory_equal(gmem_at(&f->mem, LOAD_AT, TEXT_LEN), f->file + TEXT_OFF + 8,
			    TEXT_LEN);
}

static void pvh_note_decides_the_entry(void **state)
{
	struct fix *f = *state;

	make_elf(f);
	add_note(f, 3, "GNU", 0x11111111);
	add_note(f, 18, "Xen", LOAD_AT + 64);
	assert_int_equal(load(f, sizeof(f->file)), 0);
	assert_int_equal(f->boot.how, BOOT_PVH);
	assert_int_equal(f->boot.entry, LOAD_AT + 64);
}

static void notes_that_lie_about_their_length_end(void **state)
{
	static const uint32_t lengths[] = { 0, 1, 0xffffffff, 0xfffffffc, 0x7fffffff };
	struct fix *f = *state;

	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		Elf64_Nhdr h = { .n_namesz = lengths[i], .n_descsz = lengths[i], .n_type = 18 };

		make_elf(f);
		memcpy(f->file + NOTES_OFF, &h, sizeof(h));
		f->ph[1].p_filesz = 2048;
		assert_int_equal(load(f, sizeof(f->file)), 0);
		assert_int_equal(f->boot.how, BOOT_LINUX64);
	}
}

static void other_files_are_refused_by_name(void **state)
{
	struct fix *f = *state;

	assert_refused(f, 0, "neither an ELF vmlinux nor a bzImage");
	assert_refused(f, 3, "neither an ELF vmlinux nor a bzImage");
	assert_refused(f, sizeof(f->file), "neither an ELF vmlinux nor a bzImage");
	make_elf(f);
	f->eh->e_machine = EM_AARCH64;
	assert_refused(f, sizeof(f->file), "not for x86_64");
	f->eh->e_machine = EM_X86_64;
	f->eh->e_type = ET_REL;
	assert_refused(f, sizeof(f->file), "not an executable one");
	f->eh->e_type = ET_EXEC;
	f->eh->e_phnum = 1000;
	assert_refused(f, sizeof(f->file), "1000 program headers");
}

static void truncated_elf_is_called_so(void **state)
{
	struct fix *f = *state;

	make_elf(f);
	assert_refused(f, 20, "truncated");
	assert_refused(f, sizeof(*f->eh) + 10, "truncated");
	assert_refused(f, TEXT_OFF + 100, "truncated");
	f->ph[0].p_offset = UINT64_MAX - 50;
	assert_refused(f, sizeof(f->file), "truncated");
	make_elf(f);
	f->eh->e_phoff = UINT64_MAX - 8;
	assert_refused(f, sizeof(f->file), "truncated");
}

static void segments_outside_the_guest_are_refused(void **state)
{
	static const struct { uint64_t gpa, len; } bad[] = {
		{ 0, PAGE }, { HIGH_START - 1, PAGE }, { MEMORY - PAGE, 2 * PAGE }, { MEMORY, 1 },
		{ UINT64_MAX - 10, PAGE }, { LOAD_AT, UINT64_MAX }, { LOAD_AT, MEMORY },
		{ HOLE_START, PAGE },
	};
	struct fix *f = *state;

	make_elf(f);
	f->ph[0].p_filesz = 1;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		f->ph[0].p_paddr = bad[i].gpa;
		f->ph[0].p_memsz = bad[i].len;
		assert_refused(f, sizeof(f->file), "do not fit");
	}
	f->ph[0].p_paddr = LOAD_AT;
	f->ph[0].p_filesz = 2;
	f->ph[0].p_memsz = 1;
	assert_refused(f, sizeof(f->file), "larger in the file");
}

static void entry_outside_the_image_is_refused(void **state)
{
	struct fix *f = *state;

	make_elf(f);
	f->eh->e_entry = LOAD_AT + 5 * PAGE;
	assert_refused(f, sizeof(f->file), "entry");
	f->eh->e_entry = 0;
	assert_refused(f, sizeof(f->file), "entry");
	f->ph[0].p_type = PT_NULL;
	assert_refused(f, sizeof(f->file), "nothing to load");
}

static void bzimage_is_loaded_behind_its_setup(void **state)
{
	struct fix *f = *state;
	const struct boot_params *bp = gmem_at(&f->mem, GPA_ZERO_PAGE, sizeof(*bp));
	const uint8_t *at = gmem_at(&f->mem, LOAD_AT, 1 << 20);

	make_bzimage(f);
	assert_int_equal(load(f, sizeof(f->file)), 0);
	assert_int_equal(at[0], 0xeb);
	assert_int_equal(at[sizeof(f->file) - 1024 - 1], 0x77);
	assert_int_equal(f->boot.entry, LOAD_AT + 0x200);
	assert_int_equal(f->boot.image_end, LOAD_AT + (1 << 20));
	assert_int_equal(bp->hdr.version, 0x20f);
	assert_int_equal(f->boot.initrd_limit, 0x80000000u);
}

static void bzimage_is_refused_by_what_is_wrong(void **state)
{
	struct fix *f = *state;

	make_bzimage(f);
	f->hdr->xloadflags = 0;
	assert_refused(f, sizeof(f->file), "without a 64-bit entry");
	make_bzimage(f);
	f->hdr->loadflags = 0;
	assert_refused(f, sizeof(f->file), "zImage");
	make_bzimage(f);
	assert_refused(f, sizeof(f->file) / 2, "truncated");
	f->hdr->init_size = (uint32_t)MEMORY;
	assert_refused(f, sizeof(f->file), "do not fit");
	make_bzimage(f);
	f->hdr->pref_address = UINT64_MAX - 5;
	assert_refused(f, sizeof(f->file), "do not fit");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(elf_is_loaded_where_it_wants), T(elf_pages_are_private_to_the_guest),
		T(elf_with_odd_offset_is_copied), T(pvh_note_decides_the_entry),
		T(notes_that_lie_about_their_length_end), T(other_files_are_refused_by_name),
		T(truncated_elf_is_called_so), T(segments_outside_the_guest_are_refused),
		T(entry_outside_the_image_is_refused), T(bzimage_is_loaded_behind_its_setup),
		T(bzimage_is_refused_by_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
