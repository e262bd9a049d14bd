/* boot.c - x86_64: what a kernel finds in memory when it starts.
 *
 * All of it lies in the guest's first megabyte, as layout.h says; guest memory is at
 * least MIN_MEMORY, so none of these addresses can be missing. */
#include <asm/bootparam.h>
#include <string.h>

#include "vmm/arch/arch.h"
#include "vmm/arch/x86_64/acpi.h"
#include "vmm/arch/x86_64/layout.h"
#include "vmm/arch/x86_64/mptable.h"

#define HDRS		0x53726448u
#define BOOT_FLAG	0xaa55u
#define OTHER_LOADER	0xffu	/* no number of our own: nothing depends on one */
#define E820_RAM	1u
#define PAGE_PRESENT_RW	0x03u
#define PAGE_LARGE	0x80u

#define PVH_MAGIC	0x336ec578u

/* Xen's public hvm_start_info, version 1, and what it points to. */
struct pvh_info {
	uint32_t magic, version, flags, n_modules;
	uint64_t modules_gpa, cmdline_gpa, rsdp_gpa, memmap_gpa;
	uint32_t n_memmap, zero;
};

struct pvh_module {
	uint64_t gpa, size, cmdline_gpa, zero;
};

struct pvh_range {
	uint64_t gpa, size;
	uint32_t type, zero;
};

struct pvh_page {
	struct pvh_info info;
	struct pvh_module initrd;
	struct pvh_range ram[1 + GMEM_MAX_REGIONS];
};

struct ram {
	unsigned n;
	struct {
		uint64_t gpa, len;
	} range[1 + GMEM_MAX_REGIONS];
};

/* What the guest may use: base memory, then from 1 MiB on whatever there is.  Without page 0,
 * which Linux would take out again: each piece of its memory map is looked at in hundreds of
 * thousands of steps. */
static void list_ram(struct ram *ram, const struct gmem *mem)
{
	*ram = (struct ram){ .n = 1 + mem->n };
	ram->range[0].gpa = BASE_START;
	ram->range[0].len = BASE_END - BASE_START;
	for (unsigned i = 0; i < mem->n; i++) {
		ram->range[1 + i].gpa = mem->region[i].gpa;
		ram->range[1 + i].len = mem->region[i].len;
	}
	ram->range[1].gpa = HIGH_START;
	ram->range[1].len -= HIGH_START;
}

/* A bzImage's own setup header is already there; an ELF file has none. */
static void write_zero_page(struct boot_params *bp, const struct boot *boot,
			    const struct ram *ram)
{
	if (bp->hdr.header != HDRS) {
		bp->hdr.header = HDRS;
		bp->hdr.boot_flag = BOOT_FLAG;
		bp->hdr.version = 0x20c;
		bp->hdr.loadflags = LOADED_HIGH;
	}
	bp->hdr.type_of_loader = OTHER_LOADER;
	bp->hdr.cmd_line_ptr = GPA_CMDLINE;
	bp->hdr.cmdline_size = (uint32_t)strlen(boot->cmdline);
	bp->hdr.ramdisk_image = (uint32_t)boot->initrd_gpa;
	bp->hdr.ramdisk_size = (uint32_t)boot->initrd_len;
	bp->acpi_rsdp_addr = GPA_ACPI;
	bp->e820_entries = (uint8_t)ram->n;
	for (unsigned i = 0; i < ram->n; i++)
		bp->e820_table[i] = (struct boot_e820_entry){ ram->range[i].gpa,
							      ram->range[i].len, E820_RAM };
}

static void write_pvh(struct pvh_page *page, const struct boot *boot, const struct ram *ram)
{
	*page = (struct pvh_page){
		.info = {
			.magic = PVH_MAGIC, .version = 1, .n_modules = 1,
			.modules_gpa = GPA_PVH_INFO + offsetof(struct pvh_page, initrd),
			.cmdline_gpa = GPA_CMDLINE,
			.rsdp_gpa = GPA_ACPI,
			.memmap_gpa = GPA_PVH_INFO + offsetof(struct pvh_page, ram),
			.n_memmap = ram->n,
		},
		.initrd = { .gpa = boot->initrd_gpa, .size = boot->initrd_len },
	};
	for (unsigned i = 0; i < ram->n; i++)
		page->ram[i] = (struct pvh_range){ .gpa = ram->range[i].gpa,
						   .size = ram->range[i].len, .type = E820_RAM };
}

/* Flat segments; PVH starts in 32-bit mode, the 64-bit entry in long mode. */
static void write_gdt(uint64_t *gdt, unsigned how)
{
	gdt[SEL_CODE / 8] = how == BOOT_PVH ? 0x00cf9b000000ffffull : 0x00af9b000000ffffull;
	gdt[SEL_DATA / 8] = 0x00cf93000000ffffull;
}

/* The first GiB one to one, in pages of 2 MiB. */
static void write_page_tables(uint64_t *table)
{
	uint64_t *top = table, *upper = table + 512, *lower = table + 1024;

	top[0] = (GPA_PAGE_TABLES + 0x1000) | PAGE_PRESENT_RW;
	upper[0] = (GPA_PAGE_TABLES + 0x2000) | PAGE_PRESENT_RW;
	for (uint64_t i = 0; i < 512; i++)
		lower[i] = i << 21 | PAGE_LARGE | PAGE_PRESENT_RW;
}

void arch_write_boot(const struct gmem *mem, const struct boot *boot, unsigned cpus)
{
	struct ram ram;

	list_ram(&ram, mem);
	memcpy(gmem_at(mem, GPA_CMDLINE, sizeof(boot->cmdline)), boot->cmdline,
	       sizeof(boot->cmdline));
	write_gdt(gmem_at(mem, GPA_GDT, 32), boot->how);
	mptable_write(gmem_at(mem, GPA_MPTABLE, MPTABLE_SIZE), cpus);
	acpi_write(gmem_at(mem, GPA_ACPI, ACPI_SIZE), cpus, boot->n_devices);
	if (boot->how == BOOT_PVH) {
		write_pvh(gmem_at(mem, GPA_PVH_INFO, 4096), boot, &ram);
	} else {
		write_zero_page(gmem_at(mem, GPA_ZERO_PAGE, 4096), boot, &ram);
		write_page_tables(gmem_at(mem, GPA_PAGE_TABLES, 3 * 4096));
	}
}
