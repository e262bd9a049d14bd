/* jail.h - what the steps of the jailer share.
 *
 * One struct jail, on main()'s stack.  The steps run in the order of the table in main.c;
 * "enter namespaces" splits the process: the parent becomes the keeper and never returns
 * from that step, the child goes on with the next one. */
#ifndef JAILER_JAIL_H
#define JAILER_JAIL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "jailer/cgroup.h"
#include "lib/err.h"
#include "lib/fds.h"
#include "lib/report.h"
#include "lib/spec.h"

#define JAIL_ID		1000u		/* the vmm's uid and gid inside its user namespace */
#define JAIL_HOST_ID	1900000000u	/* as root: its uid outside is this + the keeper's pid */
#define JAIL_HOSTNAME	"sandbox"
#define FD_KEEPER	FD_JAILER_END	/* the child's end of the socket to the keeper */

struct jail {
	struct spec spec;
	bool privileged;		/* may map and become any uid: root, in short */
	bool lent;			/* by file capabilities: the caller is a user like any other */
	bool child;			/* after the split: not the keeper */
	bool bare;			/* without namespaces: a user that may make none */
	bool root_is_empty;
	bool own_core;			/* no other process runs beside it on a core */
	uint64_t layers;		/* bit 1 << enum layer */
	uint64_t input_bytes;		/* of kernel, agent and initramfs together */
	struct cgroups cgroups;

	uid_t uid;			/* of the vmm, outside its user namespace */
	gid_t gid;
	int proc;			/* directory of /proc, for after the root is empty */
	int keeper_end, child_end;	/* a socket pair */
	int pidfd;			/* the child; the keeper's */
	pid_t pid;			/* the child, as the keeper sees it */
	uint64_t cpu_ns;		/* used before the split */
};

/* The one message from the keeper to the child: its ids are mapped, it may go on. */
struct go {
	int32_t  pid;			/* the child's, as the keeper sees it */
	uint32_t zero;
	uint64_t cpu_ns;		/* the jailer's CPU time before the split */
};

static inline void layer_on(struct jail *j, enum layer layer)
{
	j->layers |= 1ull << layer;
}

static inline bool layer_is_on(const struct jail *j, enum layer layer)
{
	return j->layers >> layer & 1;
}

typedef int step_fn(struct jail *j, struct err *err);
typedef void detail_fn(const struct jail *j, FILE *out);

/* The steps, in order; each returns 0 or a negative errno with err filled in. */
step_fn forget_caller;				/* clean.c */
step_fn share_nothing;				/* share.c */
step_fn read_spec, check_fds;			/* check.c */
step_fn open_devices;				/* device.c */
step_fn make_cgroups;				/* cgroup.c */
step_fn take_up_rights;				/* priv.c */
step_fn stay_in_groups;				/* cgroup.c */
step_fn enter_namespaces;			/* ns.c */
step_fn empty_root;				/* root.c */
step_fn name_host;				/* ns.c */
step_fn set_limits;				/* limits.c */
step_fn arrange_fds;				/* exec.c */
step_fn drop_rights, tie_to_keeper, no_new_privs;	/* priv.c */
step_fn deny_files;				/* landlock.c */
step_fn prove;					/* prove.c */
step_fn filter_calls, become_vmm;		/* exec.c */
step_fn insist;					/* prove.c */

/* What a step does for this spec, for --explain; several lines, each "\t...\n". */
detail_fn explain_spec, explain_fds, explain_cgroups, explain_ids, explain_limits,
	  explain_required;

/* Whether fd belongs to this spec's machine, and so stays open in the vmm. */
bool fd_is_vmms(const struct spec *s, int fd);

/* What share_nothing() has done holds, as far as its layers are on; share.c. */
bool holds_no_key(const struct jail *j);
bool shares_no_core(const struct jail *j);
bool merges_no_page(const struct jail *j);

/* Whether this process may do what only root can, and whether its caller might.  What only
 * the file of the program gives is laid aside until take_up_rights(). */
int look_at_rights(struct jail *j, struct err *err);

/* CPU time that this process has used, in ns; ns.c. */
uint64_t cpu_so_far(void);

/* Lock the securebits (needs CAP_SETPCAP); uid changes then leave capabilities alone. */
int lock_securebits(struct err *err);

/* Give up every capability but those in keep (a mask of 1ull << CAP_...), for good; of these,
 * `use` takes effect. */
int limit_caps(uint64_t keep, uint64_t use, struct err *err);

/* No program that is started from here on gets any (needs CAP_SETPCAP). */
int empty_bounding_set(struct err *err);

/* The parent's life after the split: until the child is gone and cleaned up behind. */
_Noreturn void keep(struct jail *j, bool userns);

#endif
