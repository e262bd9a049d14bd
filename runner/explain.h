/* explain.h - `sandbox run --explain`. */
#ifndef RUNNER_EXPLAIN_H
#define RUNNER_EXPLAIN_H

#include "runner/launch.h"
#include "runner/opts.h"
#include "runner/paths.h"

/* Print what a run with these options would do, each process's part by itself, and start
 * no machine.  Returns the exit status. */
int explain_run(const struct opts *o, struct launch *l, const struct paths *p);

#endif
