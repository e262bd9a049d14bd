/* outputs.h - --output: what a command leaves behind, as files of ours when it has ended. */
#ifndef RUNNER_OUTPUTS_H
#define RUNNER_OUTPUTS_H

#include "lib/spec.h"
#include "runner/broker.h"
#include "runner/receive.h"

struct outputs {
	struct broker_port port;
	struct watch watch;
	struct facts *facts;
	struct target target[MAX_OUTPUTS + 1];	/* the last: of a workspace */
	const struct spec *spec;
	struct receive receive;
	bool done;			/* nothing more will come; with none, from the start */
	uint64_t began;			/* when the guest connected, or was to; 0: not yet */
};

/* Append their paths in the guest to an EXEC of *used bytes; false: they do not fit. */
bool outputs_add(struct msg *m, size_t *used, const struct spec *spec);

/* Where they will go, looked at before anything is started. */
int outputs_prepare(struct outputs *o, const struct spec *spec, struct err *err);

/* Those of command `id`. */
void outputs_init(struct outputs *o, uint32_t id, struct facts *facts, struct watch_set *set);

/* The guest may connect now. */
void outputs_offer(struct outputs *o, struct broker *b);

/* The command has ended: until when are we patient?  More for a guest that does send. */
uint64_t outputs_deadline(struct outputs *o);

/* Late, or the machine is gone: what is half made goes again, and what is missing is said - as the
 * run's failure, if nothing else failed. */
void outputs_finish(struct outputs *o);

#endif
