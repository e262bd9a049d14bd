/* lock.h - the point after which the monitor can do nothing but serve its guest. */
#ifndef VMM_LOCK_H
#define VMM_LOCK_H

#include <stdbool.h>

#include "lib/err.h"
#include "vmm/thread.h"

/* Before the first thread: nobody may trace us, and a filter's refusal is reported; so is the end of
 * our processor time, if that is limited. */
int lock_prepare(bool cpu_limited, struct err *err);

/* Every thread has its filter, then this one gets its own.  *filtered as in
 * threads_parked(). */
int lock_down(struct threads *all, enum policy_id loop, bool *filtered, struct err *err);

#endif
