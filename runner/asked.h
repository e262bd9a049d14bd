/* asked.h - what others may ask of a run that has a name, see door.h. */
#ifndef RUNNER_ASKED_H
#define RUNNER_ASKED_H

#include "runner/run.h"

/* The name is taken, if the run is to have one and has none yet; others can come from now on. */
int asked_open(struct run *r, struct err *err);

/* Once a round: what can be found of the run is what it is now. */
void asked_update(struct run *r);

/* A machine that is paused runs again, be it to end. */
void asked_resume(struct run *r);

#endif
