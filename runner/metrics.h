/* metrics.h - what /metrics tells, in Prometheus' text format (version 0.0.4). */
#ifndef RUNNER_METRICS_H
#define RUNNER_METRICS_H

#include <stdint.h>

#define METRICS_BUCKETS 12

/* Of one function, since serve was started. */
struct metrics {
	uint64_t answers[6];		/* by metrics_statuses[] */
	uint64_t reused;		/* calls in a machine that had served before */
	uint64_t bucket[METRICS_BUCKETS + 1];	/* not cumulative; the last is all beyond */
	uint64_t sum_us;		/* from request to answer */
};

extern const unsigned metrics_statuses[6];

void metrics_count(struct metrics *m, unsigned status, uint64_t total_us);

struct config;

/* All of them, written to fd.  0 or a negative errno. */
int metrics_write(int fd, const struct config *c);

#endif
