/* visitors.h - commands that others run in our machine, beside our own.
 *
 * `sandbox exec` is a run like any other, in a machine that it is handed; but its control
 * connection and its broker end here.  We give each its session, pass messages on, and hand
 * it the streams as the guest connects them: what the command reads and writes never comes
 * by us.  Who leaves has its command killed. */
#ifndef RUNNER_VISITORS_H
#define RUNNER_VISITORS_H

#include "lib/limits.h"
#include "lib/proto.h"
#include "runner/broker.h"
#include "runner/machine.h"
#include "runner/session.h"
#include "runner/watch.h"

struct visitor {
	struct visitors *all;
	uint32_t id;			/* of its session; 0: the place is free */
	bool asked, started, over;	/* EXEC went to the guest; STARTED came; the end came */
	bool waits, doomed;		/* until the guest has room: in.m; a signal that kills */
	struct watch control, broker;	/* its connections; both -1 when it has left */
	int leash, log;			/* while these are open, it has a machine */
	struct broker_port port[N_STREAMS];
	struct inbox in;
};

struct visitors {
	struct session *session;	/* borrowed, and so is the broker */
	struct broker *broker;
	uint32_t last_id;
	struct visitor v[MAX_SESSIONS - 1];
};

/* Beside our command, which has session->id. */
void visitors_init(struct visitors *vs, struct session *session, struct broker *broker,
		   struct watch_set *set);

/* Let in who is at the other end of sock: it is sent a machine, of which *h says the rest.
 * -EBUSY: there is no place. */
int visitors_enter(struct visitors *vs, int sock, const struct handover *h, struct err *err);

/* How many there are, those whose command is yet to end included. */
unsigned visitors_count(const struct visitors *vs);

/* Once a round: what waited for the guest to read. */
void visitors_go_on(struct visitors *vs);

/* The machine ends. */
void visitors_leave(struct visitors *vs);

/* For places.c. */
bool visitor_is_here(const struct visitor *v);
void visitor_leave(struct visitor *v);
void visitor_kill(struct visitor *v);			/* its command */
void visitor_stream(struct broker_port *p, int fd);	/* the guest has connected one */
bool visitors_take(struct session *s, const struct msg *m);	/* a session's `others` */

#endif
