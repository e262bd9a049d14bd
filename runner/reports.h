/* reports.h - reads what jailer, keeper and vmm report, see lib/report.h. */
#ifndef RUNNER_REPORTS_H
#define RUNNER_REPORTS_H

#include <stdbool.h>

#include "lib/report.h"
#include "runner/facts.h"
#include "runner/watch.h"

struct reports {
	struct watch watch;
	struct facts *facts;
	bool trusted;			/* FD_LEASH, not FD_LOG */
	size_t have;			/* bytes of buf */
	struct report buf[8];
};

/* fd: the read end, owned from here on. */
void reports_init(struct reports *r, int fd, bool trusted, struct facts *facts,
		  struct watch_set *set);

#endif
