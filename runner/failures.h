/* failures.h - machines that cannot be saved are not saved on every run: a note beside where the
 * template would be says why they could not, a line each time. */
#ifndef RUNNER_FAILURES_H
#define RUNNER_FAILURES_H

#include "lib/err.h"

/* Has making the template `path` failed so lately, and so often, that it is not tried again
 * now?  0, or -EAGAIN and *err says why and when. */
int failures_check(const char *path, struct err *err);

/* It has just failed; said: a file with what its maker printed.  Returns -EIO with the last line
 * of that in *err. */
int failures_add(const char *path, int said, struct err *err);

void failures_forget(const char *path);

#endif
