/* cgroup.h - the keeper's last duty, done in its place when it was killed. */
#ifndef RUNNER_CGROUP_H
#define RUNNER_CGROUP_H

#include <sys/types.h>

#include "lib/report.h"

/* Kill what is left in the jail's cgroups and remove their directories. */
void cgroup_remove(const struct report_jailed *j);

/* The same for a keeper, ended and ours, that did not live to report them. */
void cgroup_remove_of(pid_t keeper);

/* Remove every directory of this user's, or with root's rights anybody's, that no keeper lives
 * for: how many.  *err is the first that cannot be removed. */
unsigned cgroup_sweep(struct err *err);

#endif
