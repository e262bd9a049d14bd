/* trial.h - one jail, made and ended again, to see what it comes to on this host. */
#ifndef RUNNER_TRIAL_H
#define RUNNER_TRIAL_H

#include <stdint.h>

#include "lib/err.h"

/* The layers that the jailer reports, bits of enum layer; blocks until nothing of the jail is
 * left.  An error is the one that a run would end with. */
int trial_jail(uint64_t *layers, struct err *err);

#endif
