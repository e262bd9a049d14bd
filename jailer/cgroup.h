/* cgroup.h - one control group directory per hierarchy that can be written.
 *
 * Three kinds of host are known: one v2 tree with controllers; v1 hierarchies only; and v1
 * hierarchies with limits beside a v2 tree without, which is good for killing. */
#ifndef JAILER_CGROUP_H
#define JAILER_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/spec.h"

enum { CG_V2, CG_MEMORY, CG_PIDS, CG_CPU, CG_IO, N_CGROUPS };

struct cgroup_dir {
	int parent;		/* directory we made ours in; -1: this hierarchy is not used */
	int dir;
	int attach;		/* a thread that writes "0" here moves itself in */
	uint64_t layers;	/* that this directory gives */
	char path[128];
};

struct cgroups {
	char name[32];		/* "sandbox-PID", in every hierarchy */
	struct cgroup_dir d[N_CGROUPS];
	int kill;		/* cgroup.kill, or -1 */
	int events;		/* where "oom_kill N" is read, or -1 */
};

/* Where they are made. */
enum cgroup_place {
	ON_TOP,			/* of each hierarchy: root's right */
	WHERE_ALLOWED,		/* beside the caller's own group or inside it, as a user may */
	INSIDE_OWN,		/* with rights that the caller has not: its limits hold for ours */
};

void cgroups_init(struct cgroups *c);

/* Make what can be made and is not there yet; never fails, since a host may offer nothing.  The
 * union of d[].layers says what it came to. */
void cgroups_make(struct cgroups *c, const struct spec *s, enum cgroup_place place);

/* Move the calling thread into every directory, v2 unless it was started there.  A
 * hierarchy that refuses loses its layers; returns those that are on. */
uint64_t cgroups_attach(struct cgroups *c, bool already_in_v2);

/* Close what only making and attaching needed. */
void cgroups_settle(struct cgroups *c);

/* Remove the directories; waits a moment for those still busy.  Returns how many remain. */
unsigned cgroups_remove(struct cgroups *c);

/* Kill everything inside, where that is possible: 0 or a negative errno. */
int cgroups_kill(const struct cgroups *c);

/* How many processes inside were killed for memory. */
unsigned cgroups_oom_kills(const struct cgroups *c);

/* Write to a file of a group: 0 or a negative errno. */
int cgroup_put(int dir, const char *file, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Let the group read from and write to each device that one of the spec's disks is on at its
 * disk_rate: 0 or a negative errno; io.c. */
int limit_io(const struct cgroup_dir *d, bool v2, const struct spec *s);

/* Removing a directory needs write permission on its parent, and root without
 * capabilities has none on the top of a hierarchy, which is mode 0555. */
bool cgroups_need_override(const struct cgroups *c);

#endif
