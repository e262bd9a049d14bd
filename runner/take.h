/* take.h - a run in a machine that somebody else has made ready. */
#ifndef RUNNER_TAKE_H
#define RUNNER_TAKE_H

#include <stdbool.h>

#include "lib/spec.h"
#include "runner/machine.h"

/* --pool or --machine-fd? */
bool take_wanted(const struct spec *spec);

/* Wait for the machine.  *m is the caller's, *h says what it is. */
int take(const struct spec *spec, struct machine *m, struct handover *h, struct err *err);

#endif
