/* opts.h - from argv and the config file to a struct spec. */
#ifndef RUNNER_OPTS_H
#define RUNNER_OPTS_H

#include "lib/err.h"
#include "lib/spec.h"

struct opts {
	struct spec spec;
	int argc;
	char **argv;		/* the command; argc is 0 if none was given */
};

/* argv[0] is skipped.  Options end at "--" or at the first word that is none.  --config is
 * read first, so the command line overrides it.  Errors say what to do about them. */
int opts_parse(struct opts *o, int argc, char **argv, struct err *err);

#endif
