/* state.h - a machine's state as bytes: sections of a tag, a version and a length.
 *
 * What is read may come from anybody: a section is taken only if it is the one that is due,
 * of the version this monitor writes, and exactly as long as the struct it becomes.  What
 * the struct says is for its reader to doubt. */
#ifndef VMM_STATE_H
#define VMM_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/snapshot.h"

/* Tags are never used again for something else; a struct that changes gets a new version. */
enum state_tag { STATE_HOST = 1, STATE_VM, STATE_VCPU, STATE_DEVICE, STATE_VSOCK, STATE_SERIAL,
		 N_STATE_TAGS };

struct state {
	size_t len;			/* bytes in buf */
	size_t at;			/* the next section, when reading */
	uint8_t buf[SNAP_STATE_MAX];
};

/* Append a section.  -ENOSPC cannot happen to a machine within the limits of lib/limits.h,
 * and is remembered: the caller looks once, with state_whole(). */
void state_put(struct state *s, enum state_tag tag, const void *data, size_t n);
int  state_whole(const struct state *s, struct err *err);

/* The next section, which must be this one, into data[n]. */
int  state_get(struct state *s, enum state_tag tag, void *data, size_t n, struct err *err);

/* Nothing may be left. */
int  state_end(const struct state *s, struct err *err);

#endif
