/* launch.h - opens what the run needs, with the user's own rights, and starts the jailer
 * with it: the descriptors of lib/fds.h and nothing else. */
#ifndef RUNNER_LAUNCH_H
#define RUNNER_LAUNCH_H

#include <sys/types.h>

#include "lib/err.h"
#include "lib/fds.h"
#include "lib/spec.h"
#include "runner/paths.h"

struct launch {
	int fd[FD_JAILER_END];	/* at FD_x: what the child has as FD_x; -1: absent */
	int leash, log, console, broker;	/* our ends, non-blocking */
	pid_t jailer;
	char why_cold[256];	/* why it is booted although it might start from a template; or "" */
	int kernel;		/* for the result: the guest's kernel, handed down or not; or -1 */
	int snapshot;		/* the file the machine is saved in, after launch_spawn(); or -1 */
};

/* Fills in l->fd and the handed-down part of *spec (disks, disks_ro, initrd).  On failure
 * what was opened stays open: the process ends. */
int launch_open(struct launch *l, struct spec *spec, const struct paths *p, struct err *err);

/* Start the jailer in a process group of its own; our copies of its descriptors are closed
 * but for kernel and root image, which the result hashes. */
int launch_spawn(struct launch *l, const struct paths *p, struct err *err);

/* Run `program --explain` with the descriptors (and our stdout) to its end. */
int launch_explain(const struct launch *l, const char *program, struct err *err);

#endif
