/* boot.h - what is loaded into the guest before it starts, and where. */
#ifndef VMM_BOOT_H
#define VMM_BOOT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/spec.h"
#include "virtio/gmem.h"

struct devices;

struct boot {
	const char *format;		/* "ELF vmlinux", for people */
	const char *protocol;		/* "PVH", for people */
	unsigned how;			/* the protocol, as the architecture numbers them */
	uint64_t entry;			/* gpa */
	uint64_t image_end;		/* first gpa after the kernel and its zeroed memory */
	uint64_t initrd_limit;		/* the initramfs must end at or below this gpa */
	uint64_t initrd_gpa, initrd_len;
	unsigned n_devices;		/* to tell the kernel of */
	char cmdline[MAX_CMDLINE];
};

/* Architecture's words, one per device, and the user's; and how many devices that were. */
int boot_cmdline(struct boot *b, const struct devices *devices, const struct spec *spec,
		 bool soft, struct err *err);

/* The user's initramfs, if any, and the agent's behind it, high in low memory.  After
 * the kernel: it goes above image_end. */
int boot_initrd(struct boot *b, const struct gmem *mem, bool has_user_initrd, struct err *err);

#endif
