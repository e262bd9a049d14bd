/* fds.h - which descriptor is what: the contract between runner, jailer and vmm.
 *
 * The runner starts the jailer with these numbers, the jailer starts the vmm with
 * them; a number that is not listed is closed.  0, 1 and 2 are /dev/null. */
#ifndef LIB_FDS_H
#define LIB_FDS_H

#include "lib/limits.h"

enum {
	FD_NULL0, FD_NULL1, FD_NULL2,
	FD_SPEC,	/* sealed memfd: the machine as text, see spec.h */
	FD_LOG,		/* pipe, write end, non-blocking: the vmm's struct reports */
	FD_CONSOLE,	/* pipe, write end, non-blocking: what the guest's 8250 says */
	FD_KVM,		/* /dev/kvm; the jailer opens it unless it was handed over */
	FD_KERNEL,	/* regular file, read-only: ELF vmlinux or bzImage */
	FD_AGENT,	/* regular file, read-only: cpio with /init, the guest agent */
	FD_INITRD,	/* regular file, read-only: the user's initramfs, or absent */
	FD_SNAPSHOT,	/* regular file, see snapshot.h: read-only to restore a machine from
			 * instead of the three above, read-write to save one in, or absent */
	FD_BROKER,	/* SOCK_SEQPACKET to the runner: vsock connections, see broker.h */
	FD_NET,		/* tap or connected stream socket, or absent */
	FD_DISK0,	/* MAX_DISKS numbers: regular files or block devices */
	FD_VMM_END = FD_DISK0 + MAX_DISKS,	/* the vmm's table ends here */

	FD_LEASH = FD_VMM_END,	/* pipe, write end: the jailer's and keeper's reports;
				 * a hang-up means that the runner is gone */
	FD_VMM,			/* the static monitor binary, for execveat */
	FD_JAILER_END,
};

#endif
