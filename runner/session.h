/* session.h - the control connection to the guest agent, see lib/proto.h.
 *
 * Everything that arrives is a claim of the guest: bounded, checked by msg_check(), and
 * allowed in one order only.  What breaks the order ends the run (facts.protocol). */
#ifndef RUNNER_SESSION_H
#define RUNNER_SESSION_H

#include <stdbool.h>

#include "lib/proto.h"
#include "runner/broker.h"
#include "runner/facts.h"
#include "runner/opts.h"
#include "runner/watch.h"

/* A message that comes in pieces. */
struct inbox {
	size_t have;
	struct msg m;
};

/* Read what there is of a message of that side.  1: it is whole, checked and in b->m; 0: not yet;
 * -EPROTO: it is none; -EPIPE: there will be no other. */
int inbox_read(struct inbox *b, int fd, enum side from);

struct session {
	struct broker_port port;	/* PORT_CONTROL; offer it to the broker */
	struct watch watch;
	struct facts *facts;
	const struct spec *spec;
	struct msg_card card;		/* its mac may be left to the machine id */
	uint32_t id;			/* of the command in its machine, from 1 */
	uint64_t generation;		/* of the machine */
	struct inbox in;
	size_t sent, queued;		/* out[sent..queued) waits to be written */
	uint8_t out[MAX_FRAME + 4096];
	struct msg exec;		/* or ATTACH; composed before anything is started */

	struct visitors *visitors;	/* others' own */

	/* What the guest says of other commands of the machine; false: there is none such, or it is
	 * not its turn.  NULL: ours is the only one. */
	bool (*others)(struct session *s, const struct msg *m);
};

/* spec is kept.  generation: of the machine, see machine.h. */
void session_init(struct session *s, const struct spec *spec, uint64_t generation,
		  struct facts *facts, struct watch_set *set);

/* The agent has been reached before, and this is its connection: it gets EXEC at once. */
void session_resume(struct session *s, int control);

/* Can another run go on with the connection?  Nothing is half sent, nothing half read. */
bool session_idle(const struct session *s);

/* Put the command, its environment and its place into EXEC.  -E2BIG when they do not fit. */
int session_compose(struct session *s, const struct opts *o, bool tty, uint32_t id,
		    struct err *err);

/* Or: the machine has that command, with a terminal or without, and it goes on. */
void session_attach(struct session *s, uint32_t id, bool tty);

/* Pass on another command's message.  False: it has to wait until the guest has read more. */
bool session_pass(struct session *s, const struct msg *m);

/* To the running command; dropped when the guest does not read its control connection. */
void session_signal(struct session *s, int signo);
void session_resize(struct session *s);

#endif
