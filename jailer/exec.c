/* exec.c - the descriptor table, the outer filter, and the end of the jailer. */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "jailer/jail.h"
#include "seccomp/load.h"

/* The jailer's own three stay, close-on-exec: a failure can still be told. */
int arrange_fds(struct jail *j, struct err *err)
{
	if (dup3(j->child_end, FD_KEEPER, O_CLOEXEC) < 0)
		return err_sys(err, "descriptors");
	j->child_end = FD_KEEPER;
	if (syscall(SYS_close_range, FD_KEEPER + 1, ~0u, 0) < 0)
		return err_sys(err, "descriptors");
	j->proc = -1;
	for (int fd = 0; fd < FD_VMM_END; fd++) {
		if (!fd_is_vmms(&j->spec, fd))
			close(fd);
		else if (fcntl(fd, F_SETFD, 0) < 0)
			return err_sys(err, "descriptor %d", fd);
	}
	for (int fd = FD_LEASH; fd <= FD_KEEPER; fd++)
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
			return err_sys(err, "descriptor %d", fd);
	return 0;
}

int filter_calls(struct jail *j, struct err *err)
{
	int rc = seccomp_install(POLICY_OUTER);

	if (rc == 0)
		layer_on(j, LAYER_SECCOMP);
	else if (rc != -ENOTSUP)	/* that is a sanitizer build, which says so in its layers */
		return err_set(err, -rc, "seccomp filter: %s", strerror(-rc));
	return 0;
}

static void report_jailed(const struct jail *j)
{
	struct report r = { .kind = REPORT_JAILED, .jailed.vmm_cpu_ns = cpu_so_far() };

	r.jailed.layers = j->layers;
	r.jailed.uid = j->uid;
	r.jailed.vmm_pid = j->pid;
	r.jailed.cpu_ns = j->cpu_ns + r.jailed.vmm_cpu_ns;
	for (unsigned i = 0; i < N_CGROUPS; i++)
		if (j->cgroups.d[i].parent >= 0)
			memcpy(r.jailed.cgroup[i], j->cgroups.d[i].path,
			       sizeof(r.jailed.cgroup[i]));
	report_send(FD_LEASH, &r);
}

_Static_assert(N_CGROUPS <= sizeof(((struct report_jailed *)0)->cgroup) /
			    sizeof(((struct report_jailed *)0)->cgroup[0]),
	       "the runner is told of each directory");

int become_vmm(struct jail *j, struct err *err)
{
	static char name[] = "sandbox-vmm";
	char *const argv[] = { name, NULL }, *const envp[] = { NULL };

	report_jailed(j);
	syscall(SYS_execveat, FD_VMM, "", argv, envp, AT_EMPTY_PATH);
	return err_sys(err, "monitor: cannot be executed");
}
