/* run.h - one command in one machine: what a run is made of, and the stage it is in. */
#ifndef RUNNER_RUN_H
#define RUNNER_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "runner/broker.h"
#include "runner/console.h"
#include "runner/door.h"
#include "runner/facts.h"
#include "runner/launch.h"
#include "runner/opts.h"
#include "runner/outcome.h"
#include "runner/outputs.h"
#include "runner/paths.h"
#include "runner/register.h"
#include "runner/reports.h"
#include "runner/session.h"
#include "runner/signals.h"
#include "runner/stdio.h"
#include "runner/visitors.h"

enum stage {
	BOOTING,	/* until STARTED */
	RUNNING,	/* until EXITED */
	DRAINING,	/* until the outputs are read to their end */
	KEPT,		/* --keep-on-fail: until somebody ends the machine */
	STOPPING,	/* until vmm and keeper are gone */
	KILLING,	/* the leash is let go: the keeper kills whatever is left */
	OVER,
};

struct run {
	struct opts opts;
	struct paths paths;
	struct launch launch;
	struct watch_set watches;
	struct facts facts;
	struct reports leash, log;
	struct console console;
	struct broker broker;
	struct session session;
	struct stdio stdio;
	struct outputs outputs;
	struct signals signals;
	struct claim claim;		/* of a run with a name; and so the next two */
	struct door door;
	struct visitors visitors;
	int ready;			/* of a detached run: who waits until its command has started */
	struct watch giver;		/* who gave us the machine, and gives up the run by leaving */
	struct handover handover;	/* what came with the machine, if it was given to us */
	struct outcome outcome;
	bool tty, taken, offered, given_back;
	bool paused, saving;		/* at somebody's request */
	enum stage stage;
	uint64_t deadline;		/* of the stage; UINT64_MAX: none */
	uint64_t last_interrupt;	/* when SIGINT came last */
};

/* Callbacks of what a run is made of. */
void stages_signal(struct signals *s, int signo);
void stages_giver_gone(struct watch *w, short events);

/* Somebody wants no more of the machine. */
void stages_end(struct run *r);

/* From a machine that is there or on its way to one that is over, or that is to be given back. */
void stages_run(struct run *r);

#endif
