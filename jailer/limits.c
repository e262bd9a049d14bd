/* limits.c - resource limits, soft and hard alike. */
#include <errno.h>
#include <sys/resource.h>

#include "jailer/jail.h"
#include "lib/snapshot.h"

#define SLACK (64ull << 20)	/* address space of the vmm besides guest memory and files */

static rlim_t none(const struct jail *j)
{
	(void)j;
	return 0;
}

/* Input files are mapped while the machine is loaded. */
static rlim_t address_space(const struct jail *j)
{
	return j->spec.memory + j->input_bytes + SLACK;
}

/* Writing is for disks, which grow no further than they are, and for the one snapshot. */
static rlim_t file_size(const struct jail *j)
{
	if (j->spec.snapshot == SNAP_TAKE || j->spec.savable)
		return SNAP_MEMORY_AT + j->spec.memory;
	return j->spec.disks_ro == (1u << j->spec.disks) - 1 ? 0 : RLIM_INFINITY;
}

static rlim_t open_files(const struct jail *j)
{
	(void)j;
	return FD_VMM_END + MAX_VSOCK_CONNS
	       + 2 * (1 + MAX_DISKS)	/* loops: epoll and wake-up */
	       + 4 * MAX_DEVICES	/* kicks of up to three queues, interrupt */
	       + 4 * MAX_VCPUS		/* vcpu, statistics, answer; one to spare */
	       + 8;			/* the machine itself, one on its way in from the broker */
}

/* Threads of the vmm and of KVM.  Counted by uid, so only where nobody else has it. */
static rlim_t processes(const struct jail *j)
{
	return j->privileged ? j->spec.cpus + j->spec.disks + 5 : RLIM_INFINITY;
}

static const struct limit {
	int resource;
	const char *name;
	rlim_t (*value)(const struct jail *j);
	bool needed;			/* less than this and the vmm cannot work */
} limits[] = {
	{ RLIMIT_CORE, "core file size", none, false },
	{ RLIMIT_FSIZE, "file size", file_size, false },
	{ RLIMIT_MEMLOCK, "locked memory", none, false },
	{ RLIMIT_MSGQUEUE, "message queues", none, false },
	{ RLIMIT_RTPRIO, "real-time priority", none, false },
	{ RLIMIT_NICE, "nice", none, false },
	{ RLIMIT_NPROC, "processes", processes, false },
	{ RLIMIT_NOFILE, "open files", open_files, true },
	{ RLIMIT_AS, "address space", address_space, true },
};

#define N_LIMITS (sizeof(limits) / sizeof(limits[0]))

static int set_limit(const struct limit *l, const struct jail *j, struct err *err)
{
	rlim_t want = l->value(j);
	struct rlimit r, seen;

	if (getrlimit(l->resource, &r) < 0)
		return err_sys(err, "limit of %s", l->name);
	if (want > r.rlim_max) {	/* the caller's own hard limit is lower */
		if (l->needed)
			return err_set(err, EPERM, "limit of %s: %llu is too low, %llu are needed: "
				       "raise it with ulimit", l->name,
				       (unsigned long long)r.rlim_max, (unsigned long long)want);
		want = r.rlim_max;
	}
	r.rlim_cur = r.rlim_max = want;
	if (setrlimit(l->resource, &r) < 0 || getrlimit(l->resource, &seen) < 0)
		return err_sys(err, "limit of %s", l->name);
	if (seen.rlim_cur != want || seen.rlim_max != want)
		return err_set(err, EPERM, "limit of %s: was not taken", l->name);
	return 0;
}

int set_limits(struct jail *j, struct err *err)
{
	for (size_t i = 0; i < N_LIMITS; i++) {
		int rc = set_limit(&limits[i], j, err);

		if (rc < 0)
			return rc;
	}
	layer_on(j, LAYER_RLIMITS);
	return 0;
}

void explain_limits(const struct jail *j, FILE *out)
{
	for (size_t i = 0; i < N_LIMITS; i++) {
		rlim_t v = limits[i].value(j);

		if (v != RLIM_INFINITY)
			fprintf(out, "\t%s %llu%s\n", limits[i].name, (unsigned long long)v,
				limits[i].value == address_space ? " and the input files" : "");
	}
}
