/* explain.c - the whole plan of a run, printed instead of carried out. */
#include "runner/explain.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runner/cmd.h"
#include "runner/say.h"
#include "seccomp/load.h"
#include "seccomp/rules.h"

static void print_command(const struct opts *o)
{
	const struct spec *s = &o->spec;

	printf("command: ");
	for (int i = 0; i < o->argc; i++)
		printf("%s ", o->argv[i]);
	printf("\n  as guest user %s in %s, host name %s, %llu MiB, %u cpu%s\n",
	       s->user ? s->user : "1000", s->workdir ? s->workdir : s->work ? WORK_DIR : "its home directory",
	       s->hostname, (unsigned long long)s->memory >> 20, s->cpus, s->cpus > 1 ? "s" : "");
	if (s->timeout)
		printf("  ended after %.3f s\n", (double)s->timeout / 1e9);
}

/* Asked of the kernel, so it is what was opened and not what was meant. */
static void print_descriptor(int number, int fd, const char *what)
{
	char link[64], path[512];
	ssize_t n;
	int flags = fcntl(fd, F_GETFL);

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	printf("  %2d  %-10s %-10s %s\n", number, what,
	       (flags & O_ACCMODE) == O_RDONLY ? "read" :
	       (flags & O_ACCMODE) == O_WRONLY ? "write" : "read-write", path);
}

static void print_descriptors(const struct launch *l)
{
	static const char *const names[FD_JAILER_END] = {
		[FD_NULL0] = "null", [FD_NULL1] = "null", [FD_NULL2] = "null",
		[FD_SPEC] = "spec", [FD_LOG] = "log", [FD_CONSOLE] = "console", [FD_KVM] = "kvm",
		[FD_KERNEL] = "kernel", [FD_AGENT] = "agent", [FD_INITRD] = "initrd",
		[FD_BROKER] = "broker", [FD_NET] = "net", [FD_LEASH] = "leash", [FD_VMM] = "monitor",
	};
	char disk[] = "vda";

	printf("\nrunner: opens these with your rights and hands nothing else to the jailer\n");
	for (int i = 0; i < FD_JAILER_END; i++) {
		bool is_disk = i >= FD_DISK0 && i < FD_VMM_END;

		if (is_disk)
			disk[2] = (char)('a' + i - FD_DISK0);
		if (l->fd[i] >= 0)
			print_descriptor(i, l->fd[i], is_disk ? disk : names[i]);
	}
}

static void print_rule(const struct rule *r)
{
	char test[64] = "";

	if (r->test != ANY && !strcmp(r->call, "ioctl") && r->value == KVM_RUN)
		snprintf(test, sizeof(test), "(KVM_RUN)");
	else if (r->test == EQ)
		snprintf(test, sizeof(test), "(arg %u == %#llx)", r->arg,
			 (unsigned long long)r->value);
	else if (r->test == MASKED)
		snprintf(test, sizeof(test), "(arg %u & %#llx == %#llx)", r->arg,
			 (unsigned long long)r->mask, (unsigned long long)r->value);
	printf("  %-18s %-24s %s\n", r->call, test, r->why);
}

static void print_filters(bool with_net)
{
	printf("\nfilters: a call that is not listed ends the process\n");
	for (unsigned i = 0; i < seccomp_n_policies; i++) {
		const struct policy *p = seccomp_policies[i];

		if (i == POLICY_HTTP || i == POLICY_PACK || (i == POLICY_NET && !with_net))	/* not of this run */
			continue;
		printf("\n%s: %s, %u calls\n", p->name, p->who, p->n);
		for (unsigned j = 0; j < p->n; j++)
			print_rule(&p->rules[j]);
	}
}

/* The vmm may want to ask KVM what it can do; without it the plan is as good as possible. */
static void lend_kvm(struct launch *l)
{
	int fd = l->fd[FD_KVM] < 0 ? open("/dev/kvm", O_RDWR | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	l->fd[FD_KVM] = fcntl(fd, F_DUPFD_CLOEXEC, FD_JAILER_END);
	close(fd);
}

static int print_part(const struct launch *l, const char *title, const char *program)
{
	struct err err;

	printf("\n%s\n", title);
	fflush(stdout);		/* before the child writes */
	if (launch_explain(l, program, &err) == 0)
		return 0;
	say("%s", err.msg);
	return EXIT_SANDBOX;
}

int explain_run(const struct opts *o, struct launch *l, const struct paths *p)
{
	int rc;

	print_command(o);
	print_descriptors(l);
	lend_kvm(l);
	rc = print_part(l, "jailer: does these steps, then becomes the monitor", p->jailer);
	if (rc == 0)
		rc = print_part(l, "monitor: the machine, as the guest finds it", p->vmm);
	if (rc)
		return rc;
	print_filters(o->spec.network != NULL);
	if (fflush(stdout) == 0)
		return 0;
	say("cannot write the plan to stdout");
	return EXIT_SANDBOX;
}
