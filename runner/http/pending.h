/* pending.h - the calls that serve works on, and the socket to it.
 *
 * A slot each.  A slot's id changes with each call, so that an answer that crosses a
 * cancellation on its way finds nobody.  The socket is non-blocking: what it does not take
 * at once stays in its slot until pending_flush(). */
#ifndef RUNNER_HTTP_PENDING_H
#define RUNNER_HTTP_PENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "runner/http/wire.h"

#define MAX_CALLS 256

struct call {
	enum { CALL_FREE, CALL_UNSENT, CALL_SENT, CALL_CANCELLED } state;
	uint32_t id;			/* index + a multiple of MAX_CALLS */
	struct http_msg msg;		/* while UNSENT */
	int      fds[2];		/* the owner's; while UNSENT */
	unsigned n_fds;
	void    *owner;
};

struct pending {
	int fd;				/* kept, not owned */
	struct call of[MAX_CALLS];
};

void pending_init(struct pending *c, int fd);

/* Ask serve for something: op CALL or METRICS, name of a CALL.  The descriptors stay the
 * caller's and open until the call has ended; owner is who its answer is for.  Returns
 * 0 and the call's id, -EBUSY where all slots are taken, or another negative errno. */
int pending_start(struct pending *c, enum http_op op, const char *name, const int *fds,
		unsigned n_fds, void *owner, uint32_t *id);

/* Its owner is gone.  Serve is told, if it knows of the call. */
void pending_cancel(struct pending *c, uint32_t id);

/* Is there something that waits for room in the socket? */
bool pending_unsent(const struct pending *c);
/* Send that.  Returns 0, also where it has to wait on, or a negative errno. */
int pending_flush(struct pending *c);

/* Whose call is in slot i < MAX_CALLS, or NULL. */
void *pending_owner(const struct pending *c, unsigned i);

/* The next packet.  ANSWER: *msg is *owner's answer, and the call has ended; late answers
 * are passed over.  Or -EPROTO (ill-formed) or another negative errno. */
enum heard { HEARD_NOTHING, HEARD_ANSWER, HEARD_DRAIN, HEARD_END };
int pending_hear(struct pending *c, struct http_msg *msg, void **owner);

#endif
