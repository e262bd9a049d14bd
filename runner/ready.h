/* ready.h - machines that are jailed and restored and wait for a command.
 *
 * Each waits in its monitor's loop, before the guest's next instruction: it costs the pages
 * that its restore touched and no processor time.  One set is of one kind of machine. */
#ifndef RUNNER_READY_H
#define RUNNER_READY_H

#include "lib/loop.h"
#include "runner/launch.h"

struct ready_machine;

struct ready {
	struct spec spec;
	struct paths paths;
	struct launch launch;		/* images open for all of them */
	struct loop *loop;
	unsigned want, n;
	struct ready_machine *first, *last;	/* the oldest is handed out first */
	uint64_t retry_at;		/* ns: none is started before, since one has failed */
	uint64_t started, failed;	/* for metrics */
};

/* Make or find the template and keep it open.  `spec` is copied; its strings are borrowed. */
int ready_open(struct ready *r, const struct spec *spec, struct loop *loop, struct err *err);

/* Start one machine if one is missing.  True: call again, there may be more to do now. */
bool ready_fill(struct ready *r);

/* ns until ready_fill() has something to do, as far as only time decides; or UINT64_MAX. */
uint64_t ready_due(const struct ready *r);

/* Hand the oldest one out over `sock`, for one of `reuse` commands that it may serve: it is to
 * come back but from the last.  -EAGAIN: there is none; else what the socket said. */
int ready_hand_out(struct ready *r, int sock, unsigned reuse);

/* One more, whatever is wanted: somebody cannot wait. */
int ready_start(struct ready *r, struct err *err);

/* A machine that has served is the next to be handed out. */
int ready_take_back(struct ready *r, const struct machine *m, const struct handover *h);

/* Give up what waits beyond `want`, the youngest first. */
void ready_trim(struct ready *r);

void ready_close(struct ready *r);

#endif
