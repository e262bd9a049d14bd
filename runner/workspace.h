/* workspace.h - --workspace: a directory of this host as the guest's /work, and what the command has
 * changed in it, written back or left in a tar file.
 *
 * What the guest may touch is what it was given: a change that comes back replaces or removes only
 * what was copied in and is still as it was then. */
#ifndef RUNNER_WORKSPACE_H
#define RUNNER_WORKSPACE_H

#include "lib/spec.h"
#include "runner/receive.h"
#include "runner/cargo.h"

/* The directory into the tree, without what stays here. */
int workspace_add(struct cargo *t, const struct spec *spec, struct err *err);

/* What was copied is remembered, to be compared with; *t is empty afterwards. */
void workspace_keep(struct cargo *t);

/* Where the changes go at first: beside the files that they change. */
int workspace_target(struct target *t, const struct spec *spec, struct err *err);

/* They are there, all of them: the rest. */
int workspace_finish(const struct target *t, const struct spec *spec, struct err *err);

#endif
