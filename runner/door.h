/* door.h - how other commands of this user reach a running machine.
 *
 * A SOCK_SEQPACKET socket in the machine's directory, see register.h.  One client at a time has
 * one request, and gets one answer; both sides ask the kernel who the other one is. */
#ifndef RUNNER_DOOR_H
#define RUNNER_DOOR_H

#include <stdint.h>

#include "lib/err.h"
#include "lib/snapshot.h"
#include "runner/watch.h"

#define DOOR_VERSION 2u

enum door_op {
	DOOR_SAVE = 1,		/* into the file that comes with it */
	DOOR_ENTER,		/* the answer is followed by a machine, see machine.h */
	DOOR_SIGNAL,		/* arg: to the command; 0: end the machine */
	DOOR_PAUSE, DOOR_RESUME,
	N_DOOR_OPS
};

struct door_request {
	uint32_t version, op;
	int32_t  arg;
};

struct door_answer {
	uint32_t version;
	struct err err;			/* with a code: it is not done, and this is why */

	/* of DOOR_SAVE */
	uint32_t state_len;		/* of the snapshot, see lib/snapshot.h */
	uint64_t memory_len;
	char text[SNAP_TEXT];		/* what the machine is */
};

struct door {
	struct watch listener, client;	/* one client at a time; the next one waits */
	/* borrowed: the request, and of DOOR_SAVE the regular file.  To be answered, then or later */
	void (*asked)(struct door *, const struct door_request *q, int fd);
};

/* In the directory dir, in which there is none. */
int door_open(struct door *d, int dir, void (*asked)(struct door *, const struct door_request *, int fd),
	      struct watch_set *set, struct err *err);

/* To who asked, who is then sent away; without anybody, or after it has left, nothing happens. */
void door_answer(struct door *d, const struct door_answer *a);
void door_answer_plain(struct door *d, const struct err *err);

/* The other side: ask machine `name`, by its directory, and wait for the answer.  The descriptor of
 * the connection, for what follows the answer, or a negative errno. */
int door_ask(int dir, const char *name, const struct door_request *q, int fd, struct door_answer *a,
	     struct err *err);

#endif
