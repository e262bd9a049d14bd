/* limits.h - how much of everything there can be.
 *
 * Nothing allocates once the guest runs, so every table has its size here. */
#ifndef LIB_LIMITS_H
#define LIB_LIMITS_H

#define MAX_VCPUS	8
#define MAX_DISKS	8		/* the root image is disk 0 */
#define MAX_VSOCK_CONNS	128		/* live connections, all ports */
#define MAX_CMDLINE	2048		/* kernel command line, with its NUL */
#define MAX_HOSTNAME	64		/* with its NUL, as Linux has it */
#define MAX_ARGS	1024		/* argv or environment entries */
#define MAX_SESSIONS	8		/* commands of one machine at once */
#define MAX_FRAME	65536		/* one control message, header included */

#define MIN_MEMORY	(32ull << 20)	/* bytes; our kernel needs about 20 MiB */
#define MAX_MEMORY	(64ull << 30)	/* bytes; a host with less is asked first */

#define MAX_ALLOW	64		/* rules about where a guest may go */
#define MAX_PUBLISH	16		/* ports of a guest */

#define MAX_FILES_IN	32		/* --copy-in, and... */
#define MAX_OUTPUTS	32		/* ...--output: how often they may be given */

/* Where commands start that have files of their own; and, in the image of what is copied in, the
 * owner of directories that are only on the way to something: they are to look as the root's. */
#define WORK_DIR	"/work"
#define FILES_ON_THE_WAY 0xfffffffdu

#define MAX_READY	1024		/* machines that one process keeps ready */

#define VSOCK_GUEST_CID	3		/* one guest a monitor, so one number does */

/* Devices as the guest finds them: disk 0.., then net if there is one, then vsock. */
#define MAX_DEVICES	(MAX_DISKS + 2)
#define DEVICE_BASE	0xd0000000u	/* gpa of the first register page, 4 KiB each */
#define DEVICE_IRQ	5		/* of the first, then one each; edge-triggered */

#define EXIT_PORT	0x510		/* x86 I/O port: a byte written here ends the machine */

#endif
