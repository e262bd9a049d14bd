/* door.h - how other commands of this user reach a running machine.
 *
 * A machine that is savable has a SOCK_SEQPACKET socket in the abstract namespace, named after
 * user and machine: nothing of it is left when its process is gone, however that ended.  Abstract
 * names have no owner, so both sides ask the kernel who the other one is. */
#ifndef RUNNER_DOOR_H
#define RUNNER_DOOR_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/snapshot.h"
#include "runner/watch.h"

#define DOOR_VERSION 1u

/* What comes back for the file that was sent. */
struct door_answer {
	uint32_t version;
	uint32_t state_len;		/* of the snapshot, see lib/snapshot.h */
	uint64_t memory_len;
	struct err err;			/* with a code: it is not saved, and this is why */
	char text[SNAP_TEXT];		/* what the machine is */
};

struct door {
	struct watch listener, client;	/* one client at a time; the next one waits */
	void (*save)(struct door *, int fd);	/* borrowed: the file to save the machine in */
};

/* Can a machine be called that? */
bool door_is_name(const char *name);

/* -EADDRINUSE when another one has the name. */
int door_open(struct door *d, const char *name, void (*save)(struct door *, int fd),
	      struct watch_set *set, struct err *err);

/* To who asked; without anybody, or after it has left, nothing happens. */
void door_answer(struct door *d, const struct door_answer *a);

/* The other side: have the machine `name` saved in the file fd.  Waits for it. */
int door_ask(const char *name, int fd, struct door_answer *a, struct err *err);

#endif
