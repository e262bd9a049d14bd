/* inspect.h - what a jailed process is and has, seen from outside through /proc. */
#ifndef TESTS_JAIL_INSPECT_H
#define TESTS_JAIL_INSPECT_H

#include <stdio.h>
#include <sys/types.h>

/* One "key: value" a line, in a fixed order.  What differs from run to run is put as a
 * word: "unique" is JAIL's own id, "caller" ours. */
void inspect(FILE *out, pid_t pid, pid_t keeper);

#endif
