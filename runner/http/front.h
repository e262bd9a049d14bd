/* front.h - the HTTP server: its loop, and the requests in it.  One thread. */
#ifndef RUNNER_HTTP_FRONT_H
#define RUNNER_HTTP_FRONT_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "runner/http/pending.h"

enum phase {
	RECEIVING,		/* its body arrives */
	CALLING,		/* serve has it; the connection is suspended */
	ANSWERED,		/* serve has answered: to be put into words */
	GONE,			/* the client left while CALLING: to be closed */
	SENDING,		/* its answer is being sent */
	N_PHASES,
};

struct front {
	struct MHD_Daemon *mhd;
	int      listener;		/* the daemon's, closed while draining */
	struct pending calls;
	uint64_t max_body;		/* bytes */
	char     too_large[64];		/* what is said of more */
	unsigned n[N_PHASES];		/* requests in each phase */
	bool     draining;
	uint64_t drain_until;		/* ns: who has not sent a whole request by then is late */
};

/* Serve connections of the listening socket, which becomes the front's; `serve` stays the
 * caller's and must be non-blocking.  The front must not move. */
int front_init(struct front *f, int listener, int serve, uint64_t max_body, struct err *err);

/* Wait, and do what there is to do.  0: there may be more; 1: serve is gone, or wanted an
 * end and all is answered; or a negative errno. */
int front_step(struct front *f, struct err *err);

#endif
