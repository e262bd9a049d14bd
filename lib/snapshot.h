/* snapshot.h - the file a machine is kept in, and who writes which part of it.
 *
 *	0		struct snap_header, by the runner, once the rest is there
 *	SNAP_STATE_AT	processors, interrupt controllers, devices, by the monitor
 *	SNAP_MEMORY_AT	guest memory, regions one after the other, sparse, by the monitor
 *
 * What the machine is of - options, files, host - stands in the header as text, which is the
 * runner's (runner/warm.c); the monitor looks at the state only. */
#ifndef LIB_SNAPSHOT_H
#define LIB_SNAPSHOT_H

#include <stdint.h>

#define SNAP_MAGIC	"SBXSNAP"	/* and its NUL */
#define SNAP_VERSION	1u		/* of the header and of what the sections are */
#define SNAP_STATE_AT	8192u
#define SNAP_STATE_MAX	(1u << 20)	/* bytes; eight vcpus need 200 KiB */
#define SNAP_MEMORY_AT	(2ull << 20)	/* where a large page of the host can begin */
#define SNAP_TEXT	4096

struct snap_header {
	char	 magic[8];
	uint32_t version;
	uint32_t state_len;		/* bytes at SNAP_STATE_AT */
	uint64_t memory_len;		/* bytes at SNAP_MEMORY_AT */
	uint8_t	 memory_sum[32];	/* of guest memory; only `snapshot verify` looks */
	char	 text[SNAP_TEXT];	/* `key = value` lines, NUL-terminated */
	uint8_t	 mac[32];		/* keyed, over all of the above and the state */
};

_Static_assert(sizeof(struct snap_header) <= SNAP_STATE_AT, "the state begins behind it");
_Static_assert(SNAP_STATE_AT + SNAP_STATE_MAX <= SNAP_MEMORY_AT, "and memory behind that");

#endif
