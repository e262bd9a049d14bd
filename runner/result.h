/* result.h - what happened, as JSON in the file of --result. */
#ifndef RUNNER_RESULT_H
#define RUNNER_RESULT_H

#include "lib/spec.h"
#include "runner/facts.h"
#include "runner/outcome.h"

/* Before the run: can the file be written where it is to be?  Creates nothing. */
int result_check(const char *path, struct err *err);

struct result {
	const struct facts *facts;
	const struct outcome *outcome;
	const char *start;	/* "cold", or "warm": booted, or restored */
	int kernel, root;	/* descriptors of the images, for their hashes; -1: none */
};

/* Write a whole file or none: to a temporary name beside it, then rename(2).  What is there
 * and no regular file (a FIFO, /dev/stdout) is written to as it is. */
int result_write(const struct result *r, const char *path, struct err *err);

#endif
