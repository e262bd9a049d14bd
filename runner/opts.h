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

/* The options that may stand in `where` (lib/spec.h); argv[0] is the subcommand, for messages.
 * Options end at "--" or at the first word that is none.  --config is read first, so the
 * command line overrides it.  Errors say what to do about them. */
int opts_parse(struct opts *o, unsigned where, int argc, char **argv, struct err *err);

/* What no row alone can say of values: names, absolute paths. */
int opts_check(const struct spec *s, struct err *err);

#endif
