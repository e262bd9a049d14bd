/* rights.h - for a process that reads what strangers send. */
#ifndef LIB_RIGHTS_H
#define LIB_RIGHTS_H

#include "lib/err.h"

/* Root becomes nobody; no capability in any set, no core, no ptrace, no new privileges; each step is
 * followed by a look. */
int rights_drop(struct err *err);

#endif
