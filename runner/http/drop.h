/* drop.h - a process that reads strangers' bytes, and what it gives up first. */
#ifndef RUNNER_HTTP_DROP_H
#define RUNNER_HTTP_DROP_H

#include "lib/rights.h"
#include "lib/err.h"

/* Close all but 0 to HTTP_FD_LISTEN, leave the working directory, bound the rest. */
int drop_belongings(struct err *err);

/* From here on the calls of seccomp/http.c and no others. */
int drop_calls(struct err *err);

#endif
