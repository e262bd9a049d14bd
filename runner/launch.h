/* launch.h - opens what the run needs, with the user's own rights, and starts the jailer
 * with it: the descriptors of lib/fds.h and nothing else. */
#ifndef RUNNER_LAUNCH_H
#define RUNNER_LAUNCH_H

#include <limits.h>
#include <sys/types.h>

#include "lib/err.h"
#include "lib/fds.h"
#include "lib/spec.h"
#include "runner/machine.h"
#include "runner/paths.h"
#include "runner/usernet.h"

struct launch {
	int fd[FD_JAILER_END];	/* at FD_x: what the child has as FD_x; -1: absent */
	struct machine machine;	/* our ends */
	struct usernet net;	/* of --net user */
	pid_t jailer;
	char root[PATH_MAX];	/* the root's image, where --root is not its path */
	char why_cold[256];	/* why it is booted although it might start from a template; or "" */
	int files;		/* the image of what the run brings, taken by launch_open(); or -1 */
	int kernel;		/* for the result: the guest's kernel, handed down or not; or -1 */
};

void launch_init(struct launch *l);

/* Open what all machines of this spec share: fills in l->fd and the handed-down part of *spec
 * (disks, disks_ro, net, initrd, snapshot).  On failure what was opened stays open: the process
 * ends. */
int launch_open(struct launch *l, struct spec *spec, const struct paths *p, struct err *err);

/* Make what one machine has for itself: the spec as text, and the channels of l->machine. */
int launch_machine(struct launch *l, const struct spec *spec, struct err *err);

/* Start the jailer in a process group of its own, with the descriptors.  What launch_machine()
 * made for it is closed here, whatever comes of it; l->machine is ours. */
int launch_spawn(struct launch *l, const struct paths *p, struct err *err);
void launch_close(struct launch *l);

/* Run `program --explain` with the descriptors (and our stdout) to its end. */
int launch_explain(const struct launch *l, const char *program, struct err *err);

#endif
