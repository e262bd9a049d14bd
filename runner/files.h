/* files.h - what a run brings into its guest: --copy-in, and a program of this host, as one
 * read-only image that is a disk of the machine.  The agent lays it over the root. */
#ifndef RUNNER_FILES_H
#define RUNNER_FILES_H

#include "runner/opts.h"

/* Make the image: *fd is it, read-only, or -1 where there is nothing to bring.  Sets spec->files and
 * spec->work, and the first word of a command that is a program of this host to what it is in the
 * guest. */
int files_open(struct opts *o, int *fd, struct err *err);

/* One with nothing in it, for a machine that is saved. */
int files_empty(int *fd, struct err *err);

/* A file without a name and of that length, in TMPDIR or /var/tmp; `what` is for errors. */
int files_nameless(uint64_t bytes, const char *what, struct err *err);

#endif
