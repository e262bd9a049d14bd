/* signals.h - signals as events of the loop. */
#ifndef RUNNER_SIGNALS_H
#define RUNNER_SIGNALS_H

#include <signal.h>

#include "lib/err.h"
#include "runner/watch.h"

struct signals {
	struct watch watch;
	void (*got)(struct signals *s, int signo);
};

/* SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH and SIGCHLD come to got().
 * What our parent had us ignore (nohup, a shell's background) stays ignored. */
int signals_init(struct signals *s, void (*got)(struct signals *s, int signo),
		 struct watch_set *set, struct err *err);

/* The signalfd alone, for a loop of another kind; non-blocking.  Or a negative errno. */
int signals_open(struct err *err);

#endif
