/* usage.h - what a machine uses of its host now, as the host's kernel counts it. */
#ifndef RUNNER_USAGE_H
#define RUNNER_USAGE_H

#include <stdint.h>

#include "runner/register.h"

struct usage {
	uint64_t cpu_us;		/* of its monitor and its guest, since it was started */
	uint64_t memory;		/* bytes: of its control group, else what its monitor has in memory */
	unsigned threads;		/* the same: pids.current, or threads */
};

/* -ESRCH: it has no monitor, or none yet. */
int usage_of(const struct entry *e, struct usage *u);

#endif
