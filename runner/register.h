/* register.h - the machines that this user's other commands can find.
 *
 * Each has a directory of its name in $XDG_RUNTIME_DIR/sandbox, or else in /tmp/sandbox-UID, of
 * mode 0700: `entry`, one struct that says what it is; `door`, see door.h; of a detached run
 * also its outputs, `out` and `err`.  Its runner holds a lock on `entry` for as long as it
 * lives, however that ends: whose lock is gone is gone. */
#ifndef RUNNER_REGISTER_H
#define RUNNER_REGISTER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

#define REGISTER_NAME 64		/* of a machine, with its NUL */

enum entry_state { ENTRY_STARTING, ENTRY_RUNNING, ENTRY_PAUSED, ENTRY_KEPT, ENTRY_OVER, N_ENTRY_STATES };
extern const char *const entry_state_names[N_ENTRY_STATES];

/* Written and read in one go. */
struct entry {
	uint32_t version;
	uint32_t state;			/* enum entry_state */
	int32_t  runner, monitor;	/* process ids; 0: none yet */
	int32_t  code;			/* when it is over: the exit status of the run */
	uint32_t cpus, commands;	/* commands: that run in it, beside its own */
	uint32_t detached;		/* 1: with outputs, and kept when it is over */
	uint64_t memory;		/* bytes */
	uint64_t started;		/* seconds since 1970 */
	char     reason[24];		/* when it is over */
	char     command[128];		/* printable */
	char     cgroup[5][128];	/* of its monitor, as in struct report_jailed */
};

struct claim {
	int dir, file;			/* -1: none */
	char name[REGISTER_NAME];
	struct entry entry;
};

/* Can a machine be called that? */
bool register_is_name(const char *name);

/* Take the name; -EADDRINUSE when a machine that lives has it.  What is left of one that does not
 * is removed. */
int register_claim(struct claim *c, const char *name, struct err *err);

/* c->entry has changed. */
void register_update(struct claim *c);

/* The end: of a detached run its outputs and its last entry stay, until the name is taken again or
 * register_sweep() comes. */
void register_release(struct claim *c);

/* Another one's: c->entry as it is now.  c->dir and c->file are the caller's, to be given back with
 * register_close(). -ENOENT: there is no such machine. */
int register_find(struct claim *c, const char *name, struct err *err);
void register_close(struct claim *c);

/* Look again; and: is there still a runner?  Wait until there is none. */
int  register_look(struct claim *c);
bool register_lives(const struct claim *c);
int  register_wait(const struct claim *c);

/* Each entry, by name; what the dead have left that were not detached is removed. */
int register_each(void (*each)(struct claim *c), struct err *err);

/* Remove all that do not live, or just the one of that name, if it is not NULL; how many. */
unsigned register_sweep(const char *name, struct err *err);

#endif
