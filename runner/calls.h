/* calls.h - calls of functions: which runs, which waits, how it went.
 *
 * A call is one `sandbox run --machine-fd` of its own: a process that the guest might take over
 * has the body and the output of one call, and nothing of another. */
#ifndef RUNNER_CALLS_H
#define RUNNER_CALLS_H

#include "runner/function.h"

struct calls {
	struct loop *loop;
	struct config *config;		/* for calls to come; those in work keep theirs */
	void (*answer)(void *ctx, const struct http_msg *m);
	void *ctx;
	struct call *all;		/* in work: they run or wait */
	unsigned n;
};

/* Run it, queue it or answer at once.  body and output are files at offset 0, and the call's
 * from here on.  The answer bears m->id. */
void calls_begin(struct calls *c, const struct http_msg *m, int body, int output);

/* Nobody waits for it: its machine is ended and nothing is answered.  Unknown: nothing. */
void calls_cancel(struct calls *c, uint32_t id);
void calls_cancel_all(struct calls *c);

/* How many machines each function should have ready, by what was asked for lately, and start or
 * end them.  One a function at a time: true if it wants to be called again at once. */
bool calls_adjust(struct calls *c);

/* ns until calls_adjust() has something to do, as far as only time decides; or UINT64_MAX. */
uint64_t calls_due(const struct calls *c);

#endif
