/* rights.h - a process that reads strangers' bytes gives up what it does not need. */
#ifndef LIB_RIGHTS_H
#define LIB_RIGHTS_H

#include "lib/err.h"

/* Root becomes nobody; no capability in any set, no ptrace, no new privileges; each step is
 * followed by a look. */
int rights_drop(struct err *err);

#endif
