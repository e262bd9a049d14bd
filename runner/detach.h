/* detach.h - a run that goes on by itself, in the background, with its outputs in files. */
#ifndef RUNNER_DETACH_H
#define RUNNER_DETACH_H

#include "runner/run.h"

/* Take the name and go to the background.  0: this is the process in the background; 1: this is the
 * one in front, which has nothing more to do than to end with *code; or a negative errno. */
int detach(struct run *r, int *code, struct err *err);

/* In the background: the command has started, and who waited in front may go.  False: it has gone
 * already, because somebody did not want the run. */
bool detach_started(struct run *r);

/* Once a round: of each output, the last LOG_KEPT bytes are kept and a little more. */
#define LOG_KEPT (8 << 20)
void detach_trim(const struct run *r);

#endif
