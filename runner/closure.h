/* closure.h - a program of this host and all that it needs to start: its loader, its shared
 * libraries and theirs, or, of a script, its interpreter; found as the loader would find them, and
 * by reading alone. */
#ifndef RUNNER_CLOSURE_H
#define RUNNER_CLOSURE_H

#include "runner/cargo.h"

/* Put the program `host` into the tree as `guest`, and what it needs to the places where the guest's
 * loader looks for it.  An interpreter or library that is not to be found is an error that names it
 * and who wants it. */
int closure_add(struct cargo *t, const char *host, const char *guest, struct err *err);

#endif
