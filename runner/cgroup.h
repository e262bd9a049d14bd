/* cgroup.h - the keeper's last duty, done in its place when it was killed. */
#ifndef RUNNER_CGROUP_H
#define RUNNER_CGROUP_H

#include "lib/report.h"

/* Kill what is left in the jail's cgroups and remove their directories. */
void cgroup_remove(const struct report_jailed *j);

#endif
