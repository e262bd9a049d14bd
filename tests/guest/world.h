/* world.h - what the launcher and the hostile guests agree on: the machine, what is on
 * its disks, and who answers on the other side of its sockets. */
#ifndef GUEST_WORLD_H
#define GUEST_WORLD_H

#include <stdint.h>

#include "lib/limits.h"

/* A guest is its machine's only program, or a driver under Linux: see linux.c. */
#ifndef UNDER_LINUX
#define UNDER_LINUX	0
#endif
#define GUEST_RAM	((UNDER_LINUX ? 256u : 32u) << 20)	/* bytes, from guest address 0 */

/* The byte at the exit port: not 0 or 1, which could come from anywhere. */
enum { GUEST_PASSED = 'P', GUEST_FAILED = 'F' };

/* Disk 0 is writable, disk 1 is not.  Both hold disk_word() in every word; a guest may
 * write the scratch sectors of disk 0, anything else must be intact at the end. */
#define SECTOR		512u
#define DISK_SECTORS	256u
#define DISK_TAIL	100u		/* bytes behind the last whole sector: not served */
#define SCRATCH		8u		/* first scratch sector */
#define SCRATCH_SECTORS	8u

static inline uint64_t disk_word(unsigned disk, uint64_t index)
{
	return (index + 1) * 0x9e3779b97f4a7c15ull + disk;
}

/* Host ports; any other is refused. */
enum {
	PORT_ECHO = 7,		/* accepted; bytes come back */
	PORT_SINK = 9,		/* accepted; nobody ever reads */
	PORT_HANGUP = 10,	/* accepted and closed */
	PORT_SILENT = 11,	/* never answered */
	PORT_CALL_ME = 12,	/* refused, but the host connects to the guest's PORT_GUEST */
	PORT_SAMPLE = 13,	/* refused, once it is noted what each thread used of the CPU */
	PORT_OVER = 14,		/* refused while the case that runs beside goes on, then accepted */
	PORT_GUEST = 77,
};

/* What the other end of the wire does with a frame, by its 13th byte (EtherType). */
enum {
	NET_ECHO_TYPE = 0x88,	/* sends it back */
	NET_STALL_TYPE = 0x89,	/* reads nothing for NET_STALL_MS; then on as before */
};				/* any other is swallowed */
#define NET_STALL_MS	300

#endif
