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

/* Of all threads, the guest's processors among them.  SIGXCPU says why, so the hard limit, which is
 * SIGKILL's, lies above. */
static rlim_t cpu_time(const struct jail *j)
{
	return j->spec.cpu_seconds ? j->spec.cpu_seconds : RLIM_INFINITY;
}

static const struct limit {
	int resource;
	const char *name;
	rlim_t (*value)(const struct jail *j);
	bool needed;			/* less than this and the vmm cannot work */
	rlim_t above;			/* by which the hard one is higher than the soft one */
} limits[] = {
	{ RLIMIT_CORE, "core file size", none, false, 0 },
	{ RLIMIT_FSIZE, "file size", file_size, false, 0 },
	{ RLIMIT_CPU, "processor time", cpu_time, false, 1 },
	{ RLIMIT_MEMLOCK, "locked memory", none, false, 0 },
	{ RLIMIT_MSGQUEUE, "message queues", none, false, 0 },
	{ RLIMIT_RTPRIO, "real-time priority", none, false, 0 },
	{ RLIMIT_NICE, "nice", none, false, 0 },
	{ RLIMIT_NPROC, "processes", processes, false, 0 },
	{ RLIMIT_NOFILE, "open files", open_files, true, 0 },
	{ RLIMIT_AS, "address space", address_space, true, 0 },
};

#define N_LIMITS (sizeof(limits) / sizeof(limits[0]))

static int set_limit(const struct limit *l, const struct jail *j, struct err *err)
{
	rlim_t want = l->value(j), hard;
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
	hard = want < r.rlim_max ? want + l->above : want;
	r.rlim_cur = want;
	r.rlim_max = hard;
	if (setrlimit(l->resource, &r) < 0 || getrlimit(l->resource, &seen) < 0)
		return err_sys(err, "limit of %s", l->name);
	if (seen.rlim_cur != want || seen.rlim_max != hard)
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
