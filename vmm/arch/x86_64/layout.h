/* layout.h - who lives where in the guest's first megabyte, and what comes above.
 *
 * Everything the monitor writes lies below 1 MiB; kernels are loaded at 1 MiB or above. */
#ifndef VMM_ARCH_X86_64_LAYOUT_H
#define VMM_ARCH_X86_64_LAYOUT_H

#define GPA_GDT		0x500u
#define GPA_PVH_INFO	0x6000u		/* PVH's start info and what it points to */
#define GPA_ZERO_PAGE	0x7000u		/* Linux' struct boot_params */
#define GPA_STACK	0x9000u		/* grows down from here, during the first instructions */
#define GPA_PAGE_TABLES	0x9000u		/* three pages: the first GiB, one to one */
#define GPA_CMDLINE	0x20000u
#define GPA_MPTABLE	0x9fc00u	/* top KiB of base memory, where systems look for it */
#define GPA_ACPI	0xe0000u	/* the root pointer is looked for from here to 1 MiB */
#define BASE_START	0x1000u
#define BASE_END	GPA_MPTABLE	/* RAM the guest may use below 1 MiB */
#define HIGH_START	0x100000u	/* 1 MiB: where kernels may go */
#define MAPPED_END	(1u << 30)	/* what the first page tables reach */

#define HOLE_START	0xc0000000u	/* 3 GiB: no RAM from here */
#define GPA_IOAPIC	0xfec00000u
#define GPA_LAPIC	0xfee00000u
#define GPA_IDENTITY	0xfffbc000u	/* one page, for KVM */
#define GPA_TSS		0xfffbd000u	/* three pages, for KVM */
#define HOLE_END	0x100000000ull	/* 4 GiB: RAM goes on */

/* Segment selectors of the GDT that write_gdt() makes. */
#define SEL_CODE	0x10u
#define SEL_DATA	0x18u

enum { BOOT_LINUX64, BOOT_PVH };	/* struct boot's `how` */

#endif
