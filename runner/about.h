/* about.h - what is known of an image in the store: what it was made of, and which command it is
 * for, as JSON. */
#ifndef RUNNER_ABOUT_H
#define RUNNER_ABOUT_H

#include "lib/err.h"
#include "runner/opts.h"
#include "runner/pack/wire.h"

/* The caller's, for free(); NULL: no memory. */
char *about_write(const char *source, const char *kind, const struct pack_msg *config);

/* What the image at spec->root says of its command, if it is one of the store's and says anything,
 * and the command line does not: the command and its arguments, environment, directory and user.
 * Its strings stay until the next call. */
int about_apply(struct opts *o, struct err *err);

/* The file's text on stdout, with what the store knows besides. */
int about_print(const char *id, struct err *err);

#endif
