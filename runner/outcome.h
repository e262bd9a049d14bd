/* outcome.h - from the facts of a run to one verdict: reason, exit code, line for stderr. */
#ifndef RUNNER_OUTCOME_H
#define RUNNER_OUTCOME_H

#include "lib/spec.h"
#include "runner/facts.h"

enum reason {
	REASON_EXIT,		/* the command ended by itself */
	REASON_SIGNAL,		/* a signal in the guest ended it */
	REASON_TIMEOUT,
	REASON_CPU_LIMIT, REASON_OUTPUT_LIMIT, REASON_PIDS_LIMIT,
	REASON_OOM,		/* the guest ran out of memory and its kernel killed the command */
	REASON_GUEST_PANIC,	/* the guest's kernel gave up, or reset the machine */
	REASON_VMM_FAULT,	/* the monitor crashed or KVM could not go on */
	REASON_POLICY_KILL,	/* a filter stopped the monitor */
	REASON_SPAWN_FAILED,	/* the command could not be started */
	REASON_INTERRUPTED,	/* a signal to the runner ended the run */
	REASON_PROTOCOL,	/* the guest or the monitor broke a rule between us */
	REASON_ERROR,		/* the sandbox could not start or finish */
	N_REASONS
};
extern const char *const reason_names[N_REASONS];

struct outcome {
	enum reason reason;
	int code;		/* our exit status */
	int signal;		/* REASON_SIGNAL, _OOM, _INTERRUPTED: which */
	char message[400];	/* "" where the exit status says it all */
};

/* command: argv[0] of the guest's command, for the message. */
void outcome_judge(struct outcome *o, const struct facts *f, const struct spec *spec,
		   const char *command);

#endif
