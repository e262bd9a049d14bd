/* snap.h - a machine into a snapshot, and out of one.
 *
 * A template is saved when its agent asks for its first connection: it has set itself up, and
 * has seen nothing of the run it is for.  The request is part of the snapshot, and every clone
 * makes it anew.
 *
 * A savable machine is saved when the runner says so, and goes on.  Its connections do not
 * survive in the clone, whose agent is told and connects again. */
#ifndef VMM_SNAP_H
#define VMM_SNAP_H

#include "lib/err.h"
#include "vmm/state.h"

struct vm;

/* Before lock_down(), for a machine that is to be saved, now or when asked to. */
int snap_prepare(struct vm *vm, struct err *err);

/* Park the vcpus and write the file fd.  Then a template stops with STOP_SNAPSHOT and the
 * state's length; a savable machine closes fd, reports, and goes on.  On the main thread;
 * returns at once, the rest happens on the loop. */
void snap_begin(struct vm *vm, int fd);

/* Read FD_SNAPSHOT's state: is it of such a machine on such a host?  Before anything else
 * is made. */
int snap_open(struct vm *vm, struct err *err);

/* Guest memory becomes the file's; vm and vcpus, and the devices, once they are there. */
int snap_map(struct vm *vm, struct err *err);
int snap_load(struct vm *vm, struct err *err);

/* Locked down, before the vcpus run: what was under way goes on. */
void snap_resume(struct vm *vm);

#endif
