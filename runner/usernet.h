/* usernet.h - the network of a run without rights: passt, sandbox-net and sandbox-names.
 *
 *	monitor  <- frames ->  sandbox-net  <- frames ->  passt  <->  this host's sockets
 *				    |
 *			      sandbox-names  <->  this host's resolver
 *
 * Each ends with its streams: sandbox-net with the monitor's, or with us, the others with it. */
#ifndef RUNNER_USERNET_H
#define RUNNER_USERNET_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/err.h"
#include "lib/spec.h"
#include "runner/allow.h"
#include "runner/facts.h"
#include "runner/net/wire.h"
#include "runner/paths.h"
#include "runner/watch.h"

struct usernet {
	struct watch watch;		/* sandbox-net's last report */
	struct facts *facts;
	struct allow allow;
	pid_t passt, net, names;	/* 0: was not started */
	int fd[NET_FD_END];		/* what sandbox-net is started with; above those numbers */
	int errors;			/* what passt says on stderr */
	int names_end;			/* sandbox-names's end */
};

void usernet_init(struct usernet *u);

/* Start passt: *card is the monitor's stream, non-blocking.  What was started ends with us. */
int usernet_start(struct usernet *u, const struct spec *spec, int *card, struct err *err);

/* Wait until passt serves, and start the others. */
int usernet_ready(struct usernet *u, const struct paths *p, struct err *err);

/* From here on what goes wrong is a fact. */
void usernet_watch(struct usernet *u, struct facts *facts, struct watch_set *set);

/* The machine is over: what the network has to say is a fact, and its processes are gone. */
void usernet_finish(struct usernet *u);

#endif
