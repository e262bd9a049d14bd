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

#define SESSION_ID 1u

struct session {
	struct broker_port port;	/* PORT_CONTROL; offer it to the broker */
	struct watch watch;
	struct facts *facts;
	const char *hostname;
	uint64_t generation;		/* of this restore, or 0 */
	size_t have;			/* bytes of in */
	struct msg in;
	size_t sent, queued;		/* out[sent..queued) waits to be written */
	uint8_t out[MAX_FRAME + 4096];
	struct msg exec;		/* composed before anything is started */
};

void session_init(struct session *s, const struct spec *spec, struct facts *facts,
		  struct watch_set *set);

/* Put the command, its environment and its place into EXEC.  -E2BIG when they do not fit. */
int session_compose(struct session *s, const struct opts *o, bool tty, struct err *err);

/* To the running command; dropped when the guest does not read its control connection. */
void session_signal(struct session *s, int signo);
void session_resize(struct session *s);

#endif
