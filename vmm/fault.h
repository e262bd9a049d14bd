/* fault.h - misbehaviour on request, so that tests can see what happens then.
 *
 * Only in builds with -DSANDBOX_FAULTS (make FAULTS=1); otherwise all of it is nothing.
 *
 *	phase-NAME	fail in that phase
 *	loop-open	open a file on the main loop, after lock-down
 *	vcpu-socket	make a socket on a vcpu thread, before its first instruction
 *	vcpu-ioctl	make a virtual machine on a vcpu thread, which may only run its own
 *	blk-mmap	map memory on a disk's thread
 *	crash, abort	die on the main loop
 *	hang		serve nothing, for ever */
#ifndef VMM_FAULT_H
#define VMM_FAULT_H

#include "lib/err.h"

#ifdef SANDBOX_FAULTS

void fault_set(const char *what);	/* borrowed */
int  fault_phase(const char *phase, struct err *err);
void fault_thread(const char *name);
void fault_loop(void);

#else

static inline void fault_set(const char *what)
{
	(void)what;
}

static inline int fault_phase(const char *phase, struct err *err)
{
	(void)phase;
	(void)err;
	return 0;
}

static inline void fault_thread(const char *name)
{
	(void)name;
}

static inline void fault_loop(void)
{
}

#endif
#endif
