/* snap.h - a machine into a snapshot, and out of one.
 *
 * Saved is a machine whose agent asks for its first connection: it has set itself up, and has
 * seen nothing of the run it is for.  The request is part of the snapshot, and every clone
 * makes it anew. */
#ifndef VMM_SNAP_H
#define VMM_SNAP_H

#include "lib/err.h"
#include "vmm/state.h"

struct vm;

/* Before lock_down(), for a machine that is to be saved. */
int snap_prepare(struct vm *vm, struct err *err);

/* Park the vcpus, write FD_SNAPSHOT, stop with STOP_SNAPSHOT and the state's length.  On the
 * main thread; returns at once, the rest happens on the loop. */
void snap_begin(struct vm *vm);

/* Read FD_SNAPSHOT's state: is it of such a machine on such a host?  Before anything else
 * is made. */
int snap_open(struct vm *vm, struct err *err);

/* Guest memory becomes the file's; vm and vcpus, and the devices, once they are there. */
int snap_map(struct vm *vm, struct err *err);
int snap_load(struct vm *vm, struct err *err);

/* Locked down, before the vcpus run: what was under way goes on. */
void snap_resume(struct vm *vm);

#endif
